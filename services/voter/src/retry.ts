/** Whether and when a vote is tried again. A vote is bounded by time, not by a number of attempts. */
import type { OutcomeRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import type { SendTurn } from '@quorum/shared/send-allowance';
import { failed } from './step.ts';
import type { VoteDeps, VoteRef, VoteSettings } from './vote-deps.ts';

const FIRST_MS = 500;
const LONGEST_MS = 60_000;
const LONGEST_TURN_MS = 10 * 60_000;

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
 * How long a vote waits for its turn to be sent, ms: a part of the time that is left, so that what closes soon asks often; and not so
 * long that nothing is heard of a limit that was raised meanwhile.
 */
export function patienceMs(endMs: number, settings: Pick<VoteSettings, 'minTimeToVoteS'>, nowMs: number): number {
  return Math.min(LONGEST_TURN_MS, Math.max(0, endMs - settings.minTimeToVoteS * 1_000 - nowMs) / 20);
}

/**
 * Waits for the sequencer's allowance: throws a `PostponeError`, or returns the failure where no send comes back in time. What has
 * time comes back at its turn; what closes before that comes back earlier and takes what there is. This is no fault of anybody's and
 * does not begin the window of `putOff`.
 */
export function awaitAllowance(
  { waitMs, turnMs }: SendTurn,
  endMs: number,
  settings: VoteSettings,
  nowMs: number,
  random: () => number = Math.random,
): OutcomeRecord {
  const leftMs = endMs - settings.minTimeToVoteS * 1_000 - nowMs;
  const why = 'more votes wait than the sequencer takes a minute';
  if (leftMs < waitMs) return failed('upstream_unavailable', nowMs, why);
  const comesMs = turnMs ?? waitMs + random() * patienceMs(endMs, settings, nowMs);
  throw new PostponeError(Math.min(leftMs, Math.round(comesMs)), why);
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
