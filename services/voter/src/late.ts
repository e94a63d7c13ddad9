/**
 * Bytes that arrive late. What was sent and then voided may be stored all the same, and then stands on the hub as one of ours. It is
 * known by our code and by its date: whatever we make after a voided vote is dated after it, and so takes its place.
 */
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import type { HubVote } from '@quorum/snapshot/hub';
import type { Proposal } from '@quorum/snapshot/proposal';
import { type Intent, intentVoteId, isOurVote, openIntent } from './intent.ts';
import type { Licence } from './signers.ts';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/** Whether a vote on the hub carries our code for this very voter, space and proposal. */
export function isOurs(
  { metadata }: HubVote,
  { space, proposal }: VoteRef,
  { voter }: Licence,
  { voterKey }: Pick<VoteDeps, 'voterKey'>,
): boolean {
  return isOurVote(metadata, { voter, space, proposal }, voterKey);
}

/**
 * Whether a vote on the hub is an earlier one of ours, whose intent was voided: its bytes arrived all the same, and this one is dated
 * after it so that it takes its place.
 */
export function isBefore(vote: HubVote, { message }: Intent, ref: VoteRef, licence: Licence, deps: VoteDeps): boolean {
  return vote.created < message.timestamp && isOurs(vote, ref, licence, deps);
}

/** The last intent of ours there that was voided; null where there is none, or where it is not as we stored it. */
export function lastVoided(
  entry: LedgerEntry | null,
  proposal: Proposal,
  { voterKey }: Pick<VoteDeps, 'voterKey'>,
): Intent | null {
  const text = entry?.state === 'voided' ? entry.intent : entry?.voided_intent;
  const intent = text === undefined ? null : openIntent(text, voterKey);
  return intent?.message.proposal === proposal.id ? intent : null;
}

/**
 * Whether a vote on the hub is one of ours that was voided: the last one, or one before it, since each is dated after those that were
 * voided earlier. Where a vote of ours was cast, what is dated before that one was replaced by it and is shown by a hub that lags.
 */
export function isVoided(
  vote: HubVote,
  entry: LedgerEntry | null,
  proposal: Proposal,
  ref: VoteRef,
  licence: Licence,
  deps: VoteDeps,
): boolean {
  const last = lastVoided(entry, proposal, deps);
  if (entry === null || last === null || !isOurs(vote, ref, licence, deps)) return false;
  if (entry.state === 'cast') {
    const cast = openIntent(entry.intent, deps.voterKey);
    if (cast === null || vote.created <= cast.message.timestamp) return false;
  }
  return vote.created < last.message.timestamp || vote.id === intentVoteId(last, proposal);
}
