/**
 * What was reserved and never sent, when its proposal ends without it: taken back, since nobody would send it, and the ledger would
 * say for ever that a vote is under way. What was sent may stand, and is swept (`sweep.ts`).
 */
import type { OutcomeRecord } from '@quorum/shared/records';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/**
 * Called before the outcome is recorded, so that no crash lies between. Where a vote was cast only once that stands: by itself it leaves
 * nothing reserved.
 */
export async function takeBackUnsent(
  ref: VoteRef,
  { outcome }: OutcomeRecord,
  { licences, records, transitions, now }: Pick<VoteDeps, 'licences' | 'records' | 'transitions' | 'now'>,
): Promise<void> {
  const licence = licences.get(ref.owner);
  if (licence === undefined || outcome.kind === 'simulated') return;
  const { voter } = licence;
  const entry = await records.ledger(voter, ref.space, ref.proposal);
  if (entry?.state !== 'reserved' || entry.run_id !== ref.runId || entry.sends > 0) return;
  // Another delivery of this job may have had leave to send it since: that one's word counts.
  const takenBack = { state: 'voided', why: 'it was never sent', onlyUnsent: true } as const;
  await transitions.confirm({ ...ref, voter, voteId: entry.vote_id, nowMs: now() }, takenBack);
}
