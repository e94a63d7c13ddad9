/** How much two texts have in common, in words: what keeps the corpus varied, and detectors from learning it by heart. */

const SEGMENTER = new Intl.Segmenter('en', { granularity: 'word' });

/** The words of a text in any script, in lower case, without marks that nobody sees. */
export function wordsOf(text: string): string[] {
  const plain = text
    .normalize('NFKC')
    .replace(/\p{Cf}|\p{Variation_Selector}|['’]/gu, '')
    .toLowerCase();
  return [...SEGMENTER.segment(plain)].filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment);
}

/** The words that two texts share, as a share of those of the shorter one. */
export function sharedWords(one: string, other: string): number {
  const [a, b] = [new Set(wordsOf(one)), new Set(wordsOf(other))];
  const smaller = Math.min(a.size, b.size);
  return smaller === 0 ? 0 : [...a].filter((word) => b.has(word)).length / smaller;
}

/** Every run of so many words in a row. */
export function wordRuns(text: string, length: number): Set<string> {
  const words = wordsOf(text);
  const starts = Array.from({ length: Math.max(0, words.length - length + 1) }, (_, at) => at);
  return new Set(starts.map((at) => words.slice(at, at + length).join(' ')));
}

/** Groups have rarely more alternatives; those beyond are not looked at. */
const MAX_ALTERNATIVES = 24;

/**
 * What the literals of a TypeScript source say, in runs of so many words. What a pattern may have between two words (`\s+`, `\b`,
 * `[ _]`) is read as a space, and each alternative of a group in its turn. A wildcard ends a run. Code yields runs too, of no meaning.
 */
export function literalRuns(source: string, length: number): Set<string> {
  const eased = source
    .replace(/\/\*[\s\S]*?\*\//g, '@')
    .replace(/(?<=^|\s)\/\/.*$/gm, '@')
    .replace(/(?:\\[sbntW]|\[[ _,:;'"\\s-]{1,12}\])(?:[+*?]|\{\d+(?:,\d*)?\})?/g, ' ')
    .replace(/\\[()]/g, '@');
  const most = Math.max(1, ...[...eased.matchAll(/[^()]+/g)].map(([group]) => group.split('|').length + 1));
  const ways = Array.from({ length: Math.min(most, MAX_ALTERNATIVES) }, (_, way) => resolved(eased, way));
  const runs = ways.flatMap((text) => text.match(/[\p{L}\p{M}\p{N}'’](?:[\p{L}\p{M}\p{N}'’ ,.;:-]|\n(?!\n))*/gu) ?? []);
  return new Set([...new Set(runs)].flatMap((run) => [...wordRuns(run, length)]));
}

/** The text with each group, from the innermost out, replaced by one of its alternatives. */
function resolved(text: string, way: number): string {
  let [before, after] = ['', text];
  while (before !== after) {
    before = after;
    after = before.replace(/\((?:\?(?:[:=!]|<[=!]))?([^()]*)\)(\??)/g, (_, inner: string, optional: string) => {
      const alternatives = optional === '' ? inner.split('|') : ['', ...inner.split('|')];
      return alternatives[way % alternatives.length] ?? '';
    });
  }
  return after.replaceAll('?', '');
}
