/** What Redis keeps of a finished run of three proposals once its jobs are gone, and that it is the same for each. */
import { expect, test } from 'vitest';
import { keptOfRuns } from './kept-of-runs.ts';

/** Of a dry run, without the texts of its proposals, which all runs share. */
const BUDGET_BYTES = 8_000;

test('a dry run of three proposals keeps at most 8 KB, the last of many no more than the first', async () => {
  const kept = await keptOfRuns(6);
  expect(Math.max(...kept)).toBeLessThan(BUDGET_BYTES);
  expect(Math.min(...kept)).toBeGreaterThan(1_000);
  expect(kept.at(-1)).toBeLessThan(1.1 * (kept[0] ?? 0));
});
