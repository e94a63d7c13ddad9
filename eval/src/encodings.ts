/** Ways of hiding a text from whoever reads it quickly, each with the way back: what cannot be read again steers nobody. */

export const ENCODINGS = ['plain', 'base64', 'hex', 'rot13', 'zero_width', 'tags'] as const;
export type Encoding = (typeof ENCODINGS)[number];

const ZERO_WIDTH_SPACE = '\u200b';
/** Tag characters mirror ASCII, this far up. */
const TAG_OFFSET = 0xe0000;

type Code = { readonly encode: (text: string) => string; readonly decode: (text: string) => string };

const CODES: Readonly<Record<Encoding, Code>> = {
  plain: { encode: (text) => text, decode: (text) => text },
  base64: bytes('base64'),
  hex: bytes('hex'),
  rot13: { encode: rot13, decode: rot13 },
  // Between all characters: a search for any word of it finds nothing.
  zero_width: {
    encode: (text) => Array.from(text).join(ZERO_WIDTH_SPACE),
    decode: (text) => text.replaceAll(ZERO_WIDTH_SPACE, ''),
  },
  tags: {
    encode: (text) => shifted(text, (point) => (point >= 0x20 && point < 0x7f ? point + TAG_OFFSET : point)),
    decode: (text) => shifted(text, (point) => (point >= 0xe0020 && point < 0xe007f ? point - TAG_OFFSET : point)),
  },
};

export function encode(text: string, encoding: Encoding): string {
  return CODES[encoding].encode(text);
}

/** The text again. Of `zero_width` and `tags` only for a text that had none of their characters before. */
export function decode(text: string, encoding: Encoding): string {
  return CODES[encoding].decode(text);
}

function bytes(encoding: 'base64' | 'hex'): Code {
  return {
    encode: (text) => Buffer.from(text, 'utf8').toString(encoding),
    decode: (text) => Buffer.from(text, encoding).toString('utf8'),
  };
}

function rot13(text: string): string {
  return text.replaceAll(/[a-z]/gi, (letter) => {
    const first = letter <= 'Z' ? 65 : 97;
    return String.fromCodePoint(((letter.charCodeAt(0) - first + 13) % 26) + first);
  });
}

function shifted(text: string, move: (point: number) => number): string {
  return Array.from(text, (character) => String.fromCodePoint(move(character.codePointAt(0) ?? 0))).join('');
}
