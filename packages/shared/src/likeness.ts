/** Texts as a reader sees them: for whoever compares words that somebody may have spelt in look-alike or invisible characters. */
import { stripInvisible } from './invisible.ts';

/** What two texts have in common that look alike to a reader. */
export function likeness(text: string): string {
  return fold(withoutLookalikes(stripInvisible(text).text.normalize('NFKC')));
}

/** Lower case and without accents, where a letter is still the same letter to a reader; other scripts stay as they are. */
export function fold(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text.toLowerCase();
  return text
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/(?<=[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}])\p{Mn}+/gu, '')
    .replaceAll(/(?:[\u064b-\u0655]|\u0640|\u0670)/gu, '')
    .normalize('NFC');
}

const BEYOND_ASCII = /[\u0080-\uffff]/;

const LOOKALIKES: ReadonlyMap<string, string> = new Map(
  [
    ['аеорсухіѕјԁһкмтвнпАВЕКМНОРСТХІЅЈУ', 'aeopcyxisjdhkmtbhnABEKMHOPCTXISJY'],
    ['οανιρκτυχεΑΒΕΖΗΙΚΜΝΟΡΤΥΧ', 'oavipktuxeABEZHIKMNOPTYX'],
  ].flatMap(([from = '', to = '']) => Array.from(from, (letter, at): [string, string] => [letter, to.charAt(at)])),
);
const LOOKALIKE = /[\p{Script=Cyrillic}\p{Script=Greek}]/u;
const LONG_WORD = /\p{L}{3,60}/gu;
const isMixed = (word: string): boolean => LOOKALIKE.test(word) && /\p{Script=Latin}/u.test(word);

/** Whether a word of Latin letters has letters of another script among them that look the same. `α` before a name is a name. */
export function hasLookalikes(text: string): boolean {
  if (!LOOKALIKE.test(text)) return false;
  return [...text.matchAll(LONG_WORD)].some(([word]) => {
    if (!isMixed(word)) return false;
    const inside = /^\p{Script=Greek}/u.test(word) ? word.slice(1) : word;
    const foreign = Array.from(inside).filter((letter) => !/\p{Script=Latin}/u.test(letter));
    return foreign.length > 0 && foreign.every((letter) => LOOKALIKES.has(letter));
  });
}

/** Words of Latin letters with those that only look like them replaced. */
export function withoutLookalikes(text: string): string {
  if (!LOOKALIKE.test(text)) return text;
  return text.replaceAll(LONG_WORD, (word) =>
    isMixed(word) ? Array.from(word, (letter) => LOOKALIKES.get(letter) ?? letter).join('') : word,
  );
}
