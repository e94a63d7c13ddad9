/** What the hub lists of the ecosystem: networks, strategies, plugins, skins, validations, roles and the ranking of spaces. */
import type { LiveWorld } from '../live-world.ts';
import type { WorldSpace } from '../world.ts';
import { rankedSpaces } from './counts.ts';

type Usage = { readonly id: string; readonly spacesCount: number };

/** Strategies that let a vote take power back from a delegate, by the names that the hub marks `override: true`. */
const OVERRIDING = new Set([
  'api-v2-override',
  'aura-vlaura-vebal-with-overrides',
  'balance-of-with-linear-vesting-power',
  'balancer-delegation',
  'cyberkongz',
  'cyberkongz-v2',
  'delegation',
  'delegation-with-cap',
  'delegation-with-overrides',
  'erc20-balance-of-delegation',
  'erc20-balance-of-fixed-total',
  'erc20-balance-of-quadratic-delegation',
  'erc20-votes-with-override',
  'esd-delegation',
  'ocean-dao-brightid',
  'orbs-network-delegation',
  'rocketpool-node-operator-delegate-v8',
  'eden-online-override',
  'split-delegation',
  'sonic-staked-balance',
  'with-delegation',
]);

const NETWORKS: Readonly<Record<string, string>> = {
  '1': 'Ethereum',
  '10': 'OP',
  '56': 'BNB Chain',
  '100': 'Gnosis Chain',
  '137': 'Polygon',
  '8453': 'Base',
  '42161': 'Arbitrum One',
  '43114': 'Avalanche',
  '59144': 'Linea',
  '11155111': 'Sepolia',
};

/** How many spaces use each name, the most used first. */
function usage(world: LiveWorld, namesOf: (space: WorldSpace) => readonly string[]): Usage[] {
  const counts = new Map<string, number>();
  for (const space of world.spaces) {
    for (const name of new Set(namesOf(space))) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([id, spacesCount]) => ({ id, spacesCount }))
    .toSorted((a, b) => b.spacesCount - a.spacesCount);
}

function networksOf(space: WorldSpace): string[] {
  return [space.network, ...space.strategies.flatMap(({ network }) => network ?? [])];
}

export function networks(world: LiveWorld): unknown {
  return usage(world, networksOf).map(({ id, spacesCount }) => ({
    id,
    name: NETWORKS[id] ?? `Network ${id}`,
    premium: id in NETWORKS && id !== '11155111',
    spacesCount,
  }));
}

export function strategies(world: LiveWorld): readonly { readonly id: string }[] {
  const used = [...world.spaces, ...world.proposals].flatMap((one) => one.strategies.map(({ name }) => name));
  const known = new Map(world.hub.strategies.map((strategy) => [strategy.id, strategy]));
  const countOf = (id: string, spaces: readonly WorldSpace[]): number =>
    spaces.filter((space) => space.strategies.some(({ name }) => name === id)).length;
  return [...new Set([...known.keys(), ...used])]
    .map((id) => ({
      examples: null,
      ...known.get(id),
      id,
      override: known.get(id)?.override || OVERRIDING.has(id),
      disabled: known.get(id)?.disabled ?? false,
      spacesCount: countOf(id, world.spaces),
      verifiedSpacesCount: countOf(
        id,
        world.spaces.filter((space) => space.verified),
      ),
    }))
    .toSorted((a, b) => b.spacesCount - a.spacesCount);
}

export const plugins = (world: LiveWorld): Usage[] => usage(world, (space) => Object.keys(space.plugins));
export const skins = (world: LiveWorld): Usage[] => usage(world, (space) => (space.skin ? [space.skin] : []));
export const validations = (world: LiveWorld): Usage[] => usage(world, (space) => [space.validation.name]);

/** The spaces in which an address has a part, and which. */
export function roles(world: LiveWorld, address: string): unknown {
  const among = (list: readonly string[]): boolean => list.some((one) => one.toLowerCase() === address.toLowerCase());
  return world.spaces
    .map((space) => ({
      space: space.id,
      permissions: [
        ...(among(space.admins) ? ['admin'] : []),
        ...(among(space.moderators) ? ['moderator'] : []),
        ...(among(space.members) ? ['author'] : []),
      ],
    }))
    .filter(({ permissions }) => permissions.length > 0);
}

type RankingArgs = {
  readonly first: number;
  readonly skip: number;
  readonly where?: Readonly<Record<string, string | null | undefined>> | null;
};

/** The most popular spaces that fit, and how many fit: in all and by category (whatever category was asked for). */
export function ranking(
  world: LiveWorld,
  { first, skip, where }: RankingArgs,
): { readonly items: readonly WorldSpace[]; readonly metrics: unknown } {
  const search = (where?.['search'] ?? '').toLowerCase();
  const asked = (where?.['category'] ?? '').toLowerCase();
  const category = asked === 'all' ? '' : asked;
  const { network, strategy, plugin } = {
    network: where?.['network'],
    strategy: where?.['strategy'],
    plugin: where?.['plugin'],
  };
  const fitting = rankedSpaces(world).filter(
    (space) =>
      (space.id.includes(search) || space.name.toLowerCase().includes(search)) &&
      (!network || networksOf(space).includes(network)) &&
      (!strategy || space.strategies.some(({ name }) => name === strategy)) &&
      (!plugin || plugin in space.plugins),
  );
  const categories: Record<string, number> = {};
  for (const name of fitting.flatMap((space) => space.categories)) categories[name] = (categories[name] ?? 0) + 1;
  const items = fitting.filter((space) => category === '' || space.categories.includes(category));
  return { items: items.slice(skip, skip + first), metrics: { total: items.length, categories } };
}
