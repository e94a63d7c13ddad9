/**
 * The job `notify`: one notice, tried until it is delivered.
 *
 *   the owner wants none, or it counts no more    it ends
 *   it has ended before                           it ends alike: an event is delivered once
 *   as many as may are being sent for the owner   a moment later; costs no try
 *   answered 2xx                                  delivered
 *   410, or an address that is not public         dead at once
 *   anything else                                 tried again, ever later; dead after the last try
 */
import type { Deliveries } from '@quorum/shared/deliveries';
import type { Attempt } from '@quorum/shared/job-handler';
import type { JobResult } from '@quorum/shared/jobs';
import { noticeId, type NoticePayload, type WebhookBody } from '@quorum/shared/notices';
import { PostponeError } from '@quorum/shared/run-worker';
import type { DeliveryMetrics } from './delivery-metrics.ts';
import { messageOf, type MessageDeps } from './message.ts';
import { send, type SendDeps } from './send.ts';
import type { Webhooks } from './webhooks.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** How long is waited after each try, before jitter; after the last there is none. A day in all: a receiver may be down for a night. */
export const WAITS_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  3 * MINUTE_MS,
  15 * MINUTE_MS,
  HOUR_MS,
  6 * HOUR_MS,
  16 * HOUR_MS,
];
/** By so much of it a wait may be longer, so that what failed together does not come back together. */
const JITTER = 0.2;
/** How many notices of one owner are sent at a time. */
const MOST_AT_A_TIME = 2;
/** An attempt whose process died holds its place for so much longer than it may take. */
const GRACE_MS = 5 * SECOND_MS;
const LOOK_AGAIN_MS = SECOND_MS;
const LOOK_AGAIN_LATEST_MS = 30 * SECOND_MS;

export type NotifyDeps = MessageDeps &
  SendDeps & {
    readonly deliveries: Deliveries;
    readonly webhooks: Webhooks;
    readonly metrics: DeliveryMetrics;
    /** `WAITS_MS`, but for tests. */
    readonly waitsMs: readonly number[];
  };

type End = JobResult<'notify'>['end'];

/** One try. Throws a `PostponeError` where it is to be tried again. */
export async function notifyJob(notice: NoticePayload, attempt: Attempt, deps: NotifyDeps): Promise<{ end: End }> {
  return { end: await tryOnce(notice, attempt, deps) };
}

async function tryOnce(notice: NoticePayload, attempt: Attempt, deps: NotifyDeps): Promise<End> {
  const { deliveries, webhooks, now } = deps;
  const counted = (end: End): End => {
    deps.metrics.deliveries.inc({ result: end });
    return end;
  };
  const webhook = await webhooks.of(notice.owner);
  const data = webhook === null ? null : await messageOf(notice, deps, now());
  if (webhook === null || data === null) {
    await deliveries.end(notice, { state: 'dropped' }, now());
    return counted(webhook === null ? 'no_webhook' : 'dropped');
  }
  const leaseMs = deps.timeoutMs + GRACE_MS;
  const begun = await deliveries.begin(notice, { leaseMs, most: MOST_AT_A_TIME, nowMs: now() });
  // Counted when it ended.
  if (begun.kind === 'ended') return begun.state;
  if (begun.kind === 'busy') throw new PostponeError(untilFree(attempt.pickups), 'others of this owner are being sent');

  const id = noticeId(notice);
  const { event, owner } = notice;
  const body: WebhookBody = { id, event, owner, created_at: new Date(begun.createdAtMs).toISOString(), data };
  const { view, secret } = webhook;
  // Not with the signal of the job: a run that ends stops none of its notices, and the time limit is shorter than a shutdown.
  const sent = await send({ url: view.url, secret, id, body: JSON.stringify(body) }, deps);
  if (sent.kind === 'delivered') {
    await deliveries.end(notice, { state: 'delivered' }, now());
    return counted('delivered');
  }
  const waitMs = sent.kind === 'given_up' ? undefined : deps.waitsMs[begun.attempt - 1];
  if (waitMs === undefined) {
    await deliveries.end(notice, { state: 'dead', why: sent.why }, now());
    attempt.log.warn({ delivery: id, owner, tries: begun.attempt, why: sent.why }, 'notice given up');
    return counted('dead');
  }
  const delayMs = Math.round(waitMs * (1 + JITTER * Math.random()));
  await deliveries.end(notice, { state: 'pending', why: sent.why, againMs: now() + delayMs }, now());
  deps.metrics.deliveries.inc({ result: 'failed' });
  throw new PostponeError(delayMs, sent.why);
}

/** The more often it came in vain, the longer: a thousand notices behind a receiver that hangs must not keep the worker busy. */
function untilFree(pickups: number): number {
  const mostMs = Math.min(LOOK_AGAIN_LATEST_MS, LOOK_AGAIN_MS * pickups);
  return Math.round(mostMs * (1 - Math.random() / 2));
}
