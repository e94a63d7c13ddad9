/** What the hub counts over spaces and voters: activity of a space, its rank, and who voted and proposed how often. */
import type { LiveWorld } from '../live-world.ts';
import type { WorldSpace } from '../world.ts';

const DAY_S = 24 * 60 * 60;

export type SpaceCounts = {
  readonly activeProposals: number;
  readonly proposalsCount: number;
  readonly proposalsCount1d: number;
  readonly proposalsCount7d: number;
  readonly proposalsCount30d: number;
  readonly followersCount: number;
  readonly followersCount7d: number;
  readonly votesCount: number;
  readonly votesCount7d: number;
};

/** Counts of a space; what its world gave wins. */
export function countsOf(world: LiveWorld, space: WorldSpace): SpaceCounts {
  const now = world.clock.now();
  const within = (days: number) => (row: { readonly created: number }) => row.created > now - days * DAY_S;
  const proposals = world.proposals
    .filter((proposal) => sameId(proposal.space, space.id))
    .map((proposal) => ({ proposal, created: proposal.created ?? proposal.start }));
  const votes = world.votes.filter((vote) => sameId(vote.space, space.id));
  const follows = world.hub.follows.filter((follow) => sameId(follow.space, space.id));
  const active = proposals.filter(({ proposal }) => world.state(proposal) === 'active' && !proposal.flagged);
  return {
    activeProposals: space.activeProposals ?? active.length,
    proposalsCount: space.proposalsCount ?? proposals.length,
    proposalsCount1d: space.proposalsCount1d ?? proposals.filter(within(1)).length,
    proposalsCount7d: space.proposalsCount7d ?? proposals.filter(within(7)).length,
    proposalsCount30d: space.proposalsCount30d ?? proposals.filter(within(30)).length,
    followersCount: space.followersCount ?? follows.length,
    followersCount7d: space.followersCount7d ?? follows.filter(within(7)).length,
    votesCount: space.votesCount ?? proposals.reduce((sum, { proposal }) => sum + world.standing(proposal.id).votes, 0),
    votesCount7d: space.votesCount7d ?? votes.filter(within(7)).length,
  };
}

export function isTurbo(world: LiveWorld, space: WorldSpace): boolean {
  return space.turbo || (space.turboExpiration ?? 0) > world.clock.now();
}

/** Public, unflagged spaces, the most popular first. */
export function rankedSpaces(world: LiveWorld): WorldSpace[] {
  return world.spaces
    .filter((space) => !space.private && !space.flagged)
    .map((space) => ({ space, popularity: popularity(world, space) }))
    .toSorted((a, b) => b.popularity - a.popularity || (a.space.id < b.space.id ? -1 : 1))
    .map(({ space }) => space);
}

/** Activity, but a turbo space comes before a verified one, and one with open proposals before one without. */
function popularity(world: LiveWorld, space: WorldSpace): number {
  const counts = countsOf(world, space);
  const activity =
    counts.proposalsCount / 20 +
    counts.proposalsCount7d +
    counts.votesCount / 40 +
    counts.votesCount7d +
    counts.followersCount / 80 +
    counts.followersCount7d;
  const turbo = isTurbo(world, space) && !space.parent;
  const open = counts.activeProposals > 0;
  const tier = turbo ? (open ? 5 : 3) : space.verified ? (open ? 4 : 2) : open ? 1 : 0;
  return activity + tier * 1e10;
}

export type LeaderboardRow = {
  readonly space: string;
  readonly user: string;
  readonly vote_count: number;
  readonly proposal_count: number;
  readonly last_vote: number | null;
  readonly vp_value: number;
};

/** One row for each address that voted or proposed in a space; `user` narrows it to one address. */
export function leaderboard(world: LiveWorld, user?: string): LeaderboardRow[] {
  const rows = new Map<string, LeaderboardRow>();
  const row = (space: string, address: string): LeaderboardRow =>
    rows.get(`${space}|${address}`.toLowerCase()) ?? {
      space,
      user: address,
      vote_count: 0,
      proposal_count: 0,
      last_vote: null,
      vp_value: 0,
    };
  const put = (next: LeaderboardRow): Map<string, LeaderboardRow> =>
    rows.set(`${next.space}|${next.user}`.toLowerCase(), next);
  const wanted = (address: string): boolean => user === undefined || sameId(address, user);

  for (const { author, space } of world.proposals) {
    if (!wanted(author)) continue;
    const known = row(space, author);
    put({ ...known, proposal_count: known.proposal_count + 1 });
  }
  for (const { voter, space, created, vp_value } of world.votes) {
    if (!wanted(voter)) continue;
    const known = row(space, voter);
    put({
      ...known,
      vote_count: known.vote_count + 1,
      last_vote: Math.max(known.last_vote ?? 0, created),
      vp_value: known.vp_value + vp_value,
    });
  }
  return [...rows.values()];
}

export function sameId(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
