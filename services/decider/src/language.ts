/**
 * Whether a text is in a script that its reader did not ask for. Languages of one script are not told apart, and Latin is always
 * taken: models answer in English whatever they are asked, and an owner who does not read it can have it translated.
 */

/** Scripts in use, with those together that one language is written in. */
const SCRIPTS: readonly RegExp[] = [
  /\p{Script=Latin}/u,
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}]/u,
  /\p{Script=Hangul}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Arabic}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Devanagari}/u,
  /\p{Script=Bengali}/u,
  /\p{Script=Gurmukhi}/u,
  /\p{Script=Gujarati}/u,
  /\p{Script=Tamil}/u,
  /\p{Script=Telugu}/u,
  /\p{Script=Kannada}/u,
  /\p{Script=Malayalam}/u,
  /\p{Script=Sinhala}/u,
  /\p{Script=Thai}/u,
  /\p{Script=Lao}/u,
  /\p{Script=Khmer}/u,
  /\p{Script=Myanmar}/u,
  /\p{Script=Georgian}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Ethiopic}/u,
];
const LATIN = 0;
/** All others are one to us: who writes in one of them may be answered in another. */
const OTHER = SCRIPTS.length;

const BEYOND_ASCII = /[\u0080-\uffff]/;
/** Letters of nobody: signs such as a mathematical 𝐱, or the mark that lengthens a vowel. */
const LETTER = /(?!\p{Script=Common})\p{L}/gu;
/** Chinese, Japanese and Korean say with one sign what takes two or three letters elsewhere. */
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}]/u;
const DENSE_WEIGHT = 2;

/** What is quoted is in the language of its source. Single marks are apostrophes too; what has no end within reach is no quotation. */
const QUOTED =
  /"[^"]{0,400}"|“[^”]{0,400}”|„[^“”]{0,400}[“”]|«[^»]{0,400}»|「[^」]{0,400}」|『[^』]{0,400}』|《[^》]{0,400}》/gu;

/**
 * The share of foreign letters from which on a text is in another language. Names of projects, tokens and people, in whatever script,
 * make up less than half of a sentence that says something of them; a sentence in another language keeps more than half of its own
 * letters, even one in Chinese that is full of Latin names (6 of 10, where a sign weighs two).
 */
const FOREIGN_SHARE = 0.5;

/** Whether a text, what it quotes left out, is mostly in scripts that are neither Latin nor those of `asked`. */
export function isForeign(text: string, asked: string): boolean {
  // All its letters are Latin, as most answers' are.
  if (!BEYOND_ASCII.test(text)) return false;
  const allowed = new Set([LATIN, ...lettersOf(asked).map(scriptOf)]);
  const own = lettersOf(text.replaceAll(QUOTED, ' '));
  // A text that is nothing but a quotation is the writer's answer all the same.
  const letters = own.length > 0 ? own : lettersOf(text);
  const foreign = letters.filter((letter) => !allowed.has(scriptOf(letter)));
  return weightOf(foreign) > FOREIGN_SHARE * weightOf(letters);
}

function lettersOf(text: string): string[] {
  return text.normalize('NFKC').match(LETTER) ?? [];
}

/** Of one letter: a class of Unicode is asked only about the others, which are few in most texts. */
const isAscii = (letter: string): boolean => letter <= '\u007f';

function scriptOf(letter: string): number {
  if (isAscii(letter)) return LATIN;
  const found = SCRIPTS.findIndex((script) => script.test(letter));
  return found === -1 ? OTHER : found;
}

function weightOf(letters: readonly string[]): number {
  return letters.reduce((sum, letter) => sum + (!isAscii(letter) && DENSE.test(letter) ? DENSE_WEIGHT : 1), 0);
}
