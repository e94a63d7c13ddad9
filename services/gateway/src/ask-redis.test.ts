import { UpstreamError } from '@quorum/shared/errors';
import { connectFailFast, firstAttempt } from '@quorum/shared/redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quiet } from '../../../packages/shared/test/samples.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { standStill } from '../../../test/stand-still.ts';
import { askRedis } from './ask-redis.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

test('gives the answer', async () => {
  expect(await askRedis(1_000, async () => 'PONG')).toBe('PONG');
});

test('does not wait for ever', async () => {
  const silence = new Promise<never>(() => {});
  const error: unknown = await askRedis(20, () => silence).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UpstreamError);
  expect(error).toMatchObject({ category: 'upstream_unavailable', upstream: 'redis', retryAfterS: 2 });
});

test('does not take an event loop that stood still for a Redis that is away', async () => {
  const redis = connectFailFast(server.url, quiet, () => 500);
  await firstAttempt(redis);
  const asked = askRedis(500, async () => [await redis.incr('n'), await redis.incr('n'), await redis.incr('n')]);
  standStill(1_000);
  expect(await asked).toEqual([1, 2, 3]);
  redis.disconnect();
});

test.each([
  Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' }),
  new Error("Stream isn't writeable and enableOfflineQueue options is false"),
  new Error('Command timed out'),
  new Error('Connection is closed.'),
  new Error('LOADING Redis is loading the dataset in memory'),
  new Error("OOM command not allowed when used memory > 'maxmemory'."),
])('takes "$message" for Redis being away', async (cause) => {
  await expect(askRedis(1_000, () => Promise.reject(cause))).rejects.toMatchObject({
    category: 'upstream_unavailable',
    cause,
  });
});

test('does not take a fault of ours for Redis being away', async () => {
  const fault = new TypeError('record is undefined');
  await expect(askRedis(1_000, () => Promise.reject(fault))).rejects.toBe(fault);
});
