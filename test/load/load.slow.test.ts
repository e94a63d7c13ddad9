/** The load, a tenth of it: that all of it ends well, and what it leaves. How fast it is, `npm run test:load` says, on a quiet machine. */
import { beforeAll, describe, expect, test } from 'vitest';
import { figuresOf, type Figure } from './figures.ts';
import { runLoad, type Load } from './load.ts';

const MINUTES = 60_000;
/** 1,000 dry runs and 50 live ones, in two waves, so that what the second leaves can be held against the first. */
const SHORT = { waves: 2, owners: 25, spaces: 20, live: 25, modelLatencyMs: 3_000 } as const;
const RUNS = SHORT.waves * (SHORT.owners * SHORT.spaces + SHORT.live);

describe('a thousand dry runs and fifty live ones', () => {
  let load: Load;
  let figures: readonly Figure[];
  beforeAll(async () => {
    load = await runLoad({ ...SHORT, say: () => undefined });
    figures = figuresOf(load);
  }, 15 * MINUTES);

  test('all end, each with its one decision', () => {
    const results = load.waves.flatMap((wave) => wave.results);
    expect(results.length).toBe(RUNS);
    expect(new Set(results.map(({ run_id: id }) => id)).size).toBe(RUNS);
    expect(
      results.filter(({ status, proposals_analyzed: analyzed }) => status !== 'completed' || analyzed !== 1),
    ).toEqual([]);
  });

  test('dry runs cast nothing, and live ones one vote each, no more', () => {
    const results = load.waves.flatMap((wave) => wave.results);
    expect(results.filter((run) => run.dry_run && run.votes_cast.length > 0)).toEqual([]);
    expect(results.filter((run) => !run.dry_run && run.votes_cast.length !== 1)).toEqual([]);
    expect(load.waves.map(({ votes }) => votes)).toEqual(load.waves.map(() => SHORT.live));
  });

  test('models were asked anew in each of them', () => {
    const results = load.waves.flatMap((wave) => wave.results);
    expect(results.filter(({ usage }) => usage.calls === 0)).toEqual([]);
  });

  test('every figure is within its budget but for those of the clock, which a busy machine decides', () => {
    const over = figures
      .filter(({ ok, unit }) => !ok && unit !== 's')
      .map(({ name, value, budget }) => ({ name, value, budget }));
    expect(over).toEqual([]);
  });
});
