import { createBudget, microsOf, type Caps } from '@quorum/shared/budget';
import { newRunId } from '@quorum/shared/ids';
import { connectFailFast } from '@quorum/shared/redis';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { samplesOf } from '../../../test/scraped.ts';
import { anOwner, aProposalId, quiet } from '../../../packages/shared/test/samples.ts';
import { useRedis } from '../../../packages/shared/test/world.ts';
import { measureBudget } from './budget-metrics.ts';

const { redis } = useRedis();
const MINUTE_MS = 60_000;
const NOON_MS = Date.UTC(2026, 10, 20, 12);
const USD = 1e6;
const CAPS: Caps = { run: 100 * USD, owner_day: 100 * USD, day: 5 * USD };

/** What a decider says; each call is another process. */
async function measured(given: { nowMs?: number; caps?: Caps; on?: ReturnType<typeof redis> } = {}) {
  const { nowMs = NOON_MS, caps = CAPS, on = redis() } = given;
  const registry = new Registry();
  measureBudget(registry, { budget: createBudget(on), caps: () => caps, now: () => nowMs });
  const found = new Map(samplesOf([await registry.metrics()]).map(({ name, value }) => [name, value]));
  return [found.get('quorum_budget_day_used_usd'), found.get('quorum_budget_day_cap_usd')];
}

async function aHoldOf(usd: number, forMs = MINUTE_MS) {
  const input = { id: `${usd}`, runId: newRunId(), owner: anOwner(), proposal: aProposalId(), micros: microsOf(usd) };
  const held = await createBudget(redis()).hold({ ...input, caps: CAPS, nowMs: NOON_MS, forMs });
  expect.assert(held.kind === 'held');
  return held.hold;
}

test('the day’s budget is what was spent and what is held, of all owners, and each decider says the same', async () => {
  expect(await measured()).toEqual([0, 5]);
  const first = await aHoldOf(1.5);
  await aHoldOf(0.25);
  expect(await measured()).toEqual([1.75, 5]);
  const usage = { calls: 1, input_tokens: 10, output_tokens: 10, cost_usd: 0.5 };
  await createBudget(redis()).settle(first, microsOf(0.5), usage);
  await createBudget(redis()).settle(first, microsOf(0.5), usage);
  expect(await Promise.all([measured(), measured()])).toEqual([
    [0.75, 5],
    [0.75, 5],
  ]);
  // What a decider that died was holding is spent, for all that anybody knows.
  expect(await measured({ nowMs: NOON_MS + 2 * MINUTE_MS })).toEqual([0.75, 5]);
  expect(await measured({ nowMs: NOON_MS + 24 * 60 * MINUTE_MS })).toEqual([0, 5]);
});

test('the cap is the one of now', async () => {
  expect((await measured({ caps: { ...CAPS, day: 0 } }))[1]).toBe(0);
});

test('without Redis the cap is known, and what is used is not', async () => {
  // Nobody listens there.
  const away = connectFailFast('redis://127.0.0.1:1', quiet);
  const [used, cap] = await measured({ on: away });
  away.disconnect();
  expect([used, cap]).toEqual([Number.NaN, 5]);
});
