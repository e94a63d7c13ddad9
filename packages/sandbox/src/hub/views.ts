/**
 * Spaces, proposals and votes as the hub shows them: its defaults, and what it computes (state, link, counts, scores). Costly
 * fields are functions, which graphql calls only where they are asked for.
 */
import type { LiveWorld } from '../live-world.ts';
import type { StoredVote } from '../stored-vote.ts';
import type { WorldProposal, WorldSpace } from '../world.ts';
import { countsOf, isTurbo, rankedSpaces, sameId, type SpaceCounts } from './counts.ts';
import type { Row } from './filters.ts';

type View = Record<string, unknown>;

export type Views = {
  /** A space among others, or within a proposal or vote: of its parent and children it knows the ids. */
  space(space: WorldSpace): View;
  /** A space asked for by itself, with its parent and children in full. */
  spaceWithRelatives(space: WorldSpace): View;
  spaceOf(id: string): View | null;
  /** A proposal's own values, to filter and order by. */
  proposalRow(proposal: WorldProposal): Row;
  proposal(proposal: WorldProposal): View;
  proposalOf(id: string): View | null;
  vote(vote: StoredVote): View;
};

export function createViews(world: LiveWorld): Views {
  const space = (given: WorldSpace): View => ({
    ...settingsView(given),
    ...countFields(() => countsOf(world, given)),
    turbo: isTurbo(world, given),
    rank: () => rankOf(given),
    parent: given.parent ? { id: given.parent } : null,
    children: (given.children ?? []).map((id) => ({ id })),
  });
  const rankOf = (given: WorldSpace): number | null => {
    const rank = rankedSpaces(world).findIndex(({ id }) => sameId(id, given.id));
    return rank === -1 ? null : rank + 1;
  };
  const spaceOf = (id: string): View | null => {
    const found = world.space(id);
    return found ? space(found) : null;
  };

  const proposalRow = (given: WorldProposal): Row => {
    const standing = world.standing(given.id);
    return {
      ...given,
      ...standing,
      created: given.created ?? given.start,
      state: world.state(given),
      scores_state: scoresState(world, given),
      scores_total_value: given.scores_total_value ?? 0,
    };
  };
  const proposal = (given: WorldProposal): View => ({
    ...proposalRow(given),
    space: () => spaceOf(given.space),
    link: `https://snapshot.box/#/s:${world.space(given.space)?.id ?? given.space}/proposal/${given.id}`,
    vp_value_by_strategy: given.vp_value_by_strategy ?? [],
    strategies: given.strategies.map((one) => ({ ...one, network: one.network ?? given.network })),
  });
  const proposalOf = (id: string): View | null => {
    const found = world.proposal(id);
    return found ? proposal(found) : null;
  };

  return {
    space,
    spaceOf,
    spaceWithRelatives: (given) => ({
      ...space(given),
      parent: given.parent ? () => spaceOf(given.parent ?? '') ?? { id: given.parent } : null,
      children: () => (given.children ?? []).map((id) => spaceOf(id) ?? { id }),
    }),
    proposalRow,
    proposal,
    proposalOf,
    // A vote keeps the names that it was sent with, and the rows to them are found by the very name.
    vote: (vote) => ({
      ...vote,
      space: () => exactly(vote.space, spaceOf(vote.space)) ?? { id: vote.space },
      proposal: () => exactly(vote.proposal, proposalOf(vote.proposal)),
    }),
  };
}

function exactly(id: string, found: View | null): View | null {
  return found?.['id'] === id ? found : null;
}

/** Counted once for whichever of the fields are asked for. */
function countFields(count: () => SpaceCounts): Record<keyof SpaceCounts, () => number> {
  let counted: SpaceCounts | null = null;
  const field = (name: keyof SpaceCounts) => (): number => {
    counted ??= count();
    return counted[name];
  };
  return {
    activeProposals: field('activeProposals'),
    proposalsCount: field('proposalsCount'),
    proposalsCount1d: field('proposalsCount1d'),
    proposalsCount7d: field('proposalsCount7d'),
    proposalsCount30d: field('proposalsCount30d'),
    followersCount: field('followersCount'),
    followersCount7d: field('followersCount7d'),
    votesCount: field('votesCount'),
    votesCount7d: field('votesCount7d'),
  };
}

/** A count is final once the vote is over, with Shutter once the key is out as well. */
function scoresState(world: LiveWorld, proposal: WorldProposal): string {
  if (proposal.scores_state !== undefined) return proposal.scores_state;
  if (world.state(proposal) !== 'closed') return 'pending';
  return proposal.privacy === 'shutter' && !world.shutterReleased(proposal.id) ? 'pending' : 'final';
}

/** A space's settings with what the hub puts where one is missing. A setting of 0 or '' counts as missing. */
function settingsView(space: WorldSpace): View {
  const { voting, filters, delegationPortal, boost } = space;
  return {
    ...space,
    domain: space.domain ?? '',
    about: space.about ?? '',
    avatar: space.avatar ?? '',
    flagCode: space.flagCode ?? Number(space.flagged),
    turboExpiration: space.turboExpiration ?? 0,
    filters: { minScore: filters?.minScore ?? 0, onlyMembers: filters?.onlyMembers ?? false },
    voting: {
      ...voting,
      delay: voting.delay || null,
      period: voting.period || null,
      type: voting.type || null,
      quorum: voting.quorum || null,
      blind: voting.blind ?? false,
      hideAbstain: voting.hideAbstain ?? false,
      aliased: voting.aliased ?? false,
    },
    delegationPortal: delegationPortal
      ? { ...delegationPortal, delegationNetwork: delegationPortal.delegationNetwork ?? '1' }
      : null,
    boost: { enabled: boost?.enabled ?? true, bribeEnabled: boost?.bribeEnabled ?? false },
    strategies: space.strategies.map((one) => ({ ...one, network: one.network ?? space.network })),
    treasuries: space.treasuries ?? [],
    labels: space.labels ?? [],
    skinSettings: space.skinSettings ?? {},
  };
}
