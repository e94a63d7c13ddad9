/** Decisions in which a fallback model had its part, and jobs that wait for a model. */
import { randomBytes } from 'node:crypto';
import { upstreamId } from '@quorum/shared/ids';
import { judge } from '@quorum/shared/policy';
import { createRecords, type Records } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { createTransitions, type Transitions } from '@quorum/shared/transitions';
import { createGate } from '@quorum/shared/upstream-gate';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { jobParts, useFolder } from '../test/asking.ts';
import { preparedLog } from '../test/log.ts';
import { startModelServer, vote, type ModelRequest, type ModelServer, type Reply } from '../test/model-server.ts';
import { openRun as openRunIn, type TestRun } from '../test/runs.ts';
import { createModelClient } from './ask.ts';
import { decideJob, type DecideJobDeps } from './decide-job.ts';
import { createModelMetrics } from './model-metrics.ts';

const KEY = randomBytes(32);
const NOW_MS = 1_790_000_100_000;
const folder = useFolder();

let server: ModelServer;
let testRedis: TestRedis;
let redis: Redis;
let records: Records;
let transitions: Transitions;
beforeAll(async () => {
  [testRedis, server] = await Promise.all([startTestRedis(), startModelServer()]);
  redis = new Redis(testRedis.url);
  records = createRecords(redis);
  transitions = createTransitions(redis);
});
afterAll(async () => {
  redis.disconnect();
  await Promise.all([testRedis.stop(), server.close()]);
});
/** Each test asks with a key of its own, before whose gates no other has been. */
let apiKey = '';
beforeEach(() => {
  apiKey = randomBytes(8).toString('hex');
});

type Asking = { models?: string[]; fallbackModels?: string[]; samples?: number; last?: boolean };

function depsWith({ models = ['small'], fallbackModels = [], samples = 3, last = false }: Asking): DecideJobDeps {
  const price = { input_usd_per_million: 1, output_usd_per_million: 4 };
  const prices = Object.fromEntries([...models, ...fallbackModels].map((model) => [model, price]));
  return {
    records,
    ...jobParts({ redis, key: KEY, folder }),
    client: createModelClient({ baseUrl: server.url, apiKey }),
    gateOf: (model) => createGate(redis, upstreamId(server.url, apiKey, model), 'model'),
    metrics: createModelMetrics(new Registry()),
    termsOf: async () => ({
      timeoutMs: PATIENT.timeout,
      prices,
      minTimeToVoteS: 0,
      settings: {
        models,
        fallbackModels,
        samples,
        maxBodyTokens: 4_000,
        maxOutputTokens: 4_000,
        secondReading: 'never',
      },
    }),
    key: KEY,
    now: () => NOW_MS,
    attempt: { last, pickups: 1, log: preparedLog().logger },
  };
}

const openRun = (endS?: number): Promise<TestRun> =>
  openRunIn({ records, transitions }, endS === undefined ? {} : { end: endS });

const decideWith = ({ payload }: TestRun, asking: Asking) =>
  decideJob(payload, depsWith(asking), new AbortController().signal);

async function decided(run: TestRun) {
  const record = await run.decision();
  if (record?.kind !== 'decided') throw new Error(`No decision: ${JSON.stringify(record)}`);
  return record.sealed.decision;
}

const AWAY: Reply = { kind: 'status', status: 503, body: '{}' };
const slowDown = (retryAfter: string): Reply => ({
  kind: 'status',
  status: 429,
  body: '{}',
  headers: { 'retry-after': retryAfter },
});
const byModel = (replies: Readonly<Record<string, (request: ModelRequest) => Reply>>): void =>
  server.behave((request) => replies[request.model]?.(request) ?? AWAY);
const forIt = (request: ModelRequest): Reply => vote(request, 'For');
const againstIt = (request: ModelRequest): Reply => vote(request, 'Against');

describe('a fallback model', () => {
  test('decides in the place of the only model, and decision and evidence say so', async () => {
    const run = await openRun();
    byModel({ spare: forIt });
    expect(await decideWith(run, { fallbackModels: ['spare'] })).toEqual({ kind: 'decided' });
    const decision = await decided(run);
    expect(decision.samples).toMatchObject([1, 2, 3].map(() => ({ model: 'small', stand_in: 'spare' })));
    expect(judge(decision, run.preferences)).toMatchObject({ verdict: { kind: 'cast' } });
    const evidence: unknown = JSON.parse((await records.evidence(decision.evidence_hash)) ?? '');
    expect(evidence).toMatchObject({
      inputs: { configuration: { models: ['small'], fallback_models: ['spare'] } },
      samples: [1, 2, 3].map(() => ({
        answered_by: 'spare-2026',
        tries: [
          { model: 'small', result: 'unavailable', form: 'json_schema' },
          { model: 'spare', result: 'answer', answered_by: 'spare-2026' },
        ],
      })),
    });
  });

  test('decides beside the second of two models', async () => {
    const run = await openRun();
    byModel({ large: forIt, spare: forIt });
    await decideWith(run, { models: ['small', 'large'], fallbackModels: ['spare'] });
    expect(judge(await decided(run), run.preferences)).toMatchObject({ verdict: { kind: 'cast' } });
  });

  test('that dissents from the second of two models makes a disagreement', async () => {
    const run = await openRun();
    byModel({ large: forIt, spare: againstIt });
    await decideWith(run, { models: ['small', 'large'], fallbackModels: ['spare'] });
    expect(judge(await decided(run), run.preferences)).toMatchObject({ aggregate: { ballot: null } });
  });

  test('is not two models: where both are away it decides nothing alone, and the job is tried again', async () => {
    const run = await openRun();
    byModel({ spare: forIt });
    const asking = { models: ['small', 'large'], fallbackModels: ['spare'] };
    await expect(decideWith(run, asking)).rejects.toMatchObject({ category: 'upstream_unavailable' });
    expect(await run.decision()).toBeUndefined();
    const last = await decideWith(run, { ...asking, last: true });
    expect(last).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
  });

  test('nor is a second model that stands in for the first', async () => {
    const run = await openRun();
    byModel({ large: forIt });
    const asking = { models: ['small', 'large'], fallbackModels: ['large'], last: true };
    expect(await decideWith(run, asking)).toMatchObject({ kind: 'failed' });
  });

  test('may dissent: it never raises the confidence above what the samples asked agree on', async () => {
    const run = await openRun();
    let calls = 0;
    byModel({ small: (request) => ((calls += 1) === 1 ? AWAY : forIt(request)), spare: againstIt });
    await decideWith(run, { fallbackModels: ['spare'] });
    expect(judge(await decided(run), run.preferences)).toMatchObject({
      aggregate: { agreement: 2 / 3, confidence: 2 / 3 },
      verdict: { kind: 'skip', why: 'below_confidence' },
    });
  });
});

describe('a job whose model asks for fewer requests', () => {
  test('is put off until the gate opens, costs no attempt, and decides then', async () => {
    const run = await openRun();
    byModel({ small: () => slowDown('20') });
    const thrown: unknown = await decideWith(run, { last: true }).catch((error: unknown) => error);
    expect.assert(thrown instanceof PostponeError);
    expect(thrown.delayMs).toBeGreaterThan(5_000);
    expect(thrown.delayMs).toBeLessThan(30_000);
    expect(await run.decision()).toBeUndefined();
    await redis.del((await redis.keys('*gate*')).filter((key) => key !== ''));
    byModel({ small: forIt });
    expect(await decideWith(run, { last: true })).toEqual({ kind: 'decided' });
  });

  test('is not put off beyond the end of its proposal', async () => {
    const run = await openRun(NOW_MS / 1_000 + 40);
    byModel({ small: () => slowDown('20') });
    const result = await decideWith(run, { last: true });
    expect(result).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
  });

  test('is not put off where anything else is missing that no time brings', async () => {
    const run = await openRun();
    const filtered: Reply = { kind: 'says', content: '', finishReason: 'content_filter' };
    byModel({ small: () => slowDown('20'), large: () => filtered });
    const result = await decideWith(run, { models: ['small', 'large'] });
    expect(result).toEqual({ kind: 'failed', why: 'model_output' });
  });

  test('goes on at once where a fallback answers', async () => {
    const run = await openRun();
    byModel({ small: () => slowDown('20'), spare: forIt });
    expect(await decideWith(run, { fallbackModels: ['spare'] })).toEqual({ kind: 'decided' });
  });
});

describe('the end of a proposal', () => {
  test('is the end of asking too: nobody is asked for what no vote would follow', async () => {
    const run = await openRun(NOW_MS / 1_000 + 20);
    byModel({ small: forIt, spare: forIt });
    const asked = server.requests.length;
    // At whatever attempt: the next one would come later still.
    const result = await decideWith(run, { fallbackModels: ['spare'], last: false });
    expect(result).toEqual({ kind: 'failed', why: 'timeout' });
    expect(server.requests).toHaveLength(asked);
  });

  test('cuts a model short that would answer after it', async () => {
    const run = await openRun(NOW_MS / 1_000 + 31);
    byModel({ small: () => ({ kind: 'silent' }), spare: forIt });
    expect(await decideWith(run, { fallbackModels: ['spare'], last: true })).toEqual({
      kind: 'failed',
      why: 'timeout',
    });
  });
});
