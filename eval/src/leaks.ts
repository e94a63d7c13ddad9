/**
 * Whether a public reason gives away the owner's instructions: eight words of them in a row, whatever case, punctuation and
 * invisible characters stand between. Written anew rather than taken from the decider, whose own check it checks.
 */

const RUN = 8;

/** Whether eight words in a row of the instructions are in the text. */
export function leaks(text: string, instructions: string): boolean {
  const said = ` ${words(text).join(' ')} `;
  const own = words(instructions);
  return own.some((_, at) => at + RUN <= own.length && said.includes(` ${own.slice(at, at + RUN).join(' ')} `));
}

/** Letters and digits; where no spaces are written, each character counts as a word. */
function words(text: string): string[] {
  const seen = text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase();
  return seen.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{M}\p{N}]+/gu) ?? [];
}
