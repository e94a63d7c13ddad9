/** Asks Redis all that there is to know of the health of the whole: for `GET /health`, and for whoever looks from a terminal. */
import type { Redis } from 'ioredis';
import { foldHealth, type Health, type QueueHealth } from './health.ts';
import { readHeartbeats } from './heartbeat.ts';
import { rounded } from './process-vitals.ts';
import { within } from './within.ts';

export type HealthSources = {
  readonly redis: Redis;
  /** How long it may take, in milliseconds. */
  readonly withinMs: number;
  /** Looks at the queues; left out, what the gateways say of them counts. */
  readonly queues?: () => Promise<readonly QueueHealth[]>;
};

/** The health of the whole, in time. Never throws: what does not answer is what there is to tell. */
export async function readHealth({ redis, withinMs, queues: look }: HealthSources): Promise<Health> {
  const began = performance.now();
  const ping = redis.ping().then(() => rounded(performance.now() - began));
  const [redisMs, beats, queues] = await Promise.all([
    within<number | null>(withinMs, ping, null),
    within(withinMs, readHeartbeats(redis), null),
    look === undefined ? null : within<readonly QueueHealth[] | null>(withinMs, look(), null),
  ]);
  return foldHealth({ redisMs, beats, queues });
}
