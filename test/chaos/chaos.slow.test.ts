/** Two seeds of chaos, bounded: `npm run test:chaos -- --seed N` plays any other, and says what it does. */
import { expect, test } from 'vitest';
import { chaos } from './chaos.ts';

const SEEDS = [1, 2] as const;

test.each(SEEDS)('seed %i breaks no law', { timeout: 240_000 }, async (seed) => {
  const lines: string[] = [];
  const report = await chaos({ seed, rounds: 1, say: (line) => lines.push(line) });
  expect(report.broken, lines.join('\n')).toEqual([]);
  expect(report.votes + report.by_hand).toBeGreaterThan(3);
});
