/** The hub's answers, one function per root field, over the live world. Computed fields (state, link, totals) are made here. */
import { GraphQLError } from 'graphql';
import { isAddress } from 'ethers';
import type { LiveWorld, StoredVote } from '../live-world.ts';
import type { WorldProposal, WorldSpace } from '../world.ts';
import { list, type ListArgs } from './filters.ts';

/** Strategies that let a vote take power back from a delegate, by the names that the hub marks `override: true`. */
const OVERRIDING = new Set(['delegation', 'with-delegation', 'erc20-balance-of-delegation']);

/** The root value of the hub's schema: a function per field of `Query`. */
export function createResolvers(world: LiveWorld): Record<string, unknown> {
  const spaceView = (space: WorldSpace): Record<string, unknown> => {
    const proposals = (): WorldProposal[] => world.proposals.filter((proposal) => sameId(proposal.space, space.id));
    return {
      ...space,
      parent: null,
      followersCount: 0,
      activeProposals: () => proposals().filter((proposal) => world.state(proposal) === 'active').length,
      proposalsCount: () => proposals().length,
      votesCount: () => proposals().reduce((sum, proposal) => sum + proposal.votes, 0),
    };
  };
  const spaceOf = (id: string): Record<string, unknown> | null => {
    const space = world.space(id);
    return space ? spaceView(space) : null;
  };

  const proposalRow = (proposal: WorldProposal) => {
    const state = world.state(proposal);
    const rest = proposal.strategies.slice(1).map(() => 0);
    return {
      ...proposal,
      created: proposal.created ?? proposal.start,
      state,
      link: `https://snapshot.box/#/s:${proposal.space}/proposal/${proposal.id}`,
      scores_by_strategy: proposal.scores.map((score) => [score, ...rest]),
      scores_state: proposal.scores_state ?? (state === 'closed' ? 'final' : 'pending'),
      scores_total: proposal.scores.reduce((sum, score) => sum + score, 0),
      scores_updated: Math.min(world.clock.now(), proposal.end),
      scores_total_value: 0,
      vp_value_by_strategy: [],
    };
  };
  const proposalView = (row: ReturnType<typeof proposalRow>) => ({ ...row, space: () => spaceOf(row.space) });
  const proposalOf = (id: string) => {
    const proposal = world.proposal(id);
    return proposal ? proposalView(proposalRow(proposal)) : null;
  };

  const voteView = (vote: StoredVote) => ({
    ...vote,
    vp_value: 0,
    space: () => spaceOf(vote.space),
    proposal: () => proposalOf(vote.proposal),
  });

  return {
    space: ({ id }: { id: string }) => spaceOf(id),
    spaces: (args: ListArgs) => list(world.spaces, args, { orderBy: 'created' }).map(spaceView),
    proposal: ({ id }: { id: string }) => proposalOf(id),
    proposals: (args: ListArgs) => {
      const rules = { orderBy: 'created', longer: { space_in: 10_000 } };
      return list(world.proposals.map(proposalRow), withKnownState(args), rules).map(proposalView);
    },
    vote: ({ id }: { id: string }) => {
      const vote = world.votes.find((one) => sameId(one.id, id));
      return vote ? voteView(vote) : null;
    },
    votes: (args: ListArgs) => {
      checkAddresses(args, ['voter', 'voter_in']);
      return list(world.votes, args, { orderBy: 'created' }).map(voteView);
    },
    aliases: (args: ListArgs) => list(world.aliases, args, { orderBy: 'created' }),
    messages: (args: ListArgs) => list(world.messages, args, { orderBy: 'timestamp' }),
    vp: (args: { voter: string; space: string; proposal?: string | null }) => votingPower(world, args),
    strategies: () => strategies(world),
    networks: () =>
      [...new Set(world.spaces.map((space) => space.network))].map((id) => ({
        id,
        name: id === '1' ? 'Ethereum' : `Network ${id}`,
        premium: id === '1',
        spacesCount: world.spaces.filter((space) => space.network === id).length,
      })),
  };
}

function votingPower(world: LiveWorld, args: { voter: string; space: string; proposal?: string | null }): unknown {
  if (!isAddress(args.voter)) throw new GraphQLError('invalid address');
  const proposal = args.proposal ? world.proposal(args.proposal) : null;
  if (args.proposal && !proposal) throw new GraphQLError('proposal not found');
  if (!args.proposal && args.space === '') throw new GraphQLError('missing argument');
  if (!proposal && !world.space(args.space)) throw new GraphQLError('space not found');
  const power = world.votingPower(args.voter, proposal?.space ?? args.space, proposal);
  if (power.kind === 'power') return power;
  // How graphql words the object that the hub's score client throws.
  throw new GraphQLError('Unexpected error value: { code: 500, message: "unauthorized", data: "failed to compute" }');
}

function strategies(world: LiveWorld): unknown {
  const names = new Set([...world.spaces, ...world.proposals].flatMap((one) => one.strategies.map(({ name }) => name)));
  return [...names].map((id) => {
    const used = world.spaces.filter((space) => space.strategies.some(({ name }) => name === id));
    return {
      id,
      name: null,
      override: OVERRIDING.has(id),
      disabled: false,
      spacesCount: used.length,
      verifiedSpacesCount: used.filter((space) => space.verified).length,
    };
  });
}

/** The hub ignores a state that it does not know, without a word. */
function withKnownState(args: ListArgs): ListArgs {
  const state = args.where?.['state'];
  if (typeof state !== 'string' || ['pending', 'active', 'closed'].includes(state)) return args;
  const { state: _, ...where } = args.where ?? {};
  return { ...args, where };
}

function checkAddresses(args: ListArgs, names: readonly string[]): void {
  for (const name of names) {
    const wanted = [args.where?.[name] ?? []].flat();
    if (wanted.some((address) => !isAddress(address))) throw new GraphQLError(`Invalid addresses in ${name}`);
  }
}

function sameId(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
