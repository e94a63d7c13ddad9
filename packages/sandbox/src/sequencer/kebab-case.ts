/**
 * The sequencer stores an app's name so: `ourClient 2` becomes `our-client-2`. Latin letters lose their marks and ligatures,
 * apostrophes vanish, an emoji is a word of its own, and so is an ordinal; letters of other scripts count as small ones.
 */
export function kebabCase(text: string): string {
  const words = text.replaceAll(LATIN, plainLetter).replaceAll(/['’]/g, '').match(WORD) ?? [];
  return words.join('-').toLowerCase();
}

const LATIN = /[À-ÖØ-öø-ſ]/g;
/** What is more than a letter with a mark. */
const SPELT: Readonly<Record<string, string>> = {
  Æ: 'Ae',
  æ: 'ae',
  Ð: 'D',
  ð: 'd',
  Đ: 'D',
  đ: 'd',
  Ħ: 'H',
  ħ: 'h',
  ı: 'i',
  Ĳ: 'IJ',
  ĳ: 'ij',
  ĸ: 'k',
  Ł: 'L',
  ł: 'l',
  ŉ: "'n",
  Ŋ: 'N',
  ŋ: 'n',
  Ø: 'O',
  ø: 'o',
  Œ: 'Oe',
  œ: 'oe',
  ß: 'ss',
  ſ: 's',
  Ŧ: 'T',
  ŧ: 't',
  Þ: 'Th',
  þ: 'th',
};

function plainLetter(letter: string): string {
  return SPELT[letter] ?? letter.normalize('NFD').replaceAll(/\p{M}/gu, '');
}

const SMALL = String.raw`(?:[a-z]|(?![\s\p{ASCII}\p{P}\p{Z}\p{C}\p{Extended_Pictographic}¡-¿×÷]).)`;
const PICTURE = String.raw`\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]*`;
const WORD = new RegExp(
  [
    `${PICTURE}(?:\\u200d${PICTURE})*`,
    `[A-Z]+(?!${SMALL})`,
    `[A-Z]?${SMALL}+`,
    String.raw`\d*(?:1st|2nd|3rd|[04-9]th)(?![a-z\d])`,
    String.raw`\d*(?:1ST|2ND|3RD|[04-9]TH)(?![A-Z\d])`,
    String.raw`\d+`,
  ].join('|'),
  'gu',
);
