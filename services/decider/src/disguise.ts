/**
 * One text in the forms in which a model may read it although a person does not: what patterns are tried on (`suspect.ts`).
 * Nothing here changes what the model is shown. Every step goes over the text once.
 */
import { stripInvisible } from '@quorum/shared/invisible';
import { fold, withoutLookalikes } from '@quorum/shared/likeness';
import { withEntities } from './html.ts';

export type Forms = {
  /** Line by line, in lower case, without accents and invisible characters, entities and escapes resolved. */
  readonly lines: string;
  /** The same on one line, without markup. */
  readonly flat: string;
  /** Disguises of it that differ: look-alike letters, digits for letters, letters set apart. */
  readonly disguised: readonly string[];
  /** What is readable only once it is decoded. */
  readonly decoded: readonly string[];
};

/** All forms of a text. */
export function formsOf(text: string): Forms {
  const shown = withEscapes(withEntities(stripInvisible(text).text)).normalize('NFKC');
  const lines = fold(shown);
  const flat = flatten(lines);
  const alike = withoutLookalikes(shown);
  // Most texts are disguised in no way: what is the same is not gone over again.
  const disguised = [alike === shown ? lines : fold(alike), withoutDigits(lines), drawnTogether(lines)].filter(
    (form) => form !== lines,
  );
  return {
    lines,
    flat,
    disguised: [...new Set(disguised.map(flatten))].filter((form) => form !== flat && form !== ''),
    decoded: decodedTexts(shown).map((found) => flatten(fold(found))),
  };
}

/** The whole of a flat text by ROT13 and backwards: nonsense, unless somebody wrote it so. */
export function turnedForms(flat: string): readonly string[] {
  return [rot13(flat), backwards(flat)];
}

function flatten(text: string): string {
  return text
    .replaceAll(/<\/?[a-z][^<>]{0,300}>/g, '')
    .replaceAll(/[*`~]+/g, '')
    .replaceAll(/[#>|\\]+/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** `%69` and `\u0069`. */
function withEscapes(text: string): string {
  return text
    .replaceAll(/\\u\{?([0-9a-f]{4})\}?|\\x([0-9a-f]{2})/gi, (_escape, long: string | undefined, short: string) =>
      String.fromCodePoint(Number.parseInt(long ?? short, 16)),
    )
    .replaceAll(/%([2-7][0-9a-f])/gi, (_escape, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .toWellFormed();
}

const DIGITS: ReadonlyMap<string, string> = new Map(
  Object.entries({ 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', '@': 'a', $: 's' }),
);

/** Digits that stand for letters, in words that begin and end like words. A word of letters alone is none of them. */
function withoutDigits(text: string): string {
  return text.replaceAll(
    /(?<![\p{L}\p{N}])(?=[a-z]{0,24}[013457@$])(?=[013457@$]{0,4}[a-z])[a-z013457@$]{3,24}(?![\p{L}\p{N}])/gu,
    (word) => Array.from(word, (sign) => DIGITS.get(sign) ?? sign).join(''),
  );
}

/** `i g n o r e` and `i-g-n-o-r-e`: letters set apart, four or more, become a word. */
function drawnTogether(text: string): string {
  return text.replaceAll(/(?<!\p{L})\p{L}(?:[ .·_-]\p{L}){3,60}(?!\p{L})/gu, (row) => row.replaceAll(/[ .·_-]/g, ''));
}

const BASE64 = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}/g;
const HEX = /(?<![0-9a-f])(?:[0-9a-f]{2}[ :]?){16,}/gi;
const BITS = /(?<![01])(?:[01]{8}[ ]?){12,}/g;
/** Blobs looked into: a page of hashes is not decoded to its end. */
const MAX_BLOBS = 200;

/** What blobs of base64, hexadecimal and binary digits say, where they say something in words. */
function decodedTexts(text: string): string[] {
  const blobs = (pattern: RegExp): string[] =>
    [...text.matchAll(pattern)].slice(0, MAX_BLOBS).map(([blob]) => blob.slice(0, 20_000));
  const bytes = [
    ...blobs(BASE64).map((blob) => Buffer.from(blob, 'base64')),
    ...blobs(HEX).map((blob) => Buffer.from(blob.replaceAll(/[ :]/g, ''), 'hex')),
    ...blobs(BITS).map((blob) => Buffer.from((blob.match(/[01]{8}/g) ?? []).map((bits) => Number.parseInt(bits, 2)))),
  ];
  return bytes.map((each) => each.toString('utf8')).filter(isProse);
}

/** Words and the gaps between them, and no bytes that are no text. An address of a page is neither. */
function isProse(text: string): boolean {
  const gaps = text.trim().match(/\s+|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu) ?? [];
  return (
    /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Z}\n\r\t]+$/u.test(text) &&
    !text.includes('\ufffd') &&
    wordsIn(text) >= 3 &&
    gaps.length >= 2
  );
}

/** Signs of scripts that do not part their words. */
const UNPARTED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu;

/** Words of two letters or more; where a script does not part them, a word for every two signs. */
export function wordsIn(text: string): number {
  const signs = text.match(UNPARTED) ?? [];
  return (text.replaceAll(UNPARTED, ' ').match(/\p{L}{2,}/gu) ?? []).length + Math.floor(signs.length / 2);
}

/**
 * How many different words pieces of text have together: figures and single letters are some too, for an amount and an address say as
 * much as a sentence, and what an editor leaves behind it leaves often.
 */
export function differentWordsIn(pieces: readonly string[]): number {
  const text = pieces.join(' ').toLowerCase();
  const signs = new Set(text.match(UNPARTED));
  const words = new Set(text.replaceAll(UNPARTED, ' ').match(/[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}]|[.,'’](?=\p{N}))*/gu));
  return words.size + Math.floor(signs.size / 2);
}

/** On bytes, since a call for each letter takes ten times as long: a byte below 128 is a character of its own in UTF-8. */
function rot13(text: string): string {
  const bytes = Buffer.from(text);
  for (const [at, byte] of bytes.entries()) if (byte >= 97 && byte <= 122) bytes[at] = ((byte - 84) % 26) + 97;
  return bytes.toString();
}

function backwards(text: string): string {
  return BEYOND_LATIN.test(text)
    ? Array.from(text).toReversed().join('')
    : Buffer.from(Buffer.from(text, 'latin1').toReversed()).toString('latin1');
}

const BEYOND_LATIN = /[\u0100-\uffff]/;
