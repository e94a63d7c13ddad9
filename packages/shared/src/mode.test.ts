import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { claimMode } from './mode.ts';

describe('a Redis', () => {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startTestRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it.for([
    ['sandbox', 'live', /used with the sandbox[^]*another Redis/],
    ['live', 'sandbox', /serves live voting/],
  ] as const)('that serves %s is refused to %s, and still serves what it served', async ([first, second, words]) => {
    await redis.flushall();
    await claimMode(redis, first);
    await expect(claimMode(redis, second)).rejects.toThrow(words);
    await claimMode(redis, first);
  });

  it('with the votes of a version that named its keys otherwise is refused', async () => {
    await redis.flushall();
    await redis.set('quorum:mode', 'live');
    await expect(claimMode(redis, 'live')).rejects.toThrow('an earlier version');
    await redis.flushall();
    await claimMode(redis, 'live');
  });
});
