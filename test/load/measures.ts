/** What is read from the outside of a process that works: its memory, its security events, and what Redis keeps. */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Fleet } from './fleet.ts';

export type Memory = {
  /** What is held on the heap and beside it once the garbage is collected, bytes. */
  readonly held: number;
  /** Resident, bytes. */
  readonly resident: number;
};

/** A value of a metric that has one; the sum over all labels where it has several. */
function sumOf(exposition: string, metric: string): number {
  return exposition
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** What is held by what is collected goes with the next one. */
const COLLECTIONS = 3;

const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

/** Of each service, its garbage collected first. */
export async function memoryOf({ services }: Pick<Fleet, 'services'>): Promise<ReadonlyMap<string, Memory>> {
  const memory = new Map<string, Memory>();
  for (const [name, { pid, url }] of services) {
    for (let times = 0; times < COLLECTIONS; times += 1) {
      process.kill(pid, 'SIGUSR2');
      // By the time that this is answered the signal was seen.
      await fetch(`${url}/health/live`);
    }
    const text = await metricsOf(url);
    memory.set(name, {
      held: sumOf(text, 'nodejs_heap_size_used_bytes') + sumOf(text, 'nodejs_external_memory_bytes'),
      resident: sumOf(text, 'process_resident_memory_bytes'),
    });
  }
  return memory;
}

/** Of all services: what the guard refused, codes that were not ours, and whatever else should never happen. */
export async function securityEvents({ services }: Pick<Fleet, 'services'>): Promise<number> {
  const texts = await Promise.all([...services.values()].map(({ url }) => metricsOf(url)));
  return texts.reduce((sum, text) => sum + sumOf(text, 'quorum_security_events_total'), 0);
}

const HOUR_S = 60 * 60;

/**
 * What goes by itself, and within how many seconds at most: an hour after the run its finished jobs and its events, within minutes what
 * runs share of the hub and the limits, within a day the keys that clients gave, and of no run at all are the signs of life.
 */
const GOES_WITHIN_S: Readonly<Record<string, number>> = {
  bull: HOUR_S,
  'run-events': HOUR_S,
  power: HOUR_S,
  listing: HOUR_S,
  limit: HOUR_S,
  sends: HOUR_S,
  idempotency: 24 * HOUR_S,
  heartbeat: HOUR_S,
  watching: HOUR_S,
};

export const PASSING: readonly string[] = Object.keys(GOES_WITHIN_S);

const Usage = z.array(z.tuple([z.null(), z.number().nullable()]));

/**
 * Bytes that Redis keeps, by what its keys are of: `run`, `evidence`, `audit:chain`; all of BullMQ's as `bull`. While no run is open:
 * what is said to go by itself is held to it. Throws where it would not go.
 */
export async function keptBytes(redis: Redis): Promise<ReadonlyMap<string, number>> {
  const kept = new Map<string, number>();
  const stay: string[] = [];
  for await (const names of redis.scanStream({ match: '{quorum}:*', count: 500 })) {
    const keys = z.array(z.string()).parse(names);
    const asked = redis.pipeline();
    for (const key of keys) asked.call('MEMORY', 'USAGE', key, 'SAMPLES', '0');
    const usage = Usage.parse(await asked.exec());
    keys.forEach((key, at) => {
      const [, kind = '', second = ''] = key.split(':');
      const of = kind === 'audit' || kind === 'budget' ? `${kind}:${second}` : kind;
      kept.set(of, (kept.get(of) ?? 0) + (usage[at]?.[1] ?? 0));
    });
    stay.push(...(await notGoing(redis, keys)));
  }
  if (stay.length > 0) {
    throw new Error(`${stay.length} keys do not go, or not in time, which are left out as if they did: ${stay[0]}`);
  }
  return kept;
}

/** Those of these keys that are left out as what goes by itself, and do not. */
async function notGoing(redis: Redis, keys: readonly string[]): Promise<string[]> {
  const limits = keys.flatMap((key) => {
    const kind = key.split(':')[1] ?? '';
    const withinS = GOES_WITHIN_S[kind];
    return withinS === undefined ? [] : [{ key, isJobs: kind === 'bull', withinS }];
  });
  const goes = await Promise.all(
    limits.map(({ key, isJobs, withinS }) => (isJobs ? jobGoes(redis, key, withinS) : keyGoes(redis, key, withinS))),
  );
  return limits.flatMap(({ key }, at) => (goes[at] === true ? [] : [key]));
}

/** What `PTTL` says of a key that is not there: it went between two questions. */
const GONE = -2;

async function keyGoes(redis: Redis, key: string, withinS: number): Promise<boolean> {
  const leftMs = await redis.pttl(key);
  return leftMs === GONE || (leftMs >= 0 && leftMs <= 1_000 * withinS);
}

const Removed = z.object({ age: z.number() });
const JobOptions = z.object({ removeOnComplete: Removed, removeOnFail: Removed });

/** A job has no time to live: BullMQ takes it away, by its options. What else it keeps is of a job, and goes with it, or of a queue. */
async function jobGoes(redis: Redis, key: string, withinS: number): Promise<boolean> {
  if ((await redis.type(key)) !== 'hash') return true;
  const [options, addedAt] = await redis.hmget(key, 'opts', 'timestamp');
  // A schedule has options too, for the jobs that it will add.
  if (options === null || options === undefined || addedAt === null) return true;
  const { data } = JobOptions.safeParse(JSON.parse(options));
  return data !== undefined && data.removeOnComplete.age <= withinS && data.removeOnFail.age <= withinS;
}

/** What Redis has taken in all, bytes. */
export async function redisMemory(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? Number.NaN);
}
