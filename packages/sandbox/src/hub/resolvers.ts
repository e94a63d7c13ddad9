/** The hub's answers: one function per field of `Query`, over the live world. */
import { isAddress } from 'ethers';
import { GraphQLError, Kind, type GraphQLResolveInfo, type SelectionNode } from 'graphql-15';
import type { LiveWorld } from '../live-world.ts';
import type { StoredVote } from '../stored-vote.ts';
import type { WorldProposal, WorldSpace } from '../world.ts';
import { networks, plugins, ranking, roles, skins, strategies, validations } from './catalog.ts';
import { leaderboard, sameId } from './counts.ts';
import { addressForm, checkLimits, contains, list, same, type ListArgs, type Row, type Where } from './filters.ts';
import * as rules from './lists.ts';
import { createViews } from './views.ts';

type ById = { readonly id: string };

/** The root value of the hub's schema. */
export function createResolvers(world: LiveWorld): Record<string, unknown> {
  const views = createViews(world);
  const withSpace = <Given extends { readonly space: string }>(row: Given) => ({
    ...row,
    space: () => views.spaceOf(row.space),
  });

  return {
    space: ({ id }: ById, _context: unknown, info: GraphQLResolveInfo) => {
      refuseNesting(info);
      const space = world.space(id);
      return space ? views.spaceWithRelatives(space) : null;
    },
    spaces: (args: ListArgs, _context: unknown, info: GraphQLResolveInfo) => {
      refuseNesting(info);
      return list(world.spaces, args, rules.SPACES, spaceTests(args.where ?? {})).map(views.spaceWithRelatives);
    },
    ranking: (args: ListArgs & Parameters<typeof ranking>[1]) => {
      checkLimits(args, rules.RANKING);
      const { items, metrics } = ranking(world, args);
      return { items: items.map(views.spaceWithRelatives), metrics };
    },
    proposal: ({ id }: ById) => views.proposalOf(id),
    proposals: (args: ListArgs) => {
      const tests = proposalTests(world, args.where ?? {});
      const rows = world.proposals.map(views.proposalRow);
      return list(rows, args, rules.PROPOSALS, tests).map((row) => views.proposalOf(String(row['id'])));
    },
    vote: ({ id }: ById) => {
      const vote = world.votes.find((one) => sameId(one.id, id));
      return vote ? views.vote(vote) : null;
    },
    votes: (args: ListArgs) => list(candidates(world, args.where ?? {}), args, rules.VOTES).map(views.vote),
    aliases: (args: ListArgs) => list(world.aliases, args, rules.ALIASES),
    messages: (args: ListArgs) => list(world.messages, args, rules.MESSAGES),
    follows: (args: ListArgs) => list(world.hub.follows, args, rules.FOLLOWS).map(withSpace),
    subscriptions: (args: ListArgs) => list(world.hub.subscriptions, args, rules.SUBSCRIPTIONS).map(withSpace),
    statements: (args: ListArgs) => list(world.hub.statements, args, rules.STATEMENTS),
    statement: ({ id }: ById) => world.hub.statements.find((one) => sameId(one.id, id)) ?? null,
    users: (args: ListArgs) => list(world.hub.users, args, rules.USERS).map((user) => userOf(world, user.id)),
    user: ({ id }: ById) => {
      const address = addressForm(id, true);
      if (address === null) throw new GraphQLError('Invalid address');
      return userOf(world, address);
    },
    leaderboards: (args: ListArgs) =>
      list(leaderboard(world), args, rules.LEADERBOARDS).map((row) => ({
        space: row.space,
        user: row.user,
        votesCount: row.vote_count,
        proposalsCount: row.proposal_count,
        lastVote: row.last_vote,
        vpValue: row.vp_value,
      })),
    vp: (args: VpArgs) => votingPower(world, args),
    roles: ({ where }: { where: { address: string } }) => roles(world, where.address),
    strategies: () => strategies(world),
    strategy: ({ id }: ById) => strategies(world).find((one) => one.id === id) ?? null,
    networks: () => networks(world),
    plugins: () => plugins(world),
    skins: () => skins(world),
    validations: () => validations(world),
    options: () => world.hub.options,
  };
}

/** The votes that a filter can be about: looked up where it names a voter and proposals, as clients mostly ask. */
function candidates(world: LiveWorld, { voter, proposal, proposal_in }: Where): readonly StoredVote[] {
  const asked: unknown = proposal ?? proposal_in;
  if (typeof voter !== 'string' || !(typeof asked === 'string' || Array.isArray(asked))) return world.votes;
  const ids = new Set([asked].flat().map((id) => String(id).toLowerCase()));
  return [...ids].flatMap((id) => world.vote(voter, id) ?? []);
}

function spaceTests(where: Where): ((row: Row) => boolean)[] {
  const { strategy, plugin, domain, search } = where;
  const of = (row: Row): WorldSpace['strategies'] => (Array.isArray(row['strategies']) ? row['strategies'] : []);
  const keys = (value: unknown): string[] => Object.keys(typeof value === 'object' ? (value ?? {}) : {});
  return [
    // Whom a name belongs to is said by the naming system, which is not played here: nobody controls a space.
    ...('controller' in where ? [() => false] : []),
    ...(strategy ? [(row: Row) => of(row).some(({ name }) => name === strategy)] : []),
    ...(typeof plugin === 'string' && plugin !== '' ? [(row: Row) => keys(row['plugins']).includes(plugin)] : []),
    ...(domain ? [(row: Row) => same(row['domain'], domain)] : []),
    ...(typeof search === 'string' && search !== ''
      ? [(row: Row) => contains(String(row['id']), search, 'i') || contains(String(row['name']), search, 'i')]
      : []),
  ];
}

function proposalTests(world: LiveWorld, where: Where): ((row: Row) => boolean)[] {
  const { state, flagged, space_verified, labels_in, title_contains, strategies_contains, plugins_contains } = where;
  const { validation } = where;
  const like = (name: keyof WorldProposal, wanted: unknown) => {
    if (typeof wanted !== 'string' || wanted === '') return [];
    return [(row: Row) => contains(asDatabaseJson(row[name]), wanted)];
  };
  return [
    // A state that the hub does not know is passed over without a word.
    ...(state === 'pending' || state === 'active' || state === 'closed' ? [(row: Row) => row['state'] === state] : []),
    ...(typeof flagged === 'boolean' ? [(row: Row) => row['flagged'] === flagged] : []),
    ...(space_verified ? [(row: Row) => world.space(String(row['space']))?.verified === true] : []),
    ...(Array.isArray(labels_in)
      ? [(row: Row) => Array.isArray(row['labels']) && row['labels'].some((label) => labels_in.includes(label))]
      : []),
    ...(typeof title_contains === 'string' && title_contains !== ''
      ? [(row: Row) => contains(String(row['title']), title_contains, 'i')]
      : []),
    ...like('strategies', strategies_contains),
    ...like('plugins', plugins_contains),
    ...(typeof validation === 'string' && validation !== '' ? like('validation', `"name": "${validation}"`) : []),
  ];
}

/** JSON as the hub's database prints it, with blanks after colons and commas: `…_contains` looks in this text. */
function asDatabaseJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(asDatabaseJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const pairs = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${asDatabaseJson(one)}`);
  return `{${pairs.join(', ')}}`;
}

/** A profile with what the address did; an address with neither is nobody. */
function userOf(world: LiveWorld, id: string): unknown {
  const profile = world.hub.users.find((user) => sameId(user.id, id));
  const deeds = leaderboard(world, id);
  if (!profile && deeds.length === 0) return null;
  const last = Math.max(0, ...deeds.map(({ last_vote }) => last_vote ?? 0));
  return {
    ...profile,
    id: profile?.id ?? deeds[0]?.user,
    votesCount: deeds.reduce((sum, { vote_count }) => sum + vote_count, 0),
    proposalsCount: deeds.reduce((sum, { proposal_count }) => sum + proposal_count, 0),
    lastVote: last === 0 ? null : last,
  };
}

type VpArgs = { readonly voter: string; readonly space: string; readonly proposal?: string | null };

const NOBODY = '0x0000000000000000000000000000000000000000';

function votingPower(world: LiveWorld, args: VpArgs): unknown {
  if (args.voter === '' || args.voter === NOBODY) throw new GraphQLError('invalid address');
  const proposal = args.proposal ? world.proposal(args.proposal) : null;
  if (args.proposal && !proposal) throw new GraphQLError('proposal not found');
  if (!proposal && args.space === '') throw new GraphQLError('missing argument');
  if (!proposal && !world.space(args.space)) throw new GraphQLError('space not found');
  if (!isAddress(args.voter)) throw scoreError(400, 'invalid address');
  const power = world.votingPower(args.voter, proposal?.space ?? args.space, proposal);
  if (power.kind === 'failed') throw scoreError(500, power.why);
  return power;
}

/** How graphql words the object that the hub's score client throws. */
function scoreError(code: number, data: string): GraphQLError {
  return new GraphQLError(
    `Unexpected error value: { code: ${code}, message: "unauthorized", data: ${JSON.stringify(data)} }`,
  );
}

/** The hub knows parents and children one step away only. */
function refuseNesting(info: GraphQLResolveInfo): void {
  const relatives = ['parent', 'children'];
  const asked = fieldsOf(
    info.fieldNodes.flatMap((node) => node.selectionSet?.selections ?? []),
    info,
  );
  for (const [relative, selections] of asked) {
    if (!relatives.includes(relative)) continue;
    const inner = fieldsOf(selections, info);
    if (inner.has(relative)) {
      throw new GraphQLError("Unsupported nesting. Parent's parent or children's children are not supported.");
    }
    const other = inner.get(relative === 'parent' ? 'children' : 'parent') ?? [];
    if ([...fieldsOf(other, info).keys()].some((name) => name !== 'id')) {
      throw new GraphQLError(
        "Unsupported nesting. Only the id field can be queried for children's parents or parent's children.",
      );
    }
  }
}

/** The fields of a selection by name, fragments spread, each with what is selected below it. */
function fieldsOf(selections: readonly SelectionNode[], info: GraphQLResolveInfo): Map<string, SelectionNode[]> {
  const fields = new Map<string, SelectionNode[]>();
  for (const node of selections) {
    if (node.kind === Kind.FIELD) {
      const known = fields.get(node.name.value) ?? [];
      fields.set(node.name.value, [...known, ...(node.selectionSet?.selections ?? [])]);
      continue;
    }
    const spread = node.kind === Kind.INLINE_FRAGMENT ? node : info.fragments[node.name.value];
    for (const [name, below] of fieldsOf(spread?.selectionSet.selections ?? [], info)) {
      fields.set(name, [...(fields.get(name) ?? []), ...below]);
    }
  }
  return fields;
}
