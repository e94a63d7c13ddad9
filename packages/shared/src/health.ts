/**
 * The health of the whole, folded from what each process said of itself last. It says what is missing, in numbers and closed words:
 * no address, no name of an owner, no secret, so that whoever asks may read all of it.
 *
 *   down      anything without which no vote comes about is down: 503
 *   degraded  all of it works, but something wants a look, or nobody can tell
 *   ok        every part is known to be well
 */
import { z } from 'zod';
import { PartStatus, Heartbeat, SERVICE_NAMES, type Beat, type PartState, type ServiceName } from './heartbeat.ts';
import { QUEUES } from './jobs.ts';
import { foldUpstream } from './upstream-health.ts';

const Count = z.int().nonnegative();
const AgeS = z.number().nonnegative().nullable();

const PART_NAMES = [
  'redis',
  ...SERVICE_NAMES,
  'hub',
  'sequencer',
  'model',
  'preferences',
  'signer',
  'queues',
  'event_loop',
  'cpu',
  'memory',
  'disk',
] as const;
type PartName = (typeof PART_NAMES)[number];

const Detail = z.string().nullable().describe('What there is to say of it; null where all is well');

const Part = z.object({
  part: z.enum(PART_NAMES).describe('What it is'),
  status: PartStatus,
  latency_ms: z.number().nonnegative().nullable().describe('How long its last good answer took, where it gives any'),
  age_s: AgeS.describe('Seconds since it was seen last'),
  detail: Detail,
});
export type Part = z.infer<typeof Part>;

const QueueHealth = z.object({
  queue: z.enum(QUEUES).describe('Its name'),
  status: PartStatus,
  waiting: Count.describe('Jobs that nobody has taken yet'),
  active: Count.describe('Jobs being worked on'),
  failed: Count.describe('Jobs that failed within the last hour'),
  oldest_s: AgeS.describe('Seconds since the oldest of the next ten that wait was added; null where none waits'),
  detail: Detail,
});
export type QueueHealth = z.infer<typeof QueueHealth>;

const Instance = z.object({
  ...Heartbeat.pick({ service: true, version: true, started_at: true, working: true }).shape,
  instance: Heartbeat.shape.instance.describe('A name that it gave itself at its start'),
  ...Heartbeat.pick({ event_loop_ms: true, cpu: true, memory_bytes: true, disk_free_bytes: true, redis_ms: true })
    .shape,
  age_s: z.number().nonnegative().describe('Seconds since it said something'),
});

export const Health = z.object({
  status: z.enum(['ok', 'degraded', 'down']).describe('That of the worst part; what nobody can tell is degraded'),
  parts: z.array(Part).describe('Everything that a vote needs, each once'),
  queues: z.array(QueueHealth).describe('Whether jobs are taken'),
  instances: z.array(Instance).describe('Processes that were heard of within the last minute'),
});
export type Health = z.infer<typeof Health>;

/** What is known: of Redis how long it took, of the rest what could be read there; null where it did not answer. */
export type Known = {
  readonly redisMs: number | null;
  readonly beats: readonly Beat[] | null;
  /** Null too where whoever asks did not look at them: then what the gateways say of them counts. */
  readonly queues: readonly QueueHealth[] | null;
};

const SLOW_REDIS_MS = 500;
/** A process is missed after so many of its beats, and a second in which the last one is written and read. */
const MISSED_BEATS = 3;
const MISSED_MORE_S = 1;
const BUSY_LOOP_MS = 1_000;
const BUSY_CORES = 0.95;
const FULL_SHARE = 0.9;
const GB = 1_000_000_000;
/** On a full disk nothing is written. */
export const DISK_WARNS = 2 * GB;
export const DISK_BROKEN = 0.2 * GB;

/** The health of the whole. A law: no part that is down is in a whole that is not. */
export function foldHealth({ redisMs, beats, queues }: Known): Health {
  const heard = beats ?? [];
  const alive = heard.filter(isAlive);
  const parts: Part[] = [
    redisPart(redisMs),
    ...SERVICE_NAMES.map((service) => (beats === null ? untold(service) : servicePart(service, heard))),
    ...(['hub', 'sequencer', 'model'] as const).map((name) => ({ part: name, ...foldUpstream(name, alive) })),
    vouchedPart('preferences', alive),
    vouchedPart('signer', alive),
    queues === null
      ? vouchedPart('queues', alive)
      : { part: 'queues', latency_ms: null, age_s: 0, ...foldQueues(queues) },
    ...vitalParts(alive),
  ];
  // Parsed, so that of a heartbeat nothing is told but what is meant to be, and people find each field in its place.
  return Health.parse({
    status: overall(parts),
    parts,
    queues: queues ?? [],
    instances: heard.map(({ heartbeat, ageS }) => ({ ...heartbeat, age_s: tenth(ageS) })),
  });
}

function isAlive({ heartbeat, ageS }: Beat): boolean {
  return ageS <= MISSED_BEATS * heartbeat.every_s + MISSED_MORE_S;
}

function overall(parts: readonly Part[]): Health['status'] {
  const worst = worstOf(parts.map(({ status }) => status));
  return worst === 'unknown' ? 'degraded' : worst;
}

const BADNESS = { ok: 0, unknown: 1, degraded: 2, down: 3 } as const satisfies Record<PartStatus, number>;

/** The worst of them; ok where there is none. */
function worstOf(all: readonly PartStatus[]): PartStatus {
  return all.reduce<PartStatus>((worst, one) => (BADNESS[one] > BADNESS[worst] ? one : worst), 'ok');
}

function untold(part: PartName): Part {
  return { part, status: 'unknown', latency_ms: null, age_s: null, detail: 'nobody tells' };
}

function redisPart(redisMs: number | null): Part {
  const common = { part: 'redis', latency_ms: redisMs, age_s: 0 } as const;
  if (redisMs === null) return { ...common, status: 'down', age_s: null, detail: 'no answer in time' };
  if (redisMs >= SLOW_REDIS_MS) return { ...common, status: 'degraded', detail: 'it is slow to answer' };
  return { ...common, status: 'ok', detail: null };
}

function servicePart(service: ServiceName, heard: readonly Beat[]): Part {
  const own = heard.filter(({ heartbeat }) => heartbeat.service === service);
  const alive = own.filter(isAlive);
  const working = alive.filter(({ heartbeat }) => heartbeat.working);
  const ageS = own.length === 0 ? null : tenth(Math.min(...own.map((beat) => beat.ageS)));
  const common = { part: service, latency_ms: null, age_s: ageS } as const;
  if (own.length === 0) return { ...common, status: 'down', detail: 'no process of it was heard of for a minute' };
  if (alive.length === 0) return { ...common, status: 'down', detail: 'its processes are silent' };
  if (working.length === 0) return { ...common, status: 'down', detail: 'it takes no jobs' };
  if (working.length < own.length) {
    const detail = `${working.length} of ${own.length} processes work`;
    // One that vanished and came back is itself again: what is missing is said for a minute.
    return { ...common, status: working.length < alive.length ? 'degraded' : 'ok', detail };
  }
  return { ...common, status: 'ok', detail: null };
}

function vouchedPart(part: keyof Heartbeat['parts'], alive: readonly Beat[]): Part {
  const told = alive.flatMap(({ heartbeat, ageS }) => {
    const state = heartbeat.parts[part];
    return state === undefined ? [] : [{ ...state, ageS }];
  });
  const status = worstOf(told.map((state) => state.status));
  const worst = told.find((state) => state.status === status);
  if (worst === undefined) return untold(part);
  return { part, status, latency_ms: null, age_s: tenth(worst.ageS), detail: worst.detail };
}

/** Whether all queues move. */
export function foldQueues(queues: readonly Pick<QueueHealth, 'queue' | 'status' | 'detail'>[]): PartState {
  const bad = queues.filter(({ detail }) => detail !== null);
  const detail = bad.map((queue) => `${queue.queue}: ${queue.detail}`).join('; ') || null;
  return { status: worstOf(queues.map(({ status }) => status)), detail };
}

function vitalParts(alive: readonly Beat[]): Part[] {
  const of = (part: PartName, state: (heartbeat: Heartbeat) => PartState): Part => {
    const states = alive.map(({ heartbeat, ageS }) => ({ ...state(heartbeat), ageS, of: heartbeat.service }));
    if (states.length === 0) return untold(part);
    const status = worstOf(states.map((one) => one.status));
    const bad = states.filter((one) => one.detail !== null);
    const detail = bad.map((one) => `${one.of}: ${one.detail}`).join('; ') || null;
    return { part, status, latency_ms: null, age_s: tenth(Math.min(...states.map((one) => one.ageS))), detail };
  };
  return [
    of('event_loop', ({ event_loop_ms: ms }) => warnIf(ms >= BUSY_LOOP_MS, `it was held up for ${Math.round(ms)} ms`)),
    of('cpu', ({ cpu }) => warnIf(cpu >= BUSY_CORES, `it uses ${cpu.toFixed(2)} cores`)),
    of('memory', ({ memory_share: share }) =>
      warnIf(share >= FULL_SHARE, `it takes ${Math.round(share * 100)} % of what it may`),
    ),
    of('disk', ({ disk_free_bytes: free }) => {
      if (free === null || free >= DISK_WARNS) return FINE;
      const detail = `${(free / GB).toFixed(1)} GB are free`;
      return { status: free < DISK_BROKEN ? 'down' : 'degraded', detail };
    }),
  ];
}

const FINE: PartState = { status: 'ok', detail: null };

function warnIf(isBad: boolean, detail: string): PartState {
  return isBad ? { status: 'degraded', detail } : FINE;
}

function tenth(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
