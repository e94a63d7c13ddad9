/**
 * When the next run of an owner and space starts by itself, once this one has ended.
 *
 *   something still needs a run          in time before it ends: the lead, or half the time that is left where that is less
 *   something beyond the limit ends before that could help, or before the next turn of the watch
 *                                        at once, as long as runs get somewhere
 *   the owner's preferences changed on the way
 *                                        at once
 *   the run could not even open          a quarter of an hour later, if that may help; sooner where an earlier run appointed so, or
 *                                        in time for what that one left. An end ahead is not given up, whatever the hub says
 *   a dry run, a cancelled one, an owner without a signer
 *                                        never; a watch goes on
 *
 * No loop: at once only after a live run that took something from what is left, for good. Otherwise the time that is left is
 * halved, until a run finds it too short and says so.
 */
import { ofRuns, type Appointment } from '@quorum/shared/appointments';
import type { Outcome } from '@quorum/shared/outcome';
import type { Opening, OutcomeRecord } from '@quorum/shared/records';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { lacksBudget, leftAs } from './left.ts';

const SECOND_MS = 1_000;
const LATER_MS = 15 * 60 * SECOND_MS;
/** A run that fails at once is not tried again for so long, however near the end: halving alone would try ever faster. */
const AGAIN_MS = 60 * SECOND_MS;
/** The ends that an appointment remembers. */
const ENDS_KEPT = 100;
/** The hub's ends are any whole number; what lies beyond the year 9999 has no ISO time that can be read back. */
const LAST_TIME_MS = Date.UTC(9999, 11, 31);

export type Ended = {
  /** As asked for. */
  readonly dryRun: boolean;
  /** How it ended; failed: and whether the same may succeed later. */
  readonly how: 'completed' | 'cancelled' | { readonly failed: 'for now' | 'for good' };
  /** null: it never opened. */
  readonly opening: Opening | null;
  readonly outcomes: ReadonlyMap<ProposalId, Pick<OutcomeRecord, 'outcome'>>;
  readonly watch: { readonly nextMs: number; readonly dryRun: boolean } | null;
  /** The appointment of this owner, space and kind that stands: most often the one that this run kept. */
  readonly standing: Pick<Appointment, 'at' | 'ends' | 'tick'> | null;
  /** Whether the owner's preferences are others by now than those that it began with. */
  readonly newPreferences: boolean;
  readonly leadS: number;
  readonly nowMs: number;
};

export type Next = {
  /** When a run is to start by appointment, Unix milliseconds. */
  readonly appointedMs: number | null;
  /** When what it is for ends, Unix seconds, the soonest first. */
  readonly ends: readonly number[];
  /** When a run starts by itself, by appointment or by the watch. */
  readonly checkMs: number | null;
};

export function nextRun(ended: Ended): Next {
  const ends = endsAhead(ended);
  const appointedMs = appointed(ended, ends);
  const times = [appointedMs, ended.watch?.nextMs ?? null].filter((time) => time !== null);
  return { appointedMs, ends, checkMs: times.length === 0 ? null : Math.min(...times, LAST_TIME_MS) };
}

function appointed(ended: Ended, ends: readonly number[]): number | null {
  const { dryRun, how, opening, nowMs, leadS } = ended;
  if (dryRun || how === 'cancelled') return null;
  if (opening === null) return how === 'completed' ? null : afterUnopened(how.failed, ends, ended);
  if (opening.voter === null) return null;
  return isAtOnce(ended, opening) ? nowMs : inTime(ends, nowMs, leadS);
}

/** What still needs a run and has not ended: by the opening, or for want of one by the appointment that stands. */
function endsAhead({ opening, outcomes, standing, nowMs }: Ended): number[] {
  const ends = opening === null ? (standing?.ends ?? []) : endsLeft(opening, outcomes);
  const ahead = new Set(ends.filter((end) => end * SECOND_MS > nowMs));
  return [...ahead].toSorted((a, b) => a - b).slice(0, ENDS_KEPT);
}

function endsLeft(opening: Opening, outcomes: Ended['outcomes']): number[] {
  const undone = opening.selected.filter(({ proposal_id: id }) => needsRun(outcomes.get(id)?.outcome, opening));
  const { all } = opening.left_over;
  return [...undone.map(({ end }) => end), ...(all === null ? [] : [all])];
}

function afterUnopened(
  failed: 'for now' | 'for good',
  ends: readonly number[],
  { standing, nowMs, leadS }: Ended,
): number | null {
  const inTimeMs = inTime(ends, nowMs, leadS);
  // A hub in trouble may say of a space that there is none; without an end ahead there is nothing to lose by believing it.
  if (failed === 'for good' && inTimeMs === null) return null;
  const stoodMs = standing === null ? null : ofRuns(standing);
  const times = [
    ...(failed === 'for now' ? [nowMs + LATER_MS] : []),
    ...(stoodMs !== null && stoodMs > nowMs ? [stoodMs] : []),
    ...(inTimeMs === null ? [] : [Math.max(inTimeMs, nowMs + AGAIN_MS)]),
  ];
  return Math.min(...times);
}

/** The latest start that leaves the lead, or half the time that is left where that is less, before the first of these ends. */
export function inTime(endsS: readonly number[], nowMs: number, leadS: number): number | null {
  const times = endsS
    .filter((end) => end * SECOND_MS > nowMs)
    .map((end) => (end - Math.min(leadS, (end - nowMs / SECOND_MS) / 2)) * SECOND_MS);
  if (times.length === 0) return null;
  return Math.floor(times.reduce((least, time) => Math.min(least, time), LAST_TIME_MS));
}

function isAtOnce({ outcomes, watch, newPreferences, leadS, nowMs }: Ended, opening: Opening): boolean {
  if (opening.dry_run) return false;
  const ends = opening.selected.flatMap(({ proposal_id: id }) => outcomes.get(id)?.outcome ?? []);
  const isOutdated = ends.some((outcome) => outcome.kind === 'skipped' && outcome.why === 'preferences');
  // Where the voter service alone finds other preferences, the next run would be told the same, and the one after it.
  if (isOutdated && newPreferences) return true;
  const { fresh } = opening.left_over;
  const gotOn = ends.some((outcome) => leftAs(outcome) !== 'undone' && !lacksBudget(outcome));
  if (fresh === null || fresh * SECOND_MS <= nowMs || !gotOn) return false;
  const turnMs = watch === null || watch.dryRun ? null : watch.nextMs;
  const isDue = (fresh - leadS) * SECOND_MS <= nowMs;
  return isDue || (turnMs !== null && fresh * SECOND_MS < turnMs);
}

/** Whether a selected proposal is still without the vote that a later run may cast. */
function needsRun(outcome: Outcome | undefined, opening: Opening): boolean {
  if (outcome === undefined) return true;
  // Asked for a vote, and kept from it by preferences that cannot be used.
  if (outcome.kind === 'simulated') return opening.dry_run;
  // Tried in vain or not: as long as it is open it may succeed.
  return outcome.kind === 'failed' || lacksBudget(outcome) || leftAs(outcome) === 'undone';
}
