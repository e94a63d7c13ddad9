import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anOwner, aProposalId } from '../test/samples.ts';
import { aRunningRun, useRedis } from '../test/world.ts';
import { createBudget, dollars, microsOf, utcDay, type Caps, type Hold, type Held } from './budget.ts';
import type { Usage } from './decision.ts';
import { newRunId } from './ids.ts';
import { createRecords } from './records.ts';
import { keys } from './redis-keys.ts';

const { server, redis } = useRedis();

const NOON_MS = Date.UTC(2026, 10, 20, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const PLENTY: Caps = { run: 1e9, owner_day: 1e9, day: 1e9 };

/** Every test is on a day of its own: the cap of the day is one for all. */
let days = 0;
const aDay = (): number => NOON_MS + (days += 1) * DAY_MS;

function aCase(given: { caps?: Partial<Caps>; nowMs?: number } = {}) {
  const { nowMs = aDay() } = given;
  const caps = { ...PLENTY, ...given.caps };
  const [runId, owner, day, proposal] = [newRunId(), anOwner(), utcDay(nowMs), aProposalId()];
  const hold = (micros: number, id: string, at: { nowMs: number } = { nowMs }): Promise<Held> =>
    createBudget(redis()).hold({ id, runId, owner, proposal, micros, caps, forMs: MINUTE_MS, ...at });
  const at = {
    run: () => redis().hgetall(keys.budgetRun(runId)),
    owner_day: () => redis().hgetall(keys.budgetOwner(owner, day)),
    day: () => redis().hgetall(keys.budgetDay(day)),
  };
  return { runId, owner, proposal, day, caps, nowMs, hold, at };
}

function holdOf(held: Held): Hold {
  if (held.kind !== 'held') throw new Error(`not held: ${held.kind} ${held.cap}`);
  return held.hold;
}

const usage = (calls: number, cost_usd: number | null): Usage => ({
  calls,
  input_tokens: 1_000 * calls,
  output_tokens: 100 * calls,
  cost_usd,
});

const settle = (hold: Hold, micros: number, used = usage(1, micros / 1e6)): Promise<void> =>
  createBudget(redis()).settle(hold, micros, used);

describe('a hold', () => {
  it('counts under all three caps, and what was spent takes its place', async () => {
    const one = aCase();
    const hold = holdOf(await one.hold(500, 'a'));
    for (const read of Object.values(one.at)) expect(Object.keys(await read())).toEqual(['hold:a']);
    await settle(hold, 120);
    for (const read of Object.values(one.at)) expect(await read()).toEqual({ spent: '120' });
  });

  it.each(['run', 'owner_day', 'day'] as const)(
    'that exceeds the cap of the %s holds nothing anywhere',
    async (cap) => {
      const one = aCase({ caps: { [cap]: 1_000 } });
      await settle(holdOf(await one.hold(900, 'a')), 700);
      expect(await one.hold(301, 'b')).toEqual({ kind: 'over', cap, spent: 700, held: 0 });
      for (const read of Object.values(one.at)) expect(await read()).toEqual({ spent: '700' });
      expect(await one.hold(300, 'c')).toMatchObject({ kind: 'held' });
    },
  );

  it('that would fit if others were not held is told so', async () => {
    const one = aCase({ caps: { owner_day: 1_000 } });
    const first = holdOf(await one.hold(600, 'a'));
    expect(await one.hold(600, 'b')).toEqual({ kind: 'busy', cap: 'owner_day', spent: 0, held: 600 });
    await settle(first, 100);
    expect(await one.hold(600, 'b')).toMatchObject({ kind: 'held' });
  });

  it('is told of a cap that will never have room rather than of one that is busy', async () => {
    const one = aCase({ caps: { run: 1_000, day: 500 } });
    await one.hold(400, 'a');
    expect(await one.hold(700, 'b')).toMatchObject({ kind: 'over', cap: 'day' });
  });

  it('counts once however often its command arrives, and is settled once', async () => {
    const one = aCase({ caps: { run: 500 } });
    const hold = holdOf(await one.hold(400, 'a'));
    expect(await one.hold(400, 'a')).toEqual({ kind: 'held', hold });
    await Promise.all([settle(hold, 400), settle(hold, 400), settle(hold, 0)]);
    expect(await one.at.run()).toEqual({ spent: '400' });
  });

  it('whose holder is gone counts as spent once its time is over, and can still be settled', async () => {
    const one = aCase({ caps: { run: 1_000 } });
    const lost = holdOf(await one.hold(600, 'lost'));
    const later = one.nowMs + MINUTE_MS;
    expect(await one.hold(600, 'b', { nowMs: later - 1 })).toMatchObject({ kind: 'busy', held: 600 });
    expect(await one.hold(600, 'b', { nowMs: later })).toMatchObject({ kind: 'over', spent: 600, held: 0 });
    await settle(lost, 50);
    expect(await one.hold(600, 'b', { nowMs: later })).toMatchObject({ kind: 'held' });
  });

  it('belongs to the day on which it was made, also when it is settled after midnight', async () => {
    const midnight = aDay() + DAY_MS / 2;
    const one = aCase({ nowMs: midnight - 1, caps: { owner_day: 1_000, day: 1_000 } });
    const hold = holdOf(await one.hold(900, 'before'));
    const next = holdOf(await one.hold(900, 'after', { nowMs: midnight }));
    expect(next.day).toBe(utcDay(midnight));
    await settle(hold, 800);
    expect(await one.at.owner_day()).toEqual({ spent: '800' });
    expect(await redis().hgetall(keys.budgetDay(next.day))).toEqual({ 'hold:after': expect.any(String) });
  });

  it('is forgotten in the end', async () => {
    const one = aCase();
    await settle(holdOf(await one.hold(1, 'a')), 1);
    const key = keys.budgetRun(one.runId);
    expect(await redis().ttl(key)).toBeGreaterThan(DAY_MS / 1_000);
  });

  it.each([0.5, -1, Number.NaN, 2 ** 53])('of %s is none', async (micros) => {
    await expect(aCase().hold(micros, 'a')).rejects.toThrow(RangeError);
  });
});

describe('what models did', () => {
  async function aRun() {
    const { runId, owner, proposal } = await aRunningRun(redis());
    const nowMs = aDay();
    const charge = async (id: string, used: Usage): Promise<Hold> => {
      const input = { id, runId, owner, proposal, micros: 100, caps: PLENTY, nowMs, forMs: MINUTE_MS };
      const hold = holdOf(await createBudget(redis()).hold(input));
      await settle(hold, 100, used);
      return hold;
    };
    const records = createRecords(redis());
    return { charge, spent: () => records.spent(runId, proposal), run: () => records.run(runId), proposal };
  }

  it('is added to the record of the run as it is charged, and once', async () => {
    const one = await aRun();
    expect(await one.spent()).toEqual(usage(0, 0));
    expect((await one.run())?.spent).toEqual(new Map());
    const hold = await one.charge('a', usage(3, 0.0125));
    await settle(hold, 100, usage(3, 0.0125));
    await one.charge('b', usage(2, 0.25));
    expect(await one.spent()).toEqual(usage(5, 0.2625));
    expect((await one.run())?.spent).toEqual(new Map([[one.proposal, usage(5, 0.2625)]]));
  });

  it.each([
    [null, 0.5],
    [0.5, null],
    [null, null],
  ])('has no known cost where a part has none: %j and %j', async (first, second) => {
    const one = await aRun();
    await one.charge('a', usage(1, first));
    await one.charge('b', usage(1, second));
    expect(await one.spent()).toEqual(usage(2, null));
  });

  it('begins no run anew that is no longer kept', async () => {
    const one = aCase();
    await settle(holdOf(await one.hold(500, 'a')), 120);
    expect(await redis().exists(keys.run(one.runId))).toBe(0);
  });
});

describe('whatever several workers do at once', () => {
  const WORKERS = 3;
  let workers: Redis[] = [];
  beforeAll(() => {
    workers = Array.from({ length: WORKERS }, () => new Redis(server().url));
  });
  afterAll(() => {
    for (const worker of workers) worker.disconnect();
  });

  const amount = fc.nat({ max: 400 });
  const job = fc.record({
    owner: fc.nat({ max: 1 }),
    run: fc.nat({ max: 2 }),
    held: amount,
    share: fc.nat({ max: 100 }),
  });
  const cap = fc.nat({ max: 1_000 });

  it('no cap is exceeded at any moment, and in the end nothing is held', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(job, { maxLength: 25 }),
        fc.record({ run: cap, owner_day: cap, day: cap }),
        async (jobs, caps) => {
          const nowMs = aDay();
          const owners = [anOwner(), anOwner()] as const;
          const runs = [newRunId(), newRunId(), newRunId()] as const;
          const day = utcDay(nowMs);
          const scopes = [
            ...runs.map((run) => ({ key: keys.budgetRun(run), cap: caps.run })),
            ...owners.map((owner) => ({ key: keys.budgetOwner(owner, day), cap: caps.owner_day })),
            { key: keys.budgetDay(day), cap: caps.day },
          ];
          const look = async (): Promise<void> => {
            for (const scope of scopes)
              expect(totalOf(await redis().hgetall(scope.key))).toBeLessThanOrEqual(scope.cap);
          };
          let spent = 0;
          await Promise.all(
            jobs.map(async ({ owner, run, held, share }, at) => {
              const budget = createBudget(workers[at % WORKERS] ?? redis());
              const id = `job-${at}`;
              const input = {
                id,
                runId: runs[run] ?? runs[0],
                owner: owners[owner] ?? owners[0],
                proposal: aProposalId(),
                micros: held,
                caps,
                nowMs,
              };
              const got = await budget.hold({ ...input, forMs: MINUTE_MS });
              await look();
              if (got.kind !== 'held') return;
              const cost = Math.floor((held * share) / 100);
              spent += cost;
              await budget.settle(got.hold, cost, usage(1, cost / 1e6));
            }),
          );
          const end = await redis().hgetall(keys.budgetDay(day));
          expect(Object.keys(end).filter((field) => field !== 'spent')).toEqual([]);
          expect(Number(end['spent'] ?? 0)).toBe(spent);
          await look();
        },
      ),
      { numRuns: 60 },
    );
  });

  /** Spent and held together. */
  function totalOf(scope: Record<string, string>): number {
    return Object.values(scope).reduce((sum, value) => sum + Number(value.split(':')[0]), 0);
  }
});

describe('money', () => {
  it('is rounded up to whole micro-dollars, and the noise of sums is none', () => {
    expect(microsOf(0)).toBe(0);
    expect(microsOf(0.000_000_1)).toBe(1);
    expect(microsOf(0.1 + 0.2)).toBe(300_000);
    expect(microsOf(5)).toBe(5_000_000);
  });

  it.each([
    [20_000_000, '$20.00'],
    [350_000, '$0.35'],
    [1_234_560, '$1.23456'],
    [12, '$0.000012'],
    [0, '$0.00'],
  ])('%i is written %s', (micros, text) => {
    expect(dollars(micros)).toBe(text);
  });
});
