/**
 * Patterns over folded text (`orders.ts`, `claims.ts`): how they are written, and many of them asked at once. Most texts hold none of
 * them: to see so takes 75 µs for a text of 1,600 characters and its two turned forms, where it took 330 one by one.
 */

/**
 * No letter or digit before, none behind: `\b` knows Latin letters alone. Those are asked for first, which says no to most places in
 * half the time that the classes of Unicode take.
 */
const BEGINS = String.raw`(?<![a-z0-9])(?<![\p{L}\p{N}])`;

export const word = (words: string): string => `${BEGINS}(?:${words})${String.raw`(?![\p{L}\p{N}])`}`;
export const pattern = (source: string): RegExp => new RegExp(source, 'u');
/** At most so many characters of the same sentence. */
export const gap = (most: number): string => String.raw`[^.!?。！？]{0,${most}}?`;

/**
 * Whether any of these stands in a text. Those that begin at a word share the look at whether one begins: where none does, and that is
 * at most places, nothing else is tried. Each has the flags of `pattern`, and none of them a group that is counted.
 */
export function anyOf(patterns: readonly RegExp[]): (text: string) => boolean {
  const sources = patterns.map(({ source }) => source);
  const atWords = sources.filter((source) => source.startsWith(BEGINS) && !hasBranches(source));
  const others = sources.filter((source) => !atWords.includes(source));
  const all = [
    ...(atWords.length === 0
      ? []
      : [pattern(`${BEGINS}(?:${atWords.map((each) => each.slice(BEGINS.length)).join('|')})`)]),
    ...(others.length === 0 ? [] : [pattern(others.join('|'))]),
  ];
  return (text) => all.some((each) => each.test(text));
}

/** Whether a pattern is several, one or the other: how the first begins says nothing of the rest then. */
function hasBranches(source: string): boolean {
  let bare = source.replaceAll(/\\./gu, '').replaceAll(/\[[^\]]*\]/gu, '');
  for (let inner = ''; inner !== bare;) {
    inner = bare;
    bare = bare.replaceAll(/\([^()]*\)/gu, '');
  }
  return bare.includes('|');
}
