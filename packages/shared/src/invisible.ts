/**
 * Characters that a reader cannot see but a model reads. One list for both who remove them (`decider/clean.ts`) and who are alarmed by
 * some of them (`decider/suspect.ts`).
 */

/** Zero-width characters, joiners and fillers; soft hyphens; variation selectors, in which whole texts can be hidden. */
const ZERO_WIDTH =
  '\\u00ad\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200d\\u2060-\\u2065\\u206a-\\u206f\\u3164' +
  '\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\u{e0100}-\\u{e01ef}';
/** Bidirectional marks, embeddings, overrides and isolates: they can show text in another order than it is read. */
const BIDI = '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069';
const TAGS = '\\u{e0000}-\\u{e007f}';
/** Control characters but for tab and line feed. */
const CONTROLS = '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u2028\\u2029';

const INVISIBLE = new RegExp(`[${ZERO_WIDTH}${BIDI}${TAGS}]`, 'gu');
const CONTROL = new RegExp(`[${CONTROLS}]`, 'gu');

/** Tabs, line feeds and what ASCII prints: nothing of it is taken out, and most short texts have nothing else. */
const ALL_SEEN = /^[\t\n\u0020-\u007e]*$/;

/** The flags of England, Scotland and Wales: the only ordinary use of tag characters. */
const SUBDIVISION_FLAGS =
  /\u{1f3f4}\u{e0067}\u{e0062}(?:\u{e0065}\u{e006e}\u{e0067}|\u{e0073}\u{e0063}\u{e0074}|\u{e0077}\u{e006c}\u{e0073})\u{e007f}/gu;

/** Text without what nobody sees. Line ends become line feeds, other control characters spaces. `count`: characters removed. */
export function stripInvisible(text: string): { text: string; count: number } {
  if (ALL_SEEN.test(text)) return { text, count: 0 };
  const lines = text.toWellFormed().replaceAll(/\r\n?|\u2028|\u2029/gu, '\n');
  const visible = lines.replaceAll(INVISIBLE, '');
  return { text: visible.replaceAll(CONTROL, ' '), count: lines.length - visible.length };
}

/** Whether tag characters are in the text, flags left out. They mirror ASCII and show as nothing. */
export function hasTagCharacters(text: string): boolean {
  return /[\u{e0000}-\u{e007f}]/u.test(text.replaceAll(SUBDIVISION_FLAGS, ''));
}

/** Whether the text holds an override, which shows it in another order than it is read. Isolates and marks are ordinary. */
export function hasBidiOverride(text: string): boolean {
  return /[\u202d\u202e]/u.test(text);
}

/**
 * Letters of scripts that are written without any zero-width character. Not among them: Arabic and the Indic scripts, which need
 * joiners and non-joiners; Thai, Khmer, Burmese and their neighbours, which mark where a line may break; Hebrew, Mongolian.
 */
const PLAIN_LETTER =
  '[\\p{Script=Latin}\\p{Script=Cyrillic}\\p{Script=Greek}\\p{Script=Armenian}\\p{Script=Georgian}' +
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}]';
const BETWEEN_LETTERS = new RegExp(
  `${PLAIN_LETTER}[\\u034f\\u180e\\u200b-\\u200d\\u2060-\\u2064\\ufeff]+${PLAIN_LETTER}`,
  'u',
);

/** Whether a zero-width character stands between two letters of scripts that need none there. */
export function hasZeroWidthInWord(text: string): boolean {
  return BETWEEN_LETTERS.test(text);
}

/** A row of them can carry a text, bit by bit or byte by byte; an emoji or a letter takes two at most. */
const INVISIBLE_ROW = new RegExp(`[${ZERO_WIDTH}]{8}`, 'u');

/** Whether many characters that nobody sees follow each other: variation selectors after an emoji, zero-width bits. */
export function hasInvisibleRow(text: string): boolean {
  return INVISIBLE_ROW.test(text);
}
