import { randomBytes } from 'node:crypto';
import { JOBS, jobOptions, type JobPayload } from '@quorum/shared/jobs';
import { createMetrics } from '@quorum/shared/metrics';
import { createRecords } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import type { RunningWorker } from '@quorum/shared/run-worker';
import { createTransitions } from '@quorum/shared/transitions';
import { Queue, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { quietLog } from '../test/log.ts';
import { startModelServer, vote, type ModelServer } from '../test/model-server.ts';
import { openRun, type Stores } from '../test/runs.ts';
import { jobParts, PRICES, useFolder } from '../test/asking.ts';
import { createModelClient } from './ask.ts';
import { createModelMetrics } from './model-metrics.ts';
import { startDecideWorker } from './worker.ts';
import { PATIENT } from '../../../test/patience.ts';

const SECOND_MS = 1_000;
const folder = useFolder();

let testRedis: TestRedis;
let server: ModelServer;
let redis: Redis;
let stores: Stores;
let queue: Queue;
let events: QueueEvents;
let worker: RunningWorker;

beforeAll(async () => {
  [testRedis, server] = await Promise.all([startTestRedis(), startModelServer()]);
  const log = quietLog();
  redis = connectPatient(testRedis.url, log);
  stores = { records: createRecords(redis), transitions: createTransitions(redis) };
  queue = new Queue('decide', { connection: redis, prefix: BULL_PREFIX });
  events = new QueueEvents('decide', { connection: connectPatient(testRedis.url, log), prefix: BULL_PREFIX });
  const metrics = createMetrics('decider');
  const key = randomBytes(32);
  worker = startDecideWorker({
    connection: redis,
    concurrency: 2,
    lockS: 30,
    log,
    metrics,
    deps: {
      records: stores.records,
      ...jobParts({ redis, key, folder }),
      client: createModelClient({ baseUrl: server.url, apiKey: 'key' }),
      metrics: createModelMetrics(metrics.registry),
      termsOf: async () => ({
        timeoutMs: PATIENT.timeout,
        prices: PRICES,
        minTimeToVoteS: 120,
        settings: {
          models: ['small'],
          fallbackModels: [],
          samples: 1,
          maxBodyTokens: 4_000,
          maxOutputTokens: 4_000,
          secondReading: 'never',
        },
      }),
      key,
      now: Date.now,
    },
  });
  await events.waitUntilReady();
});
afterAll(async () => {
  await worker.close(SECOND_MS);
  await Promise.all([queue.close(), events.close()]);
  redis.disconnect();
  await Promise.all([testRedis.stop(), server.close()]);
});

/** The clock is the real one here. */
const STILL_OPEN = { end: Math.ceil(Date.now() / SECOND_MS) + 3_600 };

async function runJob(payload: JobPayload<'decide'>): Promise<unknown> {
  const options = jobOptions('decide', { maxRetryAttempts: 3, retryDelayS: 0.05 });
  const job = await queue.add('decide', payload, options);
  return JOBS.decide.result.parse(await job.waitUntilFinished(events, PATIENT.timeout));
}

test('a model that comes back decides at a later attempt', async () => {
  const { payload, decision } = await openRun(stores, STILL_OPEN);
  const from = server.requests.length;
  server.behave((request, nth) =>
    nth - from < 2 ? { kind: 'status', status: 503, body: '{}' } : vote(request, 'For'),
  );
  expect(await runJob(payload)).toEqual({ kind: 'decided' });
  expect(server.requests.length - from).toBe(3);
  expect(await decision()).toMatchObject({ kind: 'decided' });
});

test('a model that stays away ends as a value, after every attempt: the job does not fail', async () => {
  const { payload, decision } = await openRun(stores, STILL_OPEN);
  const from = server.requests.length;
  server.behave(() => ({ kind: 'status', status: 429, body: '{}' }));
  expect(await runJob(payload)).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
  expect(server.requests.length - from).toBe(3);
  expect(await decision()).toMatchObject({ kind: 'failed', why: 'upstream_unavailable' });
});

test('a fault of ours ends as a recorded failure too', async () => {
  const { payload, proposal, decision } = await openRun(stores, STILL_OPEN);
  await stores.records.putProposal(payload.content_hash, { ...proposal, title: 'Another title' });
  expect(await runJob(payload)).toEqual({ kind: 'failed', why: 'internal' });
  expect(await decision()).toMatchObject({ kind: 'failed', why: 'internal' });
});
