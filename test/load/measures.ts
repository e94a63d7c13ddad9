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

/**
 * Of those, what goes by itself: an hour after the run its finished jobs and its events, within minutes what runs share of the hub and
 * the limits, within a day the keys that clients gave, and of no run at all are the signs of life.
 */
export const PASSING: readonly string[] = [
  'bull',
  'run-events',
  'power',
  'listing',
  'limit',
  'sends',
  'idempotency',
  'heartbeat',
  'watching',
];

const Usage = z.array(z.tuple([z.null(), z.number().nullable()]));

/** Bytes that Redis keeps, by what its keys are of: `run`, `evidence`, `audit:chain`; all of BullMQ's as `bull`. */
export async function keptBytes(redis: Redis): Promise<ReadonlyMap<string, number>> {
  const kept = new Map<string, number>();
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
  }
  return kept;
}

/** What Redis has taken in all, bytes. */
export async function redisMemory(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? Number.NaN);
}
