import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { startTestRedis } from './redis.ts';

async function ask<T>(url: string, question: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  try {
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

describe('a Redis for tests', () => {
  test('two of them share nothing', async () => {
    const [one, other] = await Promise.all([startTestRedis(), startTestRedis()]);
    try {
      await ask(one.url, (redis) => redis.set('here', 'yes'));
      expect(await ask(other.url, (redis) => redis.get('here'))).toBeNull();
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
    await expect(ask(one.url, (redis) => redis.ping())).rejects.toThrow();
  });

  test('keeps every answered write over a crash when it is append-only', async () => {
    const redis = await startTestRedis({ appendonly: true });
    try {
      await ask(redis.url, (client) => client.set('vote', 'cast'));
      await redis.kill9();
      await expect(ask(redis.url, (client) => client.ping())).rejects.toThrow();
      await redis.restart();
      expect(await ask(redis.url, (client) => client.get('vote'))).toBe('cast');
    } finally {
      await redis.stop();
    }
  });

  test('never evicts, never snapshots, listens on loopback alone and wants its password', async () => {
    const redis = await startTestRedis({ password: 'p@ss "word"' });
    try {
      const settings = await ask(redis.url, (client) => client.config('GET', '*'));
      expect(settings).toEqual(expect.arrayContaining(['noeviction']));
      const elsewhere = new URL(redis.url);
      elsewhere.hostname = '127.0.0.2';
      await expect(ask(elsewhere.href, (client) => client.ping())).rejects.toThrow();
      const save = await ask(redis.url, (client) => client.config('GET', 'save'));
      expect(save).toEqual(['save', '']);
      const without = new URL(redis.url);
      without.password = '';
      await expect(ask(without.href, (client) => client.get('vote'))).rejects.toThrow(/NOAUTH/);
    } finally {
      await redis.stop();
    }
  });
});
