/**
 * The job `expire`: ends a hold at its deadline, and says so. Before it does, the hub is asked for a vote that stands: ours, whose
 * answer was lost, is cast; the owner's own makes the hold needless, and nobody is told that it was missed. A hub that does not
 * answer keeps no hold open, unless a vote of ours was sent and may stand.
 */
import { isOpen, type Hold } from '@quorum/shared/hold';
import type { JobPayload, JobResult } from '@quorum/shared/jobs';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import { PostponeError } from '@quorum/shared/run-worker';
import type { HubVote } from '@quorum/snapshot/hub';
import { LAST_LOOK_MS, letGo, logOf, readHold, refOf, saysWhatIsWanted, settleHold, tooLate } from './cast-hold.ts';
import { earlierSend } from './earlier-send.ts';
import { whoseVote } from './preflight.ts';
import { skipped } from './step.ts';
import type { VoteDeps, VoteJobDeps, VoteRef } from './vote-deps.ts';

const LOOK_AGAIN_MS = 10_000;

/** Works one such job. Throws `PostponeError` while its time has not come. */
export async function expireJob(
  payload: JobPayload<'expire'>,
  given: VoteJobDeps,
  signal: AbortSignal,
): Promise<JobResult<'expire'>> {
  const hold = await readHold(payload, given);
  const deps = { ...given, log: logOf(hold, given) };
  if (!isOpen(hold)) {
    await letGo(hold, deps);
    // It may have died between the end and the word to the owner; told twice is told once.
    if (hold.state === 'expired') await deps.holdJobs.tell(hold.subject, 'hold_expired');
    return { state: hold.state };
  }
  const leftMs = hold.deadlineMs - deps.now();
  if (leftMs > 0) throw new PostponeError(leftMs, 'the deadline of this hold is not there yet');
  const run = await deps.records.run(hold.subject.run_id);
  if (run !== null) {
    const found = await votedMeanwhile(hold, refOf(hold, 1), { ...deps, ...(await deps.termsOf(run)) }, signal);
    if (found !== null) return settleHold(hold, found, deps);
  }
  const { state } = await deps.transitions.answerHold(hold, { kind: 'expire' }, deps.now());
  const { subject } = hold;
  // Also where it had expired by then: its reply may have been lost, and the client have asked again.
  if (state === 'expired') {
    // Only now: until the hold has ended, its vote may be sent at any moment.
    await letGo(hold, deps);
    deps.log.warn({ was: hold.state }, 'hold expired');
    await deps.holdJobs.tell(subject, 'hold_expired');
  }
  return { state: state ?? hold.state };
}

/** What a vote that stands on the hub makes of the hold; null where there is none. */
async function votedMeanwhile(hold: Hold, ref: VoteRef, deps: VoteDeps, signal: AbortSignal) {
  const licence = deps.licences.get(ref.owner);
  if (licence === undefined) return null;
  const entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
  const isOurs = entry?.run_id === ref.runId && entry.state !== 'voided';
  const mayArrive =
    isOurs && entry.state === 'reserved' && entry.sends > 0 && deps.now() < hold.subject.end * 1_000 + LAST_LOOK_MS;
  try {
    const sent = await earlierSend(ref, deps, signal);
    if (sent.kind === 'stands') return saysWhatIsWanted(sent, hold) ? sent.record : tooLate(sent, deps.now());
    const [row] = await deps.hub.votes({ voter: licence.voter, proposals: [ref.proposal] }, signal);
    if (row !== undefined && !stoodBefore(row, entry, hold)) {
      return skipped('already_voted', deps.now(), whoseVote(row, ref, licence, deps));
    }
  } catch (error) {
    if (signal.aborted) throw error;
    deps.log.warn({ err: error }, 'hub not read at the deadline of a hold');
  }
  if (mayArrive) throw new PostponeError(LOOK_AGAIN_MS, 'a vote of this hold was sent and may stand yet');
  return null;
}

/** Whether this is the vote of ours that the hold was to replace: it stood before anybody was asked, and is no answer. */
function stoodBefore({ id }: HubVote, entry: LedgerEntry | null, { subject }: Hold): boolean {
  if (entry?.state === 'reserved') return id === entry.replaces?.vote_id;
  return entry?.state === 'cast' && id === entry.vote_id && entry.reserved_at <= subject.created_at;
}
