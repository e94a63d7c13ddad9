/**
 * What each process says of itself every few seconds, in Redis: that it is there, and how what it needs does. Whoever wants to know
 * how the whole is reads these records and asks nobody. Nothing acts on them.
 *
 * No clock of another machine is trusted: a record's age is the time that it has lived, by Redis, and all times in it are seconds
 * before it was written.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { HEARTBEAT_KEPT_MS, keys } from './redis-keys.ts';

/** Whose processes are watched. */
export const SERVICE_NAMES = ['gateway', 'fetcher', 'decider', 'voter'] as const;
export const ServiceName = z.enum(SERVICE_NAMES);
export type ServiceName = z.infer<typeof ServiceName>;

export const UPSTREAM_NAMES = ['hub', 'sequencer', 'model'] as const;

export const PartStatus = z
  .enum(['ok', 'degraded', 'down', 'unknown'])
  .describe('degraded: it works, but something about it wants a look; unknown: nobody can tell now');
export type PartStatus = z.infer<typeof PartStatus>;

/** How something is that a process needs. `detail`: in words, with no address, name or secret in them; null where all is well. */
export const PartState = z.object({ status: PartStatus, detail: z.string().max(500).nullable() });
export type PartState = z.infer<typeof PartState>;

const Seconds = z.number().nonnegative();
const Bytes = z.int().nonnegative();

/** An upstream, as the requests of one process saw it. */
export const SeenUpstream = z.object({
  ok: z.boolean().describe('Whether the last request had an answer of one that works'),
  status: z.int().nullable().describe('HTTP status of that answer; null where none came'),
  latency_ms: z.number().nonnegative().nullable().describe('How long the last good answer took'),
  asked_s: Seconds.describe('Seconds since that request ended'),
  failing_s: Seconds.nullable().describe('Seconds since the first of the failures in a row; null where there is none'),
  failed_s: Seconds.nullable().describe('Seconds since the last request that failed'),
  sure: z.boolean().describe('Whether that holds for more than one request that may have been unlucky'),
  shut_s: Seconds.describe('Seconds for which it wants to be left alone; 0: it does not'),
});
export type SeenUpstream = z.infer<typeof SeenUpstream>;

/** What the process itself uses. */
export const ProcessVitals = z.object({
  event_loop_ms: z.number().nonnegative().describe('How long the event loop was held up at most since the last record'),
  cpu: z.number().nonnegative().describe('Cores used, on average over the last half minute'),
  memory_bytes: Bytes.describe('Memory that the process takes'),
  memory_share: z.number().nonnegative().describe('Share of what it may take that is taken; beyond 1 it is ended'),
});
export type ProcessVitals = z.infer<typeof ProcessVitals>;

export const Heartbeat = z.object({
  service: ServiceName.describe('Which service it is'),
  instance: z.string().regex(/^[0-9a-f]{12}$/),
  version: z.string().describe('The version of Quorum that it runs'),
  started_at: z.iso.datetime().describe('When it started'),
  every_s: z.number().positive().describe('Seconds until the next one is due'),
  working: z.boolean().describe('Whether it takes jobs'),
  redis_ms: z.number().nonnegative().nullable().describe('How long Redis took for the last one'),
  ...ProcessVitals.shape,
  disk_free_bytes: Bytes.nullable().describe('Room where it keeps its files; null where it keeps none'),
  upstreams: z.partialRecord(z.enum(UPSTREAM_NAMES), SeenUpstream),
  parts: z.partialRecord(z.enum(['preferences', 'signer', 'queues']), PartState),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/** A heartbeat, and how many seconds ago it was written. */
export type Beat = { readonly heartbeat: Heartbeat; readonly ageS: number };

/** Writes one, in place of the last. */
export async function writeHeartbeat(redis: Redis, heartbeat: Heartbeat): Promise<void> {
  const { service, instance } = heartbeat;
  await redis
    .multi()
    .set(keys.heartbeat(service, instance), JSON.stringify(heartbeat), 'PX', HEARTBEAT_KEPT_MS)
    .sadd(keys.heartbeats(), `${service}:${instance}`)
    .exec();
}

/** Takes a heartbeat away: its process ends, as it was told to. */
export async function dropHeartbeat(redis: Redis, service: ServiceName, instance: string): Promise<void> {
  await redis.multi().del(keys.heartbeat(service, instance)).srem(keys.heartbeats(), `${service}:${instance}`).exec();
}

/** Forgets the names of processes that left nothing behind. */
export async function forgetSilent(redis: Redis): Promise<void> {
  for (const { name, text } of await readAll(redis)) if (text === null) await redis.srem(keys.heartbeats(), name);
}

/** The heartbeats of the last minute. One that does not read is that of another version, and counts as none. */
export async function readHeartbeats(redis: Redis): Promise<Beat[]> {
  return (await readAll(redis)).flatMap(({ text, leftMs }) => {
    const parsed = Heartbeat.safeParse(text === null ? null : jsonOf(text));
    return parsed.success ? [{ heartbeat: parsed.data, ageS: (HEARTBEAT_KEPT_MS - leftMs) / 1_000 }] : [];
  });
}

type Stored = { readonly name: string; readonly text: string | null; readonly leftMs: number };

async function readAll(redis: Redis): Promise<Stored[]> {
  const names = (await redis.smembers(keys.heartbeats())).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const [service = '', instance = ''] = name.split(':');
      const key = keys.heartbeat(service, instance);
      const [text, leftMs] = await Promise.all([redis.get(key), redis.pttl(key)]);
      // It may have gone between the two.
      return leftMs < 0 ? { name, text: null, leftMs: 0 } : { name, text, leftMs };
    }),
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // whatever it is, it is no heartbeat
  }
}
