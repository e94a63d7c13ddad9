/** Whether a text repeats somebody's words, however they are spelt. Holds the owner's instructions out of what is published. */
import { likeness } from './likeness.ts';

/** So many words in a row are a quotation. */
const ROW = 8;
/** Instructions shorter than a row are held out as a whole, from this many words on: fewer are anybody's words. */
const SHORTEST = 4;

/**
 * Whether eight words in a row of `secret`, or all of it where it is shorter, stand in `text`. Letters and digits alone count:
 * neither case nor accents, punctuation, spaces, invisible or look-alike characters tell two texts apart.
 */
export function sharesWords(text: string, secret: string): boolean {
  const words = wordsOf(secret);
  const row = Math.min(ROW, words.length);
  if (row < SHORTEST) return false;
  const spoken = wordsOf(text).join('');
  return words.slice(0, words.length - row + 1).some((_, at) => spoken.includes(words.slice(at, at + row).join('')));
}

function wordsOf(text: string): string[] {
  // Chinese and Japanese do not part words: each sign counts as one.
  return (
    likeness(text).match(
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}]+/gu,
    ) ?? []
  );
}
