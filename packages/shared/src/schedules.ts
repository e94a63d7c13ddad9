/**
 * Job schedulers of BullMQ, made from what is recorded. What its documentation does not say and its tests here do:
 *
 * - an unchanged cron scheduler that is upserted again drops a turn that was missed: so compare first, and leave it
 * - a template's id and deduplication are lost: so a tick is small and idempotent, and what it starts is deduplicated elsewhere
 * - the next tick is made when one is taken: if that job is lost, no other comes. `keepSchedule` sees that and makes it again
 *
 * Takes a queue by what it does, so that BullMQ stays at the edge.
 */
import type { SpaceId } from '@quorum/snapshot/proposal';
import type { OwnerId } from './ids.ts';
import { fingerprint, jobOptions, JOBS, type JobName, type JobPayload, type RetrySettings } from './jobs.ts';
import type { Watch } from './watches.ts';

const SECOND_MS = 1_000;
const WATCH_PREFIX = 'watch-';

export type Repeat = { readonly every: number } | { readonly pattern: string; readonly tz: string };

/** A scheduler as it should be. */
export type Schedule = {
  readonly id: string;
  readonly repeat: Repeat;
  readonly job: {
    readonly name: JobName;
    readonly data: JobPayload<JobName>;
    readonly opts: ReturnType<typeof jobOptions>;
  };
};

type Found = {
  readonly key: string;
  readonly next?: number;
  readonly every?: number;
  readonly pattern?: string;
  readonly tz?: string;
};

/** The part of a queue that schedules. */
export type ScheduleQueue = {
  getJobScheduler(id: string): Promise<Found | undefined>;
  getJobSchedulers(start: number, end: number): Promise<Found[]>;
  upsertJobScheduler(id: string, repeat: Repeat, job: Schedule['job']): Promise<unknown>;
  removeJobScheduler(id: string): Promise<boolean>;
  getJob(id: string): Promise<unknown>;
};

export function watchScheduleId(owner: OwnerId, space: SpaceId): string {
  return `${WATCH_PREFIX}${fingerprint([owner, space])}`;
}

/** The scheduler of a watch. */
export function watchSchedule({ owner, space_id: space, schedule }: Watch, retries: RetrySettings): Schedule {
  const data = JOBS.turn.payload.parse({ from: 'watch', owner, space_id: space });
  return {
    id: watchScheduleId(owner, space),
    repeat:
      schedule.kind === 'cron'
        ? { pattern: schedule.cron, tz: schedule.time_zone }
        : { every: schedule.every_s * SECOND_MS },
    job: { name: 'turn', data, opts: jobOptions('turn', retries) },
  };
}

/** The scheduler of the watchdog. */
export function watchdogSchedule(everyMs: number, retries: RetrySettings): Schedule {
  return {
    id: 'watchdog',
    repeat: { every: everyMs },
    job: { name: 'watchdog', data: {}, opts: jobOptions('watchdog', retries) },
  };
}

/** The scheduler of the sealing of audit records. */
export function sealSchedule(everyMs: number, retries: RetrySettings): Schedule {
  return { id: 'seal', repeat: { every: everyMs }, job: { name: 'seal', data: {}, opts: jobOptions('seal', retries) } };
}

/** When the next tick of a scheduler is due, Unix milliseconds; null where there is none. */
export async function nextTick(queue: ScheduleQueue, id: string): Promise<number | null> {
  return (await queue.getJobScheduler(id))?.next ?? null;
}

/**
 * Makes a scheduler what it should be. kept: it is so already. made: it is new, or was another. mended: its next tick was lost;
 * `missed` says whether that was due by now.
 */
export async function keepSchedule(
  queue: ScheduleQueue,
  schedule: Schedule,
  nowMs: number,
): Promise<{ readonly kind: 'kept' | 'made' | 'mended'; readonly missed: boolean }> {
  const { id, repeat, job } = schedule;
  const found = await queue.getJobScheduler(id);
  const same = found !== undefined && isSame(found, repeat);
  if (same && found.next !== undefined && (await queue.getJob(`repeat:${id}:${found.next}`)) !== undefined) {
    return { kind: 'kept', missed: false };
  }
  // A tick that was taken between the two questions has made the next one.
  if (same && (await queue.getJobScheduler(id))?.next !== found.next) return { kind: 'kept', missed: false };
  await queue.upsertJobScheduler(id, repeat, job);
  return same ? { kind: 'mended', missed: (found.next ?? 0) <= nowMs } : { kind: 'made', missed: false };
}

/** The ids of the schedulers of watches. */
export async function watchSchedulers(queue: ScheduleQueue): Promise<string[]> {
  const all = await queue.getJobSchedulers(0, -1);
  return all.map(({ key }) => key).filter((id) => id.startsWith(WATCH_PREFIX));
}

function isSame(found: Found, repeat: Repeat): boolean {
  if ('every' in repeat) return found.every === repeat.every && found.pattern === undefined;
  return found.pattern === repeat.pattern && found.tz === repeat.tz;
}
