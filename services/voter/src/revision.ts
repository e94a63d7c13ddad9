/**
 * Whether our own vote that stands may be replaced: by a decision on other inputs that came to another ballot, where the owner wants
 * votes revised; or by another ballot that the owner approved. A ballot that they chose themselves no decision replaces, nor one that
 * they approved (`owners-word.ts`), and a vote of the owner is never ours to replace: the pre-flight sees whose it is.
 */
import { sameBallot, type Ballot } from '@quorum/snapshot/ballot';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import type { Proposal } from '@quorum/snapshot/proposal';
import { intentVoteId, openIntent } from './intent.ts';

/** What a run wants to cast, as far as a revision depends on it. */
export type Wanted = {
  readonly ballot: Ballot;
  readonly inputsHash: string;
  /** Of the decision, or of the owner's own. */
  readonly evidenceHash: string;
  /** Whether a vote of ours may be revised: never, by a decision, or because the owner said so in answer to a hold. */
  readonly revise: 'never' | 'by_decision' | 'as_the_owner_says';
};

/**
 * `stands`: our vote stays, for this reason; `saysTheSame`: and it is the very ballot that a run may replace it by. `altered`: what
 * the ledger keeps of it is not what we stored. `approved`: it stays, as the owner's word (`owners-word.ts`).
 */
export type Revision =
  | { readonly kind: 'replace' }
  | { readonly kind: 'stands'; readonly why: string; readonly saysTheSame: boolean }
  | { readonly kind: 'altered' }
  | { readonly kind: 'approved' };

/** Our vote that stands, as the ledger keeps it. */
export type Standing = Pick<LedgerEntry, 'vote_id' | 'intent'>;

/** Judges our own vote that stands on the hub. */
export function mayReplace(standing: Standing, wanted: Wanted, proposal: Proposal, key: Buffer): Revision {
  if (wanted.revise === 'never') return { kind: 'stands', why: 'by an earlier run', saysTheSame: false };
  const intent = openIntent(standing.intent, key);
  // The id as well: written into Redis it could be that of the owner's own vote.
  if (intent === null || intentVoteId(intent, proposal) !== standing.vote_id) return { kind: 'altered' };
  if (intent.inputs_hash === null && wanted.revise === 'by_decision') {
    return {
      kind: 'stands',
      why: 'by an earlier run; you chose its ballot yourself, or nobody knows any more what it was decided on',
      saysTheSame: false,
    };
  }
  const saysTheSame = sameBallot(intent.ballot, wanted.ballot);
  if (intent.inputs_hash === wanted.inputsHash) {
    return { kind: 'stands', why: 'by an earlier run, and nothing that it was decided on has changed', saysTheSame };
  }
  if (!saysTheSame) return { kind: 'replace' };
  return { kind: 'stands', why: 'by an earlier run; the new decision comes to the same ballot', saysTheSame };
}
