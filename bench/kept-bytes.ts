/**
 * What Redis keeps of a finished run of three proposals once its jobs are gone, and whether the last of many keep as much as the first.
 * Counted by `MEMORY USAGE` of every key; what goes by itself, and the texts of proposals, which all runs share, are left out. It breaks
 * where a key that is left out as one that goes has no time to live, or a job no age at which it is taken away.
 */
import { keptOfRuns } from '../test/e2e/kept-of-runs.ts';
import { result, type Benchmark } from './benchmark.ts';
import { quantile } from './measure.ts';

const RUNS = 60;
const BUDGET_BYTES = 8_000;
/** More than that would be growth; lists that outgrow their compact form cost a little more from then on. */
const FLAT = 1.1;
/** The first and the last so many are held against each other. */
const SOME = 20;

export const keptBytes: Benchmark = {
  name: 'kept-bytes',
  does: 'what Redis keeps of a finished dry run of three proposals, and that it does not grow',
  async run() {
    const kept = await keptOfRuns(RUNS);
    const spread = (quantile(kept, 0.75) - quantile(kept, 0.25)) / 2;
    const [first, last] = [mean(kept.slice(0, SOME)), mean(kept.slice(-SOME))];
    const [median, most] = [quantile(kept, 0.5), Math.max(...kept)];
    const bytes = (value: number): string => Math.round(value).toLocaleString('en-GB');
    return [
      result({
        name: 'kept-bytes',
        value: mean(kept),
        spread,
        unit: 'bytes',
        budget: BUDGET_BYTES,
        bound: 'most',
        note: `mean of ${RUNS} runs, with what tables grow by now and then; their median ${bytes(median)}, the largest ${bytes(most)}`,
      }),
      result({
        name: 'kept-bytes-growth',
        value: last / first,
        spread: spread / first,
        unit: '×',
        budget: FLAT,
        bound: 'most',
        note: `the last ${SOME} runs of ${RUNS} against the first ${SOME}`,
      }),
    ];
  },
};

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
