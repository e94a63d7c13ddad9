/** The vote that a sweep looks at, as the ledger has it. */
import type { JobPayload } from '@quorum/shared/jobs';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import type { RunRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { tellSecurity } from '@quorum/shared/security-events';
import { storedProposal } from './decided.ts';
import { intentVoteId, openIntent } from './intent.ts';
import type { SentVote } from './send.ts';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/** How long a sweep waits for a revision; where that comes to nothing, the vote before it goes on standing. */
const REVISION_MS = 10 * 60_000;

/** The vote, what the ledger keeps of it, and what stands there: another vote, where this one is a revision that was voided. */
export type Found = {
  readonly vote: SentVote;
  readonly entry: LedgerEntry;
  readonly stands: Pick<LedgerEntry, 'state' | 'vote_id'>;
};

/**
 * The vote that is to be looked at; null where the ledger has another one by now, or nobody may vote there any more. `giveUpMs`: how
 * long after the close it is looked at.
 */
export async function openVote(
  run: RunRecord,
  payload: JobPayload<'sweep'>,
  giveUpMs: number,
  deps: VoteDeps,
): Promise<Found | null> {
  const { content_hash: contentHash, proposal_id: id, vote_id: voteId } = payload;
  const ref: VoteRef = { runId: run.runId, owner: run.owner, space: run.space, proposal: id, contentHash, tries: 1 };
  const licence = deps.licences.get(run.owner);
  if (licence === undefined) return null;
  const stands = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
  const proposal = await storedProposal(ref, deps);
  const isBeingRevised = stands?.state === 'reserved' && stands.replaces?.vote_id === voteId;
  if (isBeingRevised && proposal !== null && deps.now() < proposal.end * 1_000 + giveUpMs) {
    throw new PostponeError(REVISION_MS, 'a revision of it is under way');
  }
  const entry = entryOf(voteId, stands);
  if (stands === null || entry === null) return null;
  const intent = openIntent(entry.intent, deps.voterKey);
  if (proposal === null) {
    deps.log.warn('a vote is left unsettled: its proposal is not stored');
    return null;
  }
  if (intent === null || intentVoteId(intent, proposal) !== voteId) {
    tellSecurity(deps, 'intent_refused');
    return null;
  }
  return { vote: { ref, licence, intent, voteId, proposal }, entry, stands };
}

/**
 * What the ledger keeps of this vote. One that was voided before it was sent can arrive no more, but stands in for those before it that
 * were sent: theirs are dated before its own.
 */
function entryOf(voteId: string, stands: LedgerEntry | null): LedgerEntry | null {
  if (stands?.vote_id === voteId) {
    const isNothing = stands.state === 'voided' && stands.sends === 0 && stands.sent_before === undefined;
    return isNothing ? null : stands;
  }
  if (stands?.state !== 'cast' || stands.voided_vote !== voteId || stands.voided_intent === undefined) return null;
  return { ...stands, state: 'voided', vote_id: voteId, intent: stands.voided_intent };
}
