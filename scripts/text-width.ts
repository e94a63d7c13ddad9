/** Text in columns: how wide a terminal shows it, cut and wrapped by that width and not by the number of characters. */

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const ZERO_WIDTH = /^[\p{M}\p{Cf}\p{Cc}]+$/u;
const EMOJI = /\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f/u;
/** East Asian wide and full-width forms: Hangul Jamo, CJK with its punctuation, kana, Hangul, full-width signs. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]/u;

/** Columns that a terminal gives to this text. */
export function textWidth(text: string): number {
  return split(text).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}

/** The text with spaces to a width; it must not be wider. */
export function pad(text: string, width: number, side: 'left' | 'right' = 'right'): string {
  const spaces = ' '.repeat(Math.max(0, width - textWidth(text)));
  return side === 'right' ? text + spaces : spaces + text;
}

/** The text if it fits, else its beginning and `…`. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let used = 1;
  const kept: string[] = [];
  for (const grapheme of split(text)) {
    used += graphemeWidth(grapheme);
    if (used > width) break;
    kept.push(grapheme);
  }
  return `${kept.join('').trimEnd()}…`;
}

/** The text in at most `lines` lines of a width, broken between words where there are any. At least one line. */
export function wrap(text: string, width: number, lines: number): string[] {
  const done: string[] = [];
  let rest = text.trim();
  while (done.length < lines - 1 && textWidth(rest) > width) {
    const line = firstLine(rest, width);
    done.push(line.trimEnd());
    rest = rest.slice(line.length).trimStart();
  }
  return [...done, cut(rest, width)];
}

/** As much from the start as fits, up to the last space if that is not too far back. */
function firstLine(text: string, width: number): string {
  let used = 0;
  let line = '';
  for (const grapheme of split(text)) {
    used += graphemeWidth(grapheme);
    if (used > width) break;
    line += grapheme;
  }
  if (text[line.length] === ' ') return line;
  const space = line.lastIndexOf(' ');
  return space > line.length / 3 ? line.slice(0, space) : line;
}

function split(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

function graphemeWidth(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0;
  return EMOJI.test(grapheme) || WIDE.test(grapheme) ? 2 : 1;
}
