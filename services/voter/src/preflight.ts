/**
 * Pre-flight: everything about a vote that may have changed since it was decided, read anew from the hub and the ledger. The
 * owner's own vote ends it here.
 */
import { UpstreamError } from '@quorum/shared/errors';
import type { LedgerEntry, OutcomeRecord } from '@quorum/shared/records';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { HubVote } from '@quorum/snapshot/hub';
import type { Proposal } from '@quorum/snapshot/proposal';
import { announceAliasEnd } from './announce.ts';
import { isOurVote } from './intent.ts';
import type { Licence } from './signers.ts';
import { end, failed, go, skipped, type Step, wasCast } from './step.ts';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/** An alias must outlast the vote by this many seconds. */
const ALIAS_MARGIN_S = 10 * 60;

export type Checked = {
  readonly proposal: Proposal;
  readonly entry: LedgerEntry | null;
  /** Our own vote, where the hub already has the one that the ledger waits for. */
  readonly found: HubVote | null;
};

/** Reads the proposal, the votes and the ledger, and says whether this vote may still be made. */
export async function preflight(
  ref: VoteRef,
  licence: Licence,
  deps: VoteDeps,
  signal: AbortSignal,
): Promise<Step<Checked>> {
  const { hub, records, settings } = deps;
  const [proposal, votes, entry] = await Promise.all([
    hub.proposal(ref.proposal, signal),
    hub.votes({ voter: licence.voter, proposals: [ref.proposal] }, signal),
    records.ledger(licence.voter, ref.space, ref.proposal),
  ]);
  const nowMs = deps.now();
  if (proposal === null) return end(skipped('proposal_changed', nowMs, 'it was deleted'));
  if (contentHash(proposal) !== ref.contentHash) return end(skipped('proposal_changed', nowMs));

  const standing = await standingVote(votes[0] ?? null, entry, ref, licence, deps);
  if (standing.kind === 'end') return standing;
  if (standing.value !== null) return go({ proposal, entry, found: standing.value });

  if (proposal.flagged) return end(skipped('flagged', nowMs));
  const nowS = nowMs / 1_000;
  if (nowS <= proposal.start || proposal.end - nowS < settings.minTimeToVoteS) return end(skipped('closed', nowMs));
  if (proposal.privacy !== '') {
    return end(skipped('not_allowed', nowMs, 'its votes are encrypted (Shutter), which Quorum cannot do yet'));
  }
  const [power, alias] = await Promise.all([
    hub.votingPower({ voter: licence.voter, space: ref.space, proposal: ref.proposal }, signal),
    aliasFault(licence, deps, signal),
  ]);
  if (power === 0) return end(skipped('no_voting_power', nowMs));
  if (alias !== null) {
    if (entry?.state === 'reserved') await voidIntent(entry, alias, ref, licence, deps);
    return end(failed('signing', nowMs, alias));
  }
  return go({ proposal, entry, found: null });
}

/**
 * What a vote that already stands means: ours that we wait for is found; any other ends this one. A vote that the ledger does
 * not know and that does not carry our code is the owner's.
 */
async function standingVote(
  vote: HubVote | null,
  entry: LedgerEntry | null,
  ref: VoteRef,
  licence: Licence,
  deps: VoteDeps,
): Promise<Step<HubVote | null>> {
  const nowMs = deps.now();
  if (entry?.state === 'cast' && entry.run_id === ref.runId && vote === null) {
    // What is called cast was read from the hub; the ledger's word alone is not enough.
    throw new UpstreamError('upstream_unavailable', 'hub', 'The hub does not show the vote that was read back before.');
  }
  if (entry?.state === 'cast' && (vote === null || vote.id === entry.vote_id)) {
    return end(castBefore(entry, ref, nowMs));
  }
  if (vote === null) return go(null);
  if (entry?.state === 'reserved' && vote.id === entry.vote_id) return go(vote);
  if (entry?.state === 'reserved') await voidIntent(entry, 'another vote stands', ref, licence, deps);
  return end(skipped('already_voted', nowMs, whoseVote(vote, ref, licence, deps)));
}

/** Who made a vote that stands in our way, in words for the owner. */
export function whoseVote(vote: HubVote, ref: VoteRef, { voter }: Licence, { voterKey }: VoteDeps): string {
  const where = { voter, space: ref.space, proposal: ref.proposal };
  return isOurVote(vote.metadata, where, voterKey) ? 'by an earlier run' : 'by your own hand';
}

/** What a vote that was cast already means to this run: delivered again it says the same, another run has nothing to add. */
export function castBefore(entry: LedgerEntry, ref: VoteRef, nowMs: number): OutcomeRecord {
  if (entry.run_id !== ref.runId) return skipped('already_voted', nowMs, 'by an earlier run');
  return wasCast(entry.vote_id, entry.receipt, nowMs);
}

/** Voids the intent that the ledger holds. */
export async function voidIntent(
  entry: LedgerEntry,
  why: string,
  ref: VoteRef,
  { voter }: Licence,
  { transitions, now }: VoteDeps,
): Promise<void> {
  await transitions.confirm({ ...ref, voter, voteId: entry.vote_id, nowMs: now() }, { state: 'voided', why });
}

/** What is wrong with the alias, or null. */
async function aliasFault(licence: Licence, deps: VoteDeps, signal: AbortSignal): Promise<string | null> {
  if (licence.kind === 'own_key') return null;
  const alias = await deps.hub.alias({ address: licence.voter, alias: licence.signer.address }, signal);
  if (alias === null) return `${licence.voter} has not made ${licence.signer.address} its alias on Snapshot`;
  const expiresS = await announceAliasEnd(licence, alias.created, deps);
  if (expiresS - deps.now() / 1_000 > ALIAS_MARGIN_S) return null;
  return `the alias ${licence.signer.address} has expired or is about to; sign it again`;
}
