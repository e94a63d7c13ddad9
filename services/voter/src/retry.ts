/** Whether and when a vote is tried again. A vote is bounded by time, not by a number of attempts. */
import type { OutcomeRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { failed } from './step.ts';
import type { VoteSettings } from './vote-deps.ts';

const FIRST_MS = 500;
const LONGEST_MS = 60_000;

/**
 * Milliseconds to wait after `elapsedMs` of trying: as long again as it has taken so far, from half a second to a minute, and up
 * to a fifth more so that many votes do not come back together.
 */
export function later(elapsedMs: number, random: () => number = Math.random): number {
  const base = Math.min(LONGEST_MS, Math.max(FIRST_MS, elapsedMs));
  return Math.round(base * (1 + random() / 5));
}

export type Retry = {
  readonly why: string;
  /** When trying began: the time of the decision, Unix milliseconds. */
  readonly sinceMs: number;
  /** When the proposal closes, Unix milliseconds. */
  readonly endMs: number;
  /** What the other side asked for, in seconds. */
  readonly retryAfterS: number | undefined;
};

/**
 * Throws a `PostponeError` while another try still fits into the window and before the deadline; returns the failure once it
 * does not. An intent stays in the ledger then, for a later run to settle.
 */
export function postponeOrFail(retry: Retry, settings: VoteSettings, nowMs: number): OutcomeRecord {
  const delayMs = Math.max(later(nowMs - retry.sinceMs), (retry.retryAfterS ?? 0) * 1_000);
  const untilMs = Math.min(
    retry.sinceMs + settings.retryWindowS * 1_000,
    retry.endMs - settings.minTimeToVoteS * 1_000,
  );
  if (nowMs + delayMs > untilMs) return failed('upstream_unavailable', nowMs, retry.why);
  throw new PostponeError(delayMs, retry.why);
}
