/** Benchmarks one after the other: two at once would measure each other. */
import { result, type Benchmark, type BenchResult } from './benchmark.ts';

/**
 * Runs them all; says when one begins, and tells each result as soon as it is there. One that breaks does not keep the others from
 * being measured: it has no value, which is within no budget, and the note says what broke.
 */
export async function runAll(
  benchmarks: readonly Benchmark[],
  begins: (benchmark: Benchmark) => void,
  tell: (result: BenchResult) => void,
): Promise<BenchResult[]> {
  const all: BenchResult[] = [];
  for (const benchmark of benchmarks) {
    begins(benchmark);
    for (const one of await resultsOf(benchmark)) {
      all.push(one);
      tell(one);
    }
  }
  return all;
}

/** What `npm run bench` ends with: 1 where one of them is not within its budget. */
export function exitCodeOf(results: readonly BenchResult[]): 0 | 1 {
  return results.every(({ ok }) => ok) ? 0 : 1;
}

async function resultsOf({ name, run }: Benchmark): Promise<readonly BenchResult[]> {
  try {
    return await run();
  } catch (error) {
    const note = `broke: ${wordsOf(error)}`;
    return [result({ name, value: Number.NaN, spread: 0, unit: '', budget: 0, bound: 'most', note })];
  }
}

/** Where it broke and could not be put away either, both. */
function wordsOf(error: unknown): string {
  if (error instanceof SuppressedError) return `${wordsOf(error.suppressed)}; then ${wordsOf(error.error)}`;
  return error instanceof Error ? error.message : String(error);
}
