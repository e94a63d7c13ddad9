/** The same question of the same owner is asked once: what was said to it makes the next decision too. */
import { randomBytes } from 'node:crypto';
import { OwnerId } from '@quorum/shared/ids';
import { pack, unpack } from '@quorum/shared/pack';
import { judge } from '@quorum/shared/policy';
import { createRecords, type Records } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { sealIsGood } from '@quorum/shared/sealed-decision';
import { createTransitions } from '@quorum/shared/transitions';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PATIENT } from '../../../test/patience.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { jobParts, PRICES, useFolder } from '../test/asking.ts';
import { quietLog } from '../test/log.ts';
import { startModelServer, vote, type ModelServer } from '../test/model-server.ts';
import { nextRun, openRun, OWNER, type Stores, type TestRun } from '../test/runs.ts';
import { createModelClient } from './ask.ts';
import { decideJob } from './decide-job.ts';
import { createModelMetrics } from './model-metrics.ts';

const KEY = randomBytes(32);
const folder = useFolder();

let testRedis: TestRedis;
let redis: Redis;
let server: ModelServer;
let records: Records;
let stores: Stores;
beforeAll(async () => {
  [testRedis, server] = await Promise.all([startTestRedis(), startModelServer()]);
  redis = new Redis(testRedis.url);
  records = createRecords(redis);
  stores = { records, transitions: createTransitions(redis) };
});
afterAll(async () => {
  redis.disconnect();
  await Promise.all([testRedis.stop(), server.close()]);
});

function deps(given: { models?: string[]; key?: Buffer; extras?: 'openrouter' } = {}) {
  const { models = ['small'], key = KEY, extras = 'none' } = given;
  const metrics = createModelMetrics(new Registry());
  return {
    ...jobParts({ redis, key, folder }),
    records,
    client: createModelClient({ baseUrl: server.url, apiKey: 'key', extras }),
    metrics,
    termsOf: async () => ({
      timeoutMs: PATIENT.timeout,
      prices: PRICES,
      minTimeToVoteS: 120,
      settings: {
        models,
        fallbackModels: [],
        samples: 3,
        maxBodyTokens: 4_000,
        maxOutputTokens: 4_000,
        secondReading: 'never' as const,
      },
    }),
    key,
    now: () => 1_790_000_100_000,
    attempt: { last: true, pickups: 1, log: quietLog() },
  };
}

/** Decides, and tells how often a model was asked for it. */
async function decide(run: TestRun, given = deps()) {
  const before = server.requests.length;
  const result = await decideJob(run.payload, given, new AbortController().signal);
  const record = await run.decision();
  return { result, record, asked: server.requests.length - before };
}

function sealedIn({ record }: Awaited<ReturnType<typeof decide>>) {
  if (record?.kind !== 'decided') throw new Error(`No decision: ${JSON.stringify(record)}`);
  return record.sealed;
}

/** The security events that were counted: those that never happened are there too, with 0. */
async function securityOf(given: ReturnType<typeof deps>): Promise<[unknown, number][]> {
  const { values } = await given.security.get();
  return values.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.event, value]);
}

const evidenceOf = async (hash: string) =>
  z
    .object({ reused_from: z.string().nullable(), samples: z.array(z.unknown()), decision: z.looseObject({}) })
    .parse(JSON.parse((await records.evidence(hash)) ?? ''));

async function decidedOnce(wishes: Record<string, unknown> = {}) {
  server.behave((request) => vote(request, 'For'));
  const run = await openRun(stores, {}, wishes);
  const first = await decide(run);
  expect(first.asked).toBe(3);
  const { decision } = sealedIn(first);
  return { run, decision, key: keys.answers(OWNER, decision.inputs_hash) };
}

describe('the next run with the same question', () => {
  test('asks nobody, costs nothing, and has the same samples under a seal of its own', async () => {
    const { run, decision } = await decidedOnce();
    server.behave((request) => vote(request, 'Against'));
    const next = await nextRun(stores, run);
    const again = await decide(next);
    expect(again).toMatchObject({ result: { kind: 'decided' }, asked: 0 });
    const sealed = sealedIn(again);
    expect(sealIsGood(sealed, KEY)).toBe(true);
    expect(sealed.decision).toMatchObject({
      run_id: next.payload.run_id,
      samples: decision.samples,
      inputs_hash: decision.inputs_hash,
      usage: { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
    });
    expect(await redis.exists(keys.budgetRun(next.payload.run_id))).toBe(0);
  });

  test('has evidence of its own, which says whose answers they are and holds them', async () => {
    const { run, decision } = await decidedOnce();
    const next = await nextRun(stores, run);
    const again = sealedIn(await decide(next));
    const third = sealedIn(await decide(await nextRun(stores, next)));
    const first = await evidenceOf(decision.evidence_hash);
    expect(first.reused_from).toBeNull();
    for (const { decision: reused } of [again, third]) {
      expect(reused.evidence_hash).not.toBe(decision.evidence_hash);
      const evidence = await evidenceOf(reused.evidence_hash);
      expect(evidence).toMatchObject({ reused_from: decision.evidence_hash, samples: first.samples });
    }
  });

  test('is judged anew: what the owner decides by now counts', async () => {
    const { run } = await decidedOnce();
    const next = await nextRun(stores, run);
    const { decision } = sealedIn(await decide(next));
    expect(judge(decision, next.preferences)).toMatchObject({ verdict: { kind: 'cast' } });
    expect(judge(decision, { ...next.preferences, approval: 'always' })).toMatchObject({ verdict: { kind: 'hold' } });
  });
});

describe('what differs is asked anew', () => {
  test.each([
    ['by another owner', { owner: OwnerId.parse('somebody-else') }],
    ['with another text', { changes: { body: 'The bench is blue.' } }],
    ['with other instructions', { wishes: { instructions: 'Green is holy.' } }],
    ['with another strategy', { wishes: { voting_strategy: 'aggressive' } }],
  ])('%s', async (_what, given) => {
    const { run } = await decidedOnce();
    expect((await decide(await nextRun(stores, run, given))).asked).toBe(3);
  });

  test('with another model', async () => {
    const { run } = await decidedOnce();
    expect((await decide(await nextRun(stores, run), deps({ models: ['large'] }))).asked).toBe(3);
  });

  test('with providers that keep nothing, where any would do before', async () => {
    const { run } = await decidedOnce();
    expect((await decide(await nextRun(stores, run), deps({ extras: 'openrouter' }))).asked).toBe(3);
  });

  test('where too few had answered: a failure is never reused', async () => {
    server.behave(() => ({ kind: 'refuses' }));
    const run = await openRun(stores);
    expect((await decide(run)).result).toEqual({ kind: 'failed', why: 'model_output' });
    server.behave((request) => vote(request, 'For'));
    expect(await decide(await nextRun(stores, run))).toMatchObject({ result: { kind: 'decided' }, asked: 3 });
  });
});

describe('kept answers that somebody altered in Redis', () => {
  type Kept = { readonly key: string; readonly evidence: string };
  /** Rewrites the evidence that holds the answers, as somebody with access to Redis could. */
  async function rewrite({ evidence }: Kept, change: (text: string) => string): Promise<void> {
    const text = await unpack((await redis.getBuffer(keys.evidence(evidence))) ?? Buffer.alloc(0));
    await redis.set(keys.evidence(evidence), await pack(change(text)));
  }
  /** Rewrites what leads to it. */
  async function point({ key }: Kept, change: object): Promise<void> {
    const pointer: object = JSON.parse((await redis.get(key)) ?? '');
    await redis.set(key, JSON.stringify({ ...pointer, ...change }));
  }

  test.each<[string, (kept: Kept) => Promise<unknown>]>([
    ['in an answer', (kept) => rewrite(kept, (text) => text.replaceAll('"For"', '"Against"'))],
    ['so that they have no form', (kept) => rewrite(kept, () => 'For!')],
    ['to what is not compressed', (kept) => redis.set(keys.evidence(kept.evidence), 'For!')],
    ['in their code', (kept) => point(kept, { mac: 'f'.repeat(64) })],
    ['in what leads to them', (kept) => point(kept, { evidence_hash: '../evidence' })],
    ['to what leads nowhere', (kept) => redis.set(kept.key, 'For!')],
  ])('%s are refused, counted, and asked for anew', async (_how, alter) => {
    const { run, decision, key } = await decidedOnce();
    await alter({ key, evidence: decision.evidence_hash });
    const given = deps();
    const next = await nextRun(stores, run);
    const again = await decide(next, given);
    expect(again.asked).toBe(3);
    expect(sealedIn(again).decision.samples).toEqual(decision.samples);
    expect(await securityOf(given)).toEqual([['answers_refused', 1]]);
    expect((await decide(await nextRun(stores, next))).asked).toBe(0);
  });

  test.each(['pointer', 'evidence'])('to be the good ones of another question are refused (its %s)', async (what) => {
    const [one, other] = [await decidedOnce(), await decidedOnce({ instructions: 'Green is holy.' })];
    const { evidence_hash: evidence } = other.decision;
    if (what === 'pointer') await redis.copy(other.key, one.key, 'REPLACE');
    else await point({ key: one.key, evidence }, { evidence_hash: evidence });
    expect((await decide(await nextRun(stores, one.run))).asked).toBe(3);
  });

  test('under another key are refused', async () => {
    const { run } = await decidedOnce();
    expect((await decide(await nextRun(stores, run), deps({ key: randomBytes(32) }))).asked).toBe(3);
  });
});

test('answers that are forgotten are asked for anew, and that is no fault', async () => {
  const { run, decision } = await decidedOnce();
  await redis.del(keys.evidence(decision.evidence_hash));
  const given = deps();
  expect((await decide(await nextRun(stores, run), given)).asked).toBe(3);
  expect(await securityOf(given)).toEqual([]);
});

test('a worker that was lost after asking leaves its answers to the one that takes over', async () => {
  const { run } = await decidedOnce();
  await redis.hdel(keys.run(run.payload.run_id), `decision:${run.proposal.id}`);
  expect(await decide(run)).toMatchObject({ result: { kind: 'decided' }, asked: 0 });
});
