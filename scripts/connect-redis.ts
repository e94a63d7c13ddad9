/** The Redis that the operator named, and one connection to it: whoever needs it now does not wait for one that is away. */
import { redisUrl } from '@quorum/shared/config';
import { openRedis } from '@quorum/shared/redis-cluster';
import type { Redis } from 'ioredis';
import type { CommonSettings } from './start-settings.ts';

const CONNECT_MS = 5_000;

/** REDIS_URL with the password of REDIS_PASSWORD_FILE; undefined: none is named. */
export function namedRedis({ redisUrl: url }: CommonSettings, env: NodeJS.ProcessEnv): string | undefined {
  if (url === undefined) return undefined;
  return redisUrl({ REDIS_URL: url, REDIS_PASSWORD_FILE: env['REDIS_PASSWORD_FILE'] || undefined });
}

/** Connects, or throws an error whose message is the reason alone. */
export async function connectRedis(url: string): Promise<Redis> {
  const redis = openRedis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let why: unknown;
  redis.on('error', (error) => (why = error)); // connect() itself says no more than that the connection is closed
  try {
    await redis.connect();
    await redis.ping();
    return redis;
  } catch (error) {
    redis.disconnect();
    const reason = why ?? error;
    throw new Error(reason instanceof Error ? reason.message : String(reason), { cause: error });
  }
}
