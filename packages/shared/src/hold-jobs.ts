/**
 * The jobs that holds wait for: the one that makes the vote, the one that ends what nobody answered, and notices. Ids dedupe, so
 * that whoever finds a job missing adds it; a job that has ended, while its hold goes on, is put in its place again.
 *
 * Takes a queue by what it does, so that BullMQ stays at the edge.
 */
import { type Hold, isOpen, isToBeCast } from './hold.ts';
import type { OwnerId, RequestId } from './ids.ts';
import { deadlinePriority, jobIds, jobOptions, JOBS, type JobPayload, type RetrySettings } from './jobs.ts';
import type { HOLD_NOTICES, Notice } from './notices.ts';
import { carriedTrace } from './trace-context.ts';

const HOUR_MS = 60 * 60 * 1_000;
/** Shorter than this, a hold has no half-time that anybody would want to hear of. */
const HALF_TIME_LEAST_MS = HOUR_MS;

type JobOptions = ReturnType<typeof jobOptions> & {
  readonly jobId: string;
  readonly delay?: number;
  readonly priority?: number;
};

/** The part of the queue `vote` that holds need. */
export type HoldQueue = {
  getJob(id: string): Promise<{ getState(): Promise<string> } | undefined>;
  add(name: string, data: JobPayload<'cast-hold'>, opts: JobOptions): Promise<unknown>;
  remove(id: string): Promise<unknown>;
};

/** Adds a job unless one of its id is still to be worked. Returns whether it was missing. */
async function addMissing(
  queue: HoldQueue,
  name: 'cast-hold' | 'expire',
  hold: Pick<Hold, 'subject'>,
  opts: JobOptions,
  requestId?: RequestId,
): Promise<boolean> {
  const known = await queue.getJob(opts.jobId);
  if (known !== undefined) {
    const state = await known.getState();
    if (state !== 'completed' && state !== 'failed') return false;
    await queue.remove(opts.jobId);
  }
  await queue.add(name, payloadOf(name, hold, requestId), opts);
  return true;
}

function payloadOf(name: 'cast-hold' | 'expire', { subject }: Pick<Hold, 'subject'>, requestId: RequestId | undefined) {
  const asked = requestId === undefined ? {} : { request_id: requestId };
  return JOBS[name].payload.parse({ ...asked, hold_id: subject.hold_id });
}

/** Has the vote of a hold made; `requestId` is the request that answered it. */
export function addCast(
  queue: HoldQueue,
  hold: Hold,
  retries: RetrySettings,
  nowMs: number,
  requestId?: RequestId,
): Promise<boolean> {
  const { hold_id: id, end } = hold.subject;
  const priority = deadlinePriority(end, nowMs);
  const opts = { ...jobOptions('cast-hold', retries), ...carriedTrace(), jobId: jobIds.castHold(id), priority };
  return addMissing(queue, 'cast-hold', hold, opts, requestId);
}

/** Has a hold end at its deadline. */
export function addExpiry(
  queue: HoldQueue,
  hold: Pick<Hold, 'subject' | 'deadlineMs'>,
  retries: RetrySettings,
  nowMs: number,
): Promise<boolean> {
  const delay = Math.max(0, hold.deadlineMs - nowMs);
  const jobId = jobIds.expire(hold.subject.hold_id);
  return addMissing(queue, 'expire', hold, { ...jobOptions('expire', retries), jobId, delay });
}

/**
 * Sees to it that each of these holds has the jobs that it should have. `enabled`: whether votes of an owner are sent. Returns how
 * many jobs were missing.
 */
export async function keepHoldJobs(
  queue: HoldQueue,
  holds: readonly Hold[],
  deps: {
    readonly enabled: (owner: OwnerId) => Promise<boolean>;
    readonly retries: RetrySettings;
    readonly nowMs: number;
  },
): Promise<number> {
  const { enabled, retries, nowMs } = deps;
  let missing = 0;
  for (const hold of holds.filter(isOpen)) {
    if (await addExpiry(queue, hold, retries, nowMs)) missing += 1;
    const isDue = isToBeCast(hold) && nowMs < hold.deadlineMs && (await enabled(hold.subject.owner));
    if (isDue && (await addCast(queue, hold, retries, nowMs))) missing += 1;
  }
  return missing;
}

/** What is told of a hold as it is made, at once and later. Whoever delivers it looks whether the hold is still open. */
export function noticesOf({ subject }: Pick<Hold, 'subject'>, nowMs: number): readonly Notice[] {
  const { deadline, created_at: created } = subject;
  const whole = deadline - created;
  const half = whole < HALF_TIME_LEAST_MS ? [] : [noticeOf(subject, 'hold_half_time', created + whole / 2 - nowMs)];
  // An hour before, or a tenth of the time where that is less.
  const expiring = deadline - Math.min(HOUR_MS, whole / 10);
  return [
    noticeOf(subject, 'hold_created', 0),
    ...half,
    ...(whole > 0 ? [noticeOf(subject, 'hold_expiring', expiring - nowMs)] : []),
  ];
}

export function noticeOf(
  { owner, space_id, proposal_id, run_id, hold_id }: Hold['subject'],
  event: (typeof HOLD_NOTICES)[number],
  delayMs: number,
): Notice {
  const payload = JOBS.notify.payload.parse({ event, owner, space_id, proposal_id, run_id, hold_id });
  return { payload, delayMs: Math.max(0, Math.round(delayMs)) };
}
