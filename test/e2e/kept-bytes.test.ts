/** What Redis keeps of a finished run of three proposals once its jobs are gone, and that it is the same for each. */
import { expect, test } from 'vitest';
import { keptOfRuns } from './kept-of-runs.ts';

/** Of a dry run, without the texts of its proposals, which all runs share. */
const BUDGET_BYTES = 8_000;

const RUNS = 6;

test('a dry run of three proposals keeps at most 8 KB, the last of many no more than the first', async () => {
  const kept = await keptOfRuns(RUNS);
  // Now and then a run has a page set aside that takes what many after it write: the mean is what one keeps.
  expect(kept.reduce((sum, bytes) => sum + bytes, 0) / RUNS).toBeLessThan(BUDGET_BYTES);
  expect(Math.min(...kept)).toBeGreaterThan(1_000);
  expect(middleOf(kept.slice(RUNS / 2))).toBeLessThan(1.1 * middleOf(kept.slice(0, RUNS / 2)));
});

/** Of three, which one such page does not move. */
function middleOf(three: readonly number[]): number {
  return three.toSorted((a, b) => a - b)[1] ?? Number.NaN;
}
