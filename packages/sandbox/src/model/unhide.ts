/**
 * What a model would read that takes in everything: hidden characters, markup, comments, attributes, entities, text that is
 * shown backwards, base64, hexadecimal and rot13 are all turned into plain text. The `gullible` persona reads so, in order that an attack that a cleaner lets through has its effect.
 */

/** Letters of other scripts that look like Latin ones, as attacks use them. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  а: 'a',
  е: 'e',
  о: 'o',
  р: 'p',
  с: 'c',
  у: 'y',
  х: 'x',
  і: 'i',
  ѕ: 's',
  ј: 'j',
  ԁ: 'd',
  һ: 'h',
  к: 'k',
  т: 't',
  в: 'b',
  А: 'A',
  В: 'B',
  Е: 'E',
  К: 'K',
  М: 'M',
  Н: 'H',
  О: 'O',
  Р: 'P',
  С: 'C',
  Т: 'T',
  Х: 'X',
  І: 'I',
  ο: 'o',
  ν: 'v',
  α: 'a',
  ι: 'i',
  ρ: 'p',
  Α: 'A',
  Β: 'B',
  Ε: 'E',
  Ι: 'I',
  Ο: 'O',
  Ρ: 'P',
  Τ: 'T',
  Υ: 'Y',
};

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' };

export function unhide(text: string): string {
  const seen = withoutMarkup(withEntities(withoutHidden(text))).normalize('NFKC');
  const latin = seen.replace(/[\p{L}]+/gu, latinised);
  const decoded = [
    ...[...latin.matchAll(/[A-Za-z0-9+/_-]{24,}={0,2}/g)].map(([blob]) => decode(blob, 'base64')),
    ...[...latin.matchAll(/(?:[0-9a-f]{2} ?){12,}/giu)].map(([blob]) => decode(blob.replaceAll(' ', ''), 'hex')),
    ...latin.split('\n').map(unrotated),
  ];
  return [latin, ...decoded.filter((each) => each !== null)].join('\n');
}

/** Tag characters become the letters that they stand for; other characters that nobody sees go. */
function withoutHidden(text: string): string {
  return text
    .replace(/\u202e([^\u202c\n]*)\u202c?/gu, (_, shown: string) => Array.from(shown).toReversed().join(''))
    .replace(/[\u{E0020}-\u{E007E}]/gu, (tag) => String.fromCodePoint((tag.codePointAt(0) ?? 0) - 0xe0000))
    .replace(/(?!\s)[\p{Cf}\p{Cc}]|\p{Variation_Selector}|\u034f|\u115f|\u3164/gu, '');
}

function withEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/giu, (whole, hex, decimal, name) => {
    if (typeof name === 'string') return ENTITIES[name.toLowerCase()] ?? whole;
    const point = typeof hex === 'string' ? Number.parseInt(hex, 16) : Number(decimal);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

/** Comments and quoted attributes are kept as text; a tag within a word leaves no gap. Several `<` are a fence, not a tag. */
function withoutMarkup(text: string): string {
  return text
    .replace(/<!--|-->/g, ' \n')
    .replace(/(?<!<)<\/?[a-z][^<>]{0,500}>/giu, (tag) => {
      const values = [...tag.matchAll(/(?:alt|title|aria-label|content|value|placeholder)\s*=\s*["']([^"']+)["']/giu)];
      return values.length > 0 ? ` ${values.map(([, value]) => value ?? '').join(' ')} ` : '';
    })
    .replace(/\*{1,3}|`{1,3}|~~/g, '');
}

/** Only in a word that has Latin letters too: real Cyrillic and Greek stay. */
function latinised(word: string): string {
  if (!/\p{Script=Latin}/u.test(word)) return word;
  return Array.from(word, (letter) => LOOKALIKES[letter] ?? letter).join('');
}

/** What a blob says, where it says something in plain text. */
function decode(blob: string, encoding: 'base64' | 'hex'): string | null {
  const text = Buffer.from(blob, encoding).toString('utf8');
  return /^[\p{L}\p{N}\p{P}\p{S}\p{Z}\n\r\t]+$/u.test(text) && !text.includes('\ufffd') ? text : null;
}

const COMMON = /\b(?:the|and|of|to|is|in|for|that|this|you|must|vote)\b/giu;

/** A line in rot13 turned back; null where it reads better as it is. */
function unrotated(line: string): string | null {
  const turned = line.replace(/[a-z]/giu, (letter) => {
    const a = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - a + 13) % 26) + a);
  });
  const common = (text: string): number => text.match(COMMON)?.length ?? 0;
  // One or two may turn up by chance.
  return common(turned) >= 3 && common(turned) > common(line) ? turned : null;
}
