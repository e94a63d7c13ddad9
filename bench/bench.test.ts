/** That the benchmarks measure and say what they should; never how fast this machine is. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inTurns, quantile } from './measure.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const bench = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });

const Line = z.object({ name: z.string(), value: z.number(), unit: z.string(), budget: z.number(), ok: z.boolean() });

describe('npm run bench', () => {
  it('prints one line of JSON for a result, and ends as the result says', () => {
    const { stdout, status } = bench('filter-rank', '--json');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const { name, value, unit, budget, ok } = Line.parse(JSON.parse(stdout));
    expect([name, unit, budget]).toEqual(['filter-rank', '×', 5]);
    expect(value).toBeGreaterThan(0);
    expect(ok).toBe(value <= budget);
    expect(status).toBe(ok ? 0 : 1);
  });

  it.for([[], ['filter-rnk'], ['--json']])('says which there are where it is asked for %j', (args) => {
    const { stdout, stderr, status } = bench(...args);
    expect([stdout, status]).toEqual(['', 2]);
    expect(stderr).toContain('npm run bench -- filter-rank');
  });
});

describe('what is measured in turns', () => {
  it('is done as often as what it is held against, warm-up included', () => {
    let [ours, against] = [0, 0];
    inTurns(
      () => (ours += 1),
      () => (against += 1),
    );
    expect(ours).toBe(against);
    expect(ours).toBeGreaterThan(100);
  });

  it('that does no work is no measurement', () => {
    expect(() =>
      inTurns(
        () => Number.NaN,
        () => 1,
      ),
    ).toThrow(/did no work/);
  });

  it.for([
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.75, 4],
    [[1], 0.25, 1],
  ] as const)('of %j has the quantile %d', ([values, share, expected]) => {
    expect(quantile(values, share)).toBe(expected);
  });
});
