/** A run is started in one step: paid for, accepted and queued, or nothing of it. */
import { randomBytes } from 'node:crypto';
import { createApiKeys } from '@quorum/shared/api-keys';
import { OwnerId, newRunId, RequestId } from '@quorum/shared/ids';
import { createMetrics } from '@quorum/shared/metrics';
import { connectFailFast } from '@quorum/shared/redis';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { SpaceId } from '@quorum/snapshot/proposal';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import express from 'express';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, log } from '../test/stand.ts';
import { createLimits } from './limits.ts';
import { answerProblem } from './problem.ts';
import { openQueues, type Queues } from './queues.ts';
import { createStartRun } from './start-run.ts';
import { listen, type RunningServer } from './server.ts';

const ADA = OwnerId.parse('ada');
const MAC_KEY = randomBytes(32);
let server: TestRedis;
let redis: Redis;
let queues: Queues;
let queue: Queue;
let app: RunningServer;
let standing: { readonly hash: string; readonly id: string; readonly record: string } | undefined;
let owner: OwnerId | null = ADA;
let startsPerOwner = 1;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectFailFast(server.url, log, () => 10_000);
  queues = openQueues({
    connection: redis,
    retries: () => ({ maxRetryAttempts: 3, retryDelayS: 5 }),
    limitMs: () => 10_000,
    log,
  });
  await queues.ready();
  queue = new Queue('agent-run', { connection: redis, prefix: BULL_PREFIX });
  const settings = () => ({
    windowS: 60,
    readsPerOwner: 9,
    readsPerAddress: 9,
    startsPerOwner,
    startsPerAddress: 9,
    badKeysPerAddress: 9,
  });
  const limits = createLimits({ redis, settings, limitMs: () => 10_000, metrics: createMetrics('gateway') });
  const start = createStartRun(redis, queues);
  const serving = express();
  Object.defineProperty(serving.request, 'log', { value: log });
  serving.get('/:space', async (request, response) => {
    const runId = newRunId();
    const started = await start(limits.payment(request, owner, standing), {
      runId,
      requestId: RequestId.parse(runId),
      owner: ADA,
      space: SpaceId.parse(request.params.space),
      dryRun: true,
      idempotency: null,
      nowMs: Date.now(),
    });
    response.json({ started });
  });
  serving.use(answerProblem);
  app = await listen(serving, '127.0.0.1', 0);
});
afterAll(async () => {
  await app.close();
  await queue.close();
  await queues.close();
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  [owner, standing, startsPerOwner] = [ADA, undefined, 1];
});

const start = async (space: string) => await ask(`${app.url}/${space}`);
/** How many runs are open, and how many have a job. */
const standingRuns = async (): Promise<number[]> => [await redis.zcard(keys.openRuns()), await queue.getWaitingCount()];

test('what is paid for is accepted and queued', async () => {
  const { json, headers } = await start('a.eth');
  expect(json).toMatchObject({ started: { kind: 'created' } });
  expect(headers['ratelimit']).toMatch(/^"starts-owner";r=0;t=\d+, "starts-address";r=8;t=\d+$/);
  expect(await standingRuns()).toEqual([1, 1]);
});

test('what is over a limit leaves nothing behind, and takes nothing of the other budget', async () => {
  await start('a.eth');
  const refused = await start('b.eth');
  expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
  expect(refused.headers['ratelimit']).toMatch(/^"starts-owner";r=0;t=\d+, "starts-address";r=8;t=\d+$/);
  expect(await standingRuns()).toEqual([1, 1]);
});

test('a run that stands already is paid for, and has one job', async () => {
  startsPerOwner = 2;
  const [first, second] = [await start('a.eth'), await start('a.eth')];
  expect(first.json).toMatchObject({ started: { kind: 'created' } });
  expect(second.json).toMatchObject({ started: { kind: 'joined' } });
  expect((await start('a.eth')).status).toBe(429);
  expect(await standingRuns()).toEqual([1, 1]);
});

test('a key that is another than it was starts nothing, and nothing is taken', async () => {
  const { key } = await createApiKeys(redis, MAC_KEY).create({ owner: ADA, role: 'user', name: '', nowMs: 0 });
  const record = (await redis.hget(keys.apiKeys(), key.id)) ?? '';
  standing = { hash: keys.apiKeys(), id: key.id, record: record.replace('user', 'viewer') };
  expect((await start('a.eth')).json).toEqual({ started: null });
  expect(await standingRuns()).toEqual([0, 0]);
  standing = { ...standing, record };
  expect((await start('a.eth')).json).toMatchObject({ started: { kind: 'created' } });
  await createApiKeys(redis, MAC_KEY).revoke(key.id);
  expect((await start('b.eth')).json).toEqual({ started: null });
  expect(await standingRuns()).toEqual([1, 1]);
});

test('who pays nothing starts as much as they like, and is told of no limit', async () => {
  owner = null;
  for (const space of ['a.eth', 'b.eth', 'c.eth']) {
    const { json, headers } = await start(space);
    expect(json, space).toMatchObject({ started: { kind: 'created' } });
    expect(headers).not.toHaveProperty('ratelimit');
  }
  expect(await standingRuns()).toEqual([3, 3]);
});

test('a Redis that does not know the script yet is given it', async () => {
  await redis.script('FLUSH');
  expect((await start('a.eth')).json).toMatchObject({ started: { kind: 'created' } });
  expect(await standingRuns()).toEqual([1, 1]);
});
