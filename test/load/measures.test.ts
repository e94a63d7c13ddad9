/** What is left out of what a run keeps, as it goes by itself, is held to it. */
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startTestRedis, type TestRedis } from '../redis.ts';
import { keptBytes } from './measures.ts';

const HOUR_S = 60 * 60;
const GOES = { removeOnComplete: { age: HOUR_S }, removeOnFail: { age: HOUR_S } } as const;

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.url);
});
beforeEach(async () => {
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function addJob(options: Readonly<Record<string, unknown>>): Promise<void> {
  const queue = new Queue('decide', { connection: { url: server.url }, prefix: BULL_PREFIX });
  await queue.add('decide', {}, options);
  await queue.close();
}

it('counts what stays and what goes, each by what it is of', async () => {
  await redis.set('{quorum}:run:1', 'kept');
  await redis.set('{quorum}:run-events:1', 'an hour', 'EX', HOUR_S);
  await redis.set('{quorum}:idempotency:me:key', 'a day', 'EX', 24 * HOUR_S);
  await addJob(GOES);
  const kept = await keptBytes(redis);
  expect([...kept.keys()].toSorted()).toEqual(['bull', 'idempotency', 'run', 'run-events']);
  for (const bytes of kept.values()) expect(bytes).toBeGreaterThan(0);
});

it.for([
  ['has no time to live', '{quorum}:run-events:1', null],
  ['has a longer one', '{quorum}:power:hub:voter:proposal', 2 * HOUR_S],
  ['has a longer one than a day', '{quorum}:idempotency:me:key', 25 * HOUR_S],
] as const)('is no measurement where what is left out %s', async ([, key, seconds]) => {
  await redis.set(key, 'x');
  if (seconds !== null) await redis.expire(key, seconds);
  await expect(keptBytes(redis)).rejects.toThrow(key);
});

it.for([
  ['none', {}],
  ['none once it has failed', { removeOnComplete: GOES.removeOnComplete }],
  ['none but a count', { removeOnComplete: 10_000, removeOnFail: 10_000 }],
  ['a longer one', { ...GOES, removeOnComplete: { age: 2 * HOUR_S } }],
] as const)('is none where the age at which a job goes is %s', async ([, options]) => {
  await addJob(options);
  await expect(keptBytes(redis)).rejects.toThrow(`${BULL_PREFIX}:decide:1`);
});

it.for([
  ['asks no age of a schedule where its jobs have one', GOES, null],
  ['and no less of its jobs', {}, `${BULL_PREFIX}:agent-run:repeat:watchdog:`],
] as const)('%s', async ([, opts, stays]) => {
  const queue = new Queue('agent-run', { connection: { url: server.url }, prefix: BULL_PREFIX });
  await queue.upsertJobScheduler('watchdog', { every: 60_000 }, { name: 'watchdog', data: {}, opts });
  await queue.close();
  await (stays === null ? keptBytes(redis) : expect(keptBytes(redis)).rejects.toThrow(stays));
});
