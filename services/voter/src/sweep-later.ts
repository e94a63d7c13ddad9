/** What is left open by an outcome, and so is swept (`sweep.ts`). */
import type { JobPayload } from '@quorum/shared/jobs';
import type { OutcomeRecord } from '@quorum/shared/records';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/** The shortest wait between two looks. */
export const SHORTEST_MS = 30_000;

/** Has what this outcome leaves open looked at again. Called before it is recorded, so that no crash lies between. */
export async function sweepLater(
  ref: VoteRef,
  record: OutcomeRecord,
  { licences, records, sweeps }: Pick<VoteDeps, 'licences' | 'records' | 'sweeps'>,
): Promise<void> {
  const { outcome } = record;
  const licence = licences.get(ref.owner);
  if (licence === undefined || outcome.kind === 'simulated') return;
  const entry = await records.ledger(licence.voter, ref.space, ref.proposal);
  if (entry === null) return;
  const isOwn = entry.run_id === ref.runId;
  const wasSent = entry.sends > 0 || entry.sent_before !== undefined;
  const mayArrive =
    wasSent &&
    (entry.state === 'reserved' ? isOwn || (await isTried(ref, record, records)) : entry.state === 'voided' && isOwn);
  // Another delivery of its job cast it, or this one before the hub showed it for a while: its run is not to go on saying otherwise.
  const isUntold =
    entry.state === 'cast' && isOwn && entry.sends > 0 && (outcome.kind === 'skipped' || outcome.kind === 'failed');
  // A secret vote that was taken up from the hub says the same as was to be cast; whether it counts so is seen at its reveal.
  const isTakenUp = entry.state === 'cast' && isOwn && entry.sends === 0 && outcome.kind === 'skipped';
  const isSecret =
    (outcome.kind === 'cast' && outcome.counted === 'unknown') ||
    (isTakenUp && (await records.proposal(ref.contentHash))?.privacy === 'shutter');
  const revision = outcome.kind !== 'cast' && entry.voided_run === ref.runId ? entry.voided_vote : undefined;
  for (const vote_id of [
    ...(mayArrive || isUntold || isSecret ? [entry.vote_id] : []),
    ...(revision === undefined ? [] : [revision]),
  ]) {
    await sweeps.add(payloadOf(ref, vote_id), SHORTEST_MS);
  }
}

/** Whether this run tried to send another run's intent: it is this one's matter only then. The jobs of a hold are told by no event. */
async function isTried(
  { runId, proposal, hold }: VoteRef,
  { outcome, times }: OutcomeRecord,
  records: VoteDeps['records'],
): Promise<boolean> {
  if (outcome.kind !== 'failed' || outcome.why !== 'upstream_unavailable') return false;
  if (hold !== undefined || times?.sent !== undefined) return true;
  const told = await records.runAndEvents(runId);
  if (told === null) return false;
  const isSent = told.events.some(({ event }) => event.kind === 'sent' && event.proposal_id === proposal);
  return isSent || (told.run.tried.get(proposal)?.vote ?? []).some(({ sent }) => sent !== undefined);
}

export function payloadOf({ runId, proposal, contentHash }: VoteRef, voteId: string): JobPayload<'sweep'> {
  return { run_id: runId, proposal_id: proposal, content_hash: contentHash, vote_id: voteId };
}
