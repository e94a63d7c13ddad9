/**
 * Which proposals a run looks at. Every fetched proposal is either kept or counted under exactly one reason; the first that
 * applies counts. The blacklist wins over the whitelist.
 */
import type { SpacePreferences } from '@quorum/shared/preferences';
import { refusalsBy } from '@quorum/shared/preferences';
import type { FilterMetrics } from '@quorum/shared/run';
import type { Proposal, ProposalId } from '@quorum/snapshot/proposal';

/** Why a proposal is not decided in this run. */
export type DroppedAs = Exclude<keyof FilterMetrics, 'fetched' | 'selected' | 'ranked'>;

/** The checks that need nothing but the proposal itself: says of each why it is dropped, or null. */
export function termsOf(
  preferences: Pick<SpacePreferences, 'blacklisted_proposers' | 'whitelisted_proposers'>,
  options: { readonly nowMs: number; readonly minTimeToVoteS: number },
): (proposal: Pick<Proposal, 'author' | 'flagged' | 'end'>) => DroppedAs | null {
  const refusal = refusalsBy(preferences);
  const earliestEnd = options.nowMs / 1_000 + options.minTimeToVoteS;
  return ({ author, flagged, end }) => {
    const refused = refusal(author);
    if (refused !== null) return refused;
    if (flagged) return 'flagged';
    return end < earliestEnd ? 'closing_too_soon' : null;
  };
}

/** What is known of each proposal beside its own terms. */
export type History = {
  readonly votedOn: ReadonlySet<ProposalId>;
  /** Held or skipped by an earlier live run, with the same text and the same preferences. */
  readonly decidedBefore: ReadonlySet<ProposalId>;
};

/** Checks against what the voter and earlier runs did. Returns why it is dropped, or null. */
export function dropByHistory(proposal: Pick<Proposal, 'id'>, history: History): DroppedAs | null {
  if (history.votedOn.has(proposal.id)) return 'already_voted';
  if (history.decidedBefore.has(proposal.id)) return 'decided_before';
  return null;
}

/** What was dropped, by reason. */
export type Dropped<P> = ReadonlyMap<DroppedAs, readonly P[]>;

/** Keeps what no check drops, and the rest by reason. */
export function partition<P>(
  proposals: readonly P[],
  check: (proposal: P) => DroppedAs | null,
): { readonly kept: P[]; readonly dropped: Dropped<P> } {
  const kept: P[] = [];
  const dropped = new Map<DroppedAs, P[]>();
  for (const proposal of proposals) {
    const why = check(proposal);
    if (why === null) kept.push(proposal);
    else drop(dropped, why, [proposal]);
  }
  return { kept, dropped };
}

/** Adds proposals to those that are dropped for this reason. */
export function drop<P>(dropped: Map<DroppedAs, P[]>, why: DroppedAs, proposals: readonly P[]): void {
  const others = dropped.get(why);
  if (others === undefined) dropped.set(why, [...proposals]);
  else for (const proposal of proposals) others.push(proposal);
}
