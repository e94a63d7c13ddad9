/**
 * What an owner is told of the proposals that a live run left over, where no later one looked at them before they closed: every run
 * failed to open, or waited for its place for too long. The appointment remembers them. A run that opens looks at all of them anew
 * and leaves its own, so that nothing is told of what it found voted on, or without power to vote.
 *
 *   a run ends that opened                  tells of what had closed before it opened, and of what it left over and has closed since
 *   a run ends that did not open            tells of what has closed, and leaves the rest as it was; where it was cancelled its end
 *                                           calls the appointment off, so it has the rest told after its close
 *   no run ends                             the watchdog tells of what has closed
 */
import type { Appointment } from '@quorum/shared/appointments';
import type { OwnerId } from '@quorum/shared/ids';
import type { Notice } from '@quorum/shared/notices';
import type { RunRecord } from '@quorum/shared/records';
import type { SpaceId } from '@quorum/snapshot/proposal';
import { AFTER_CLOSE_MS } from './missed.ts';

const SECOND_MS = 1_000;

type LeftOver = NonNullable<Appointment['left_over']>;

/** What the appointment that a live run makes is to remember; null: nothing is left over. */
export function leftOverOf(run: RunRecord, standing: Appointment | null, nowMs: number): LeftOver | null {
  return split(leftBy(run, standing), nowMs).ahead;
}

/** What is told at the end of a live run. What it left over itself and its owner cancelled is its owner's. */
export function leftOverNotices(run: RunRecord, standing: Appointment | null, nowMs: number): readonly Notice[] {
  const before = standing?.left_over ?? null;
  const isCalledOff = run.cancelled && run.opening === null;
  const unseen = isCalledOff ? before : split(before, run.opening?.opened_at ?? nowMs).closed;
  const own = run.cancelled || run.opening === null ? null : split(leftBy(run, standing), nowMs).closed;
  return [unseen, own].flatMap((left) => noticesOf(run.owner, run.space, left, nowMs));
}

/** What the watchdog tells of an appointment that nobody kept, and the appointment without it; null: nothing yet. */
export function overdue(
  appointment: Appointment,
  nowMs: number,
): { readonly notices: readonly Notice[]; readonly rest: Appointment } | null {
  const { owner, space_id: space, left_over: left = null } = appointment;
  const { closed, ahead } = split(left, nowMs - AFTER_CLOSE_MS);
  if (closed === null) return null;
  const { left_over: _left, tick, ...common } = appointment;
  const rest = { ...common, ...(ahead === null ? {} : { left_over: ahead }), ...(tick === undefined ? {} : { tick }) };
  return { notices: noticesOf(owner, space, closed, nowMs), rest };
}

function leftBy({ runId, opening }: RunRecord, standing: Appointment | null): LeftOver | null {
  if (opening === null) return standing?.left_over ?? null;
  return { run_id: runId, proposals: opening.left_over.proposals ?? [] };
}

/** What has closed by then, and what has not. */
function split(
  left: LeftOver | null,
  ms: number,
): { readonly closed: LeftOver | null; readonly ahead: LeftOver | null } {
  const where = (is: (endMs: number) => boolean): LeftOver | null => {
    const proposals = left?.proposals.filter(({ end }) => is(end * SECOND_MS)) ?? [];
    return left === null || proposals.length === 0 ? null : { run_id: left.run_id, proposals };
  };
  return { closed: where((endMs) => endMs <= ms), ahead: where((endMs) => endMs > ms) };
}

function noticesOf(owner: OwnerId, space_id: SpaceId, left: LeftOver | null, nowMs: number): readonly Notice[] {
  if (left === null) return [];
  const { run_id, proposals } = left;
  return proposals.map(({ proposal_id, end }) => ({
    payload: { event: 'deadline_missed', owner, space_id, proposal_id, run_id },
    delayMs: Math.max(0, end * SECOND_MS + AFTER_CLOSE_MS - nowMs),
  }));
}
