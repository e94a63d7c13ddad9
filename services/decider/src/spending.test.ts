import { randomBytes } from 'node:crypto';
import { createBudget, type Caps } from '@quorum/shared/budget';
import type { Usage } from '@quorum/shared/decision';
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { PostponeError } from '@quorum/shared/run-worker';
import { ProposalId } from '@quorum/snapshot/proposal';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { PLENTY, PRICES } from '../test/asking.ts';
import { preparedLog } from '../test/log.ts';
import type { PlannedQuestion } from './cost.ts';
import { createModelMetrics } from './model-metrics.ts';
import { createSpend, type Spend } from './spending.ts';

const NOON_MS = Date.UTC(2026, 10, 20, 12);
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

let testRedis: TestRedis;
let redis: Redis;
beforeAll(async () => {
  testRedis = await startTestRedis();
  redis = new Redis(testRedis.url);
});
afterAll(async () => {
  redis.disconnect();
  await testRedis.stop();
});

/** At most 2 × (1000 × $1 + 250 × $4) per million: 4,000 micro-dollars. */
const QUESTION: PlannedQuestion = { models: ['small'], inputTokens: 1_000, outputTokens: 250 };

const usage = (cost_usd: number | null): { usage: Usage } => ({
  usage: { calls: 1, input_tokens: 1, output_tokens: 1, cost_usd },
});

/** The cap of the day is one for all: every case has a day of its own. */
let days = 0;

function aCase(given: { caps?: Partial<Caps>; pickups?: number; leftMs?: number; redis?: Redis } = {}) {
  const nowMs = NOON_MS + (days += 1) * DAY_MS;
  const metrics = createModelMetrics(new Registry());
  const log = preparedLog();
  const runId = newRunId();
  const who = {
    runId,
    owner: OwnerId.parse(`owner-${randomBytes(4).toString('hex')}`),
    proposal: ProposalId.parse(`0x${randomBytes(32).toString('hex')}`),
  };
  const { spend, charged } = createSpend(who, {
    budget: createBudget(given.redis ?? redis),
    caps: () => ({ ...PLENTY, ...given.caps }),
    prices: PRICES,
    metrics,
    attempt: { pickups: given.pickups ?? 1, log: log.logger },
    untilMs: nowMs + (given.leftMs ?? DAY_MS),
    now: () => nowMs,
  });
  const spendAll: Spend = async (plan, ask) => {
    const spent = await spend(plan, ask);
    await charged();
    return spent;
  };
  return {
    /** Until it is charged. */
    spend: spendAll,
    onlyAsk: spend,
    charged,
    log,
    record: () => redis.hgetall(keys.budgetRun(runId)),
    spent: async () => (await metrics.spent.get()).values[0]?.value,
    held: async () => (await metrics.held.get()).values[0]?.value,
    refusals: async () =>
      (await metrics.refusals.get()).values.flatMap(({ labels, value }) => (value === 0 ? [] : [[labels.cap, value]])),
  };
}

const never = (): Promise<never> => Promise.reject(new Error('nobody may be asked'));

describe('what is asked', () => {
  test('is told before it is charged; that it could not be charged is told too', async () => {
    const own = new Redis(testRedis.url);
    const one = aCase({ redis: own });
    const asked = await one.onlyAsk([QUESTION], async (meter) => {
      await meter(QUESTION, async () => usage(0.002));
      own.disconnect();
      return 'said';
    });
    expect(asked).toMatchObject({ kind: 'asked', value: 'said' });
    await expect(one.charged()).rejects.toThrow('Connection is closed');
    // It stays held, at its worst.
    expect(Object.values(await one.record())).toEqual([expect.stringMatching(/^4000:\d+$/)]);
  });

  test('is held at its worst while it is asked, and charged as what it cost', async () => {
    const one = aCase();
    const asked = await one.spend([QUESTION, QUESTION], async (meter) => {
      expect(Object.values(await one.record())).toEqual([expect.stringMatching(/^8000:\d+$/)]);
      expect(await one.held()).toBe(0.008);
      const [first, second] = await Promise.all([
        meter(QUESTION, async () => usage(0.001)),
        meter(QUESTION, async () => usage(0)),
      ]);
      return [first.usage.cost_usd, second.usage.cost_usd];
    });
    const all = { calls: 2, input_tokens: 2, output_tokens: 2, cost_usd: 0.001 };
    expect(asked).toEqual({ kind: 'asked', value: [0.001, 0], usage: all });
    expect(await one.record()).toEqual({ spent: '1000' });
    expect([await one.spent(), await one.held()]).toEqual([0.001, 0]);
  });

  test('costs its worst where the endpoint does not say what it cost', async () => {
    const one = aCase();
    await one.spend([QUESTION, QUESTION], async (meter) => {
      await meter(QUESTION, async () => usage(null));
      return meter(QUESTION, async () => usage(0.002));
    });
    expect(await one.record()).toEqual({ spent: '6000' });
  });

  test('costs its worst where it was cut off, and nothing where it was not begun', async () => {
    const one = aCase();
    const stopped = one.spend([QUESTION, QUESTION, QUESTION], async (meter) => {
      await meter(QUESTION, async () => usage(0.001));
      return meter(QUESTION, () => Promise.reject(new Error('told to stop')));
    });
    await expect(stopped).rejects.toThrow('told to stop');
    expect(await one.record()).toEqual({ spent: '5000' });
  });

  test('gives all of it back where nothing was asked', async () => {
    const one = aCase();
    await expect(one.spend([QUESTION], () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await one.record()).toEqual({ spent: '0' });
  });

  test('is charged as it is where it cost more than was held, and that is said', async () => {
    const one = aCase();
    await one.spend([QUESTION], (meter) => meter(QUESTION, async () => usage(0.05)));
    expect(await one.record()).toEqual({ spent: '50000' });
    expect(one.log.text()).toContain('models cost more than was held');
  });
});

describe('nobody is asked', () => {
  test('a model without a price; the setting is named', async () => {
    const one = aCase();
    const refused = await one.spend([{ ...QUESTION, models: ['small', 'vendor/new'] }], never);
    expect(refused).toEqual({
      kind: 'refused',
      detail:
        'MODEL_PRICES names no price for vendor/new, so that what it costs has no bound; add it, for example vendor/new=2/8',
    });
    expect(await one.record()).toEqual({});
    expect(await one.refusals()).toEqual([['price', 1]]);
  });

  test.each([
    ['run', 'BUDGET_USD_PER_RUN is $0.005 for a run', /the next one$/],
    ['owner_day', 'BUDGET_USD_PER_OWNER_DAY is $0.005 for an owner and day', /20\d\d-\d\d-\d\d 00:00 UTC$/],
    ['day', 'BUDGET_USD_PER_DAY is $0.005 for all owners and a day', /20\d\d-\d\d-\d\d 00:00 UTC$/],
  ] as const)('beyond the cap of the %s; the words say which, what is spent and what to do', async (cap, is, until) => {
    const one = aCase({ caps: { [cap]: 5_000 } });
    await one.spend([QUESTION], (meter) => meter(QUESTION, async () => usage(0.0035)));
    const refused = await one.spend([QUESTION], never);
    if (refused.kind !== 'refused') throw new Error('it was asked');
    expect(refused.detail).toContain(
      `${is}: $0.0035 is spent, and this may cost up to $0.004; raise it, or wait until `,
    );
    expect(refused.detail).toMatch(until);
    expect(await one.refusals()).toEqual([[cap, 1]]);
  });

  test('a cap of nothing', async () => {
    expect(await aCase({ caps: { run: 0 } }).spend([QUESTION], never)).toMatchObject({ kind: 'refused' });
  });
});

describe('where others hold what is left', () => {
  /** Asks while another question of the same run is being asked. */
  const meanwhile = async (one: ReturnType<typeof aCase>): Promise<unknown> => {
    let second: unknown;
    await one.spend([QUESTION], async (meter) => {
      second = await one.spend([QUESTION], never).catch((error: unknown) => error);
      return meter(QUESTION, async () => usage(0));
    });
    return second;
  };

  test('the job comes back in a moment, and is asked then', async () => {
    const one = aCase({ caps: { run: 5_000 } });
    const second = await meanwhile(one);
    expect.assert(second instanceof PostponeError);
    expect(second.delayMs).toBeLessThan(MINUTE_MS);
    expect(await one.refusals()).toEqual([]);
    expect(await one.spend([QUESTION], (meter) => meter(QUESTION, async () => usage(0)))).toMatchObject({
      kind: 'asked',
    });
  });

  test.each([
    ['for ever', { pickups: 240 }],
    ['for longer than an answer is of use', { leftMs: 3_000 }],
  ])('it does not wait %s', async (_how, given) => {
    const second = await meanwhile(aCase({ caps: { run: 5_000 }, ...given }));
    expect(second).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('$0.00 is spent and $0.004 held for other questions'),
    });
  });
});
