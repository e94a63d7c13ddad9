/**
 * Whose word a vote of ours is. What an owner approved is theirs: a decision of any run, newer or older, takes its place no more than
 * that of a vote by hand; what they approved later does. Told from the sealed answer to the hold of the run that made the vote: nothing
 * else in Redis says what the owner said.
 */
import type { Hold, HoldState } from '@quorum/shared/hold';
import { holdIdOf, type RunId } from '@quorum/shared/ids';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import type { OutcomeRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { answerIsGood } from '@quorum/shared/sealed-answer';
import { approves } from './approval.ts';
import { later } from './retry.ts';
import { end, skipped, type Step } from './step.ts';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/** Whose vote it is, in words for the owner. */
export const BY_APPROVAL = 'by a hold that you approved; only what you approve later replaces it';

/** A vote that gives way to the owner's word. */
export function byApproval(nowMs: number): OutcomeRecord {
  return { ...skipped('already_voted', nowMs, BY_APPROVAL), by_approval: true };
}

/** Where a vote ends that gives way to this one. Of its own run's hold the outcome stands by now: the next delivery finds it. */
export function giveWay({ run_id: by }: LedgerEntry, { runId }: VoteRef, nowMs: number): Step<never> {
  if (by === runId) throw new PostponeError(later(1), 'its owner answered the hold of this vote meanwhile');
  return end(byApproval(nowMs));
}

type Reads = Pick<VoteDeps, 'records' | 'answerKey'>;

/**
 * Whether the ledger's vote is of a hold that the owner approved, and this one neither of that hold nor of one that they approved after
 * it. A delivery of the run's own job, which is of no hold, may come so late that its run's hold is answered.
 */
export async function isOwnersWord({ run_id: by }: LedgerEntry, ref: VoteRef, deps: Reads): Promise<boolean> {
  if (by === ref.runId && ref.hold !== undefined) return false;
  const [theirs, ours] = await Promise.all([approvedAt(by, ref, deps), approvedAt(ref.runId, ref, deps)]);
  // Of two in the same millisecond the one that stands stays, or each would void the other's in turn.
  return theirs !== null && (ours === null || ours <= theirs);
}

/** When the owner approved the hold of this run, Unix milliseconds; null where they did not, or where it has come to nothing. */
export async function approvedAt(runId: RunId, ref: VoteRef, { records, answerKey }: Reads): Promise<number | null> {
  const id = holdIdOf(runId, ref.proposal);
  const hold = await records.hold(id);
  if (hold === null || (hold.state !== 'approved' && hold.state !== 'cast')) return null;
  const { answer: sealed } = hold;
  const isTheirs = sealed !== null && answerIsGood(sealed, answerKey) && approves(sealed.answer, id, { ...ref, runId });
  return isTheirs ? sealed.answer.answered_at : null;
}

/** In these what was approved has come to nothing, or nothing was. */
const IN_VAIN: readonly HoldState[] = ['waiting', 'failed', 'expired'];

/**
 * Whether the owner approved another hold on this very text after this one. The ledger need not name it: one that finds its own ballot
 * cast by a run ends there, and that vote is what the owner wanted last. Whoever approves does so before the deadline, so what came
 * later has a later deadline than this answer.
 */
export async function isSaidAnew({ subject, answer: own }: Hold, ref: VoteRef, deps: Reads): Promise<boolean> {
  if (own === null) return false;
  const { answered_at: at } = own.answer;
  const all = await deps.records.answersBetween(ref.owner, at, subject.end * 1_000);
  return all.some(({ id, state, sealed }) => {
    const { answer } = sealed;
    const isLater = answer.answered_at > at && !IN_VAIN.some((each) => each === state);
    return isLater && answerIsGood(sealed, deps.answerKey) && approves(answer, id, { ...ref, runId: answer.run_id });
  });
}
