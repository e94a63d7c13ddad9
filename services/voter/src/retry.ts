/** Whether and when a vote is tried again. A vote is bounded by time, not by a number of attempts. */
import type { OutcomeRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { failed } from './step.ts';
import type { VoteDeps, VoteRef, VoteSettings } from './vote-deps.ts';

const FIRST_MS = 500;
const LONGEST_MS = 60_000;

/**
 * Milliseconds to wait after the nth try: half a second, doubled each time, a minute at most, and up to a fifth more so that
 * many votes do not come back together.
 */
export function later(tries: number, random: () => number = Math.random): number {
  const base = Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1));
  return Math.round(base * (1 + random() / 5));
}

export type Retry = {
  readonly why: string;
  /** How often it was tried so far. */
  readonly tries: number;
  /** When it was first put off, Unix milliseconds. */
  readonly sinceMs: number;
  /** When the proposal closes, Unix milliseconds. */
  readonly endMs: number;
  /** What the other side asked for, in seconds. */
  readonly retryAfterS: number | undefined;
};

/**
 * Puts a vote off, or fails it: see `postponeOrFail`. The window begins with the first try that was in vain, not with the
 * decision: that may have waited for us for hours.
 */
export async function putOff(
  retry: Omit<Retry, 'tries' | 'sinceMs'>,
  ref: VoteRef,
  { records, settings, now }: Pick<VoteDeps, 'records' | 'settings' | 'now'>,
): Promise<OutcomeRecord> {
  const nowMs = now();
  const sinceMs = await records.firstPutOff(ref.runId, ref.proposal, nowMs);
  return postponeOrFail({ ...retry, tries: ref.tries, sinceMs }, settings, nowMs);
}

/**
 * Waits for the sequencer's allowance: throws a `PostponeError`, or returns the failure where its turn would come too late. What
 * closes soon comes back soon; what has time spreads out, the further the more often it came in vain, so that urgent votes find
 * the allowance first, a few votes beyond it are not kept for a minute, and a thousand do not ask every second. This is no
 * fault of anybody's and does not begin the window of `putOff`.
 */
export function awaitAllowance(
  { waitMs, endMs, tries }: { readonly waitMs: number; readonly endMs: number; readonly tries: number },
  settings: VoteSettings,
  nowMs: number,
  random: () => number = Math.random,
): OutcomeRecord {
  const leftMs = endMs - settings.minTimeToVoteS * 1_000 - nowMs;
  const why = 'more votes wait than the sequencer takes a minute';
  if (leftMs < waitMs) return failed('upstream_unavailable', nowMs, why);
  const spreadMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** tries, leftMs / 20);
  throw new PostponeError(Math.min(leftMs, Math.round(waitMs + random() * spreadMs)), why);
}

/**
 * Throws a `PostponeError` while another try still fits into the window and before the deadline, the last one at its very end;
 * returns the failure once none does. An intent that was sent stays in the ledger then, for a sweep or a later run to settle.
 */
export function postponeOrFail(retry: Retry, settings: VoteSettings, nowMs: number): OutcomeRecord {
  const leastMs = Math.max(FIRST_MS, (retry.retryAfterS ?? 0) * 1_000);
  const leftMs =
    Math.min(retry.sinceMs + settings.retryWindowS * 1_000, retry.endMs - settings.minTimeToVoteS * 1_000) - nowMs;
  if (leftMs < leastMs) return failed('upstream_unavailable', nowMs, retry.why);
  throw new PostponeError(Math.min(leftMs, Math.max(leastMs, later(retry.tries))), retry.why);
}
