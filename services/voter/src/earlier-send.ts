/**
 * What this run has sent before. A vote that was sent may stand on the hub although its answer was lost; then it is cast, whatever
 * changed since: a run that was cancelled or preferences that are others now do not take it back.
 */
import type { OutcomeRecord } from '@quorum/shared/records';
import type { Ballot } from '@quorum/snapshot/ballot';
import { storedProposal } from './decided.ts';
import { intentVoteId, openIntent } from './intent.ts';
import { settle } from './send.ts';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/** `stands`: it is on the hub and settled, with this ballot. `waits`: this run's intent is reserved. `none`: this run has nothing there. */
export type EarlierSend =
  | { readonly kind: 'stands'; readonly record: OutcomeRecord; readonly ballot: Ballot }
  | { readonly kind: 'waits' }
  | { readonly kind: 'none' };

/** Looks up this run's intent, and its vote on the hub if it was sent. */
export async function earlierSend(ref: VoteRef, deps: VoteDeps, signal: AbortSignal): Promise<EarlierSend> {
  const licence = deps.licences.get(ref.owner);
  if (licence === undefined) return { kind: 'none' };
  const entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
  if (entry === null || entry.run_id !== ref.runId || entry.state === 'voided') return { kind: 'none' };
  if (entry.sends === 0) return { kind: 'waits' };

  // Compared with the proposal as it was when the vote was signed: an edit since says nothing about it.
  const [proposal, intent] = [await storedProposal(ref, deps), openIntent(entry.intent, deps.voterKey)];
  if (proposal === null || intent === null || intentVoteId(intent, proposal) !== entry.vote_id) {
    return { kind: 'waits' };
  }
  const [row] = await deps.hub.votes({ voter: licence.voter, proposals: [ref.proposal] }, signal);
  if (row?.id !== entry.vote_id) return { kind: 'waits' };
  const sent = { ref, licence, intent, voteId: entry.vote_id, proposal };
  return { kind: 'stands', record: await settle(sent, row, deps), ballot: intent.ballot };
}
