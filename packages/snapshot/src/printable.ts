/**
 * Text from outside, made fit for logs, terminals and error messages: no control characters, no bidirectional overrides, one
 * line, bounded. Only for showing; a label that is *compared* is never changed.
 */

const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;

/** One line of at most `max` characters, without control characters; longer text ends in `…`. */
export function printable(text: string, max = 300): string {
  const line = text.replace(CONTROLS, ' ').replace(/\s+/gu, ' ').trim();
  if (line.length <= max) return line;
  // Cut at a code point, so that half an emoji is never left behind.
  const head = line.slice(0, max - 1).replace(/[\ud800-\udbff]$/u, '');
  return `${head}…`;
}
