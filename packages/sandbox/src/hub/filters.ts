/**
 * The hub's lists: `where`, order, first and skip, as its SQL does them. One engine for all lists; what each list may be asked is
 * in `lists.ts`. What surprises is the hub's own way: a bound of 0 is no bound, null equals nothing, an empty `…_in` or
 * `…_not_in` finds nothing, and an unknown `orderBy` is passed over.
 */
import { isAddress } from 'ethers';
import { GraphQLError } from 'graphql-15';

export type ListArgs = {
  readonly first: number;
  readonly skip: number;
  readonly where?: Where | null;
  readonly orderBy?: string | null;
  readonly orderDirection?: 'asc' | 'desc' | null;
};
export type Where = Readonly<Record<string, unknown>>;

export type Row = Readonly<Record<string, unknown>>;

/** `address` takes Ethereum's and Starknet's, `evm` Ethereum's alone. */
type Column = 'text' | 'number' | 'boolean' | 'address' | 'evm';

export type ListRules = {
  readonly columns: Readonly<Record<string, Column>>;
  /** What may be ordered by; the first is what an absent `orderBy` means, and an unknown one unless `unknownOrder` is there. */
  readonly orders: readonly [string, ...string[]];
  readonly unknownOrder?: string;
  /** What settles a tie, after the order and in its direction; equal rows then come by id. */
  readonly ties?: readonly string[];
  /** Limits that differ from the common ones, by argument. */
  readonly limits?: Readonly<Record<string, number>>;
};

type Test = (row: Row) => boolean;

const LIMITS: Readonly<Record<string, number>> = { first: 1_000, skip: 5_000 };
const IN_MAX = 100;
const NOTHING: Test = () => false;

/** Filters, orders and cuts rows. `further` are conditions beyond the columns' own. Throws what the hub answers. */
export function list<Given extends Row>(
  rows: readonly Given[],
  args: ListArgs,
  rules: ListRules,
  further: readonly Test[] = [],
): Given[] {
  checkLimits(args, rules);
  const tests = [...conditions(args.where ?? {}, rules), ...further];
  const matching = rows.filter((row) => tests.every((test) => test(row)));
  return inOrder(matching, args, rules).slice(args.skip, args.skip + args.first);
}

/** Throws what the hub says about an argument that is too large, too long or negative. */
export function checkLimits(args: ListArgs, rules: Pick<ListRules, 'limits'>): void {
  const limits = { ...LIMITS, ...rules.limits };
  for (const [name, value] of [['first', args.first] as const, ['skip', args.skip] as const]) {
    atMost(name, value, limits[name]);
    if (value < 0) throw new GraphQLError(`The \`${name}\` argument must be positive`);
  }
  for (const [name, wanted] of Object.entries(args.where ?? {})) {
    if (name.endsWith('_in') && Array.isArray(wanted)) atMost(name, wanted.length, limits[name] ?? IN_MAX);
  }
}

function atMost(name: string, value: number, limit: number | undefined): void {
  if (limit !== undefined && value > limit) {
    throw new GraphQLError(`The \`${name}\` argument must not be greater than ${limit}`);
  }
}

function inOrder<Given extends Row>(rows: readonly Given[], args: ListArgs, rules: ListRules): Given[] {
  const by = [...new Set([orderOf(args.orderBy, rules), ...(rules.ties ?? [])])];
  const turn = args.orderDirection === 'asc' ? 1 : -1;
  return rows.toSorted((a, b) => {
    for (const name of by) {
      const order = compare(a[name], b[name]);
      if (order !== 0) return turn * order;
    }
    return compare(a['id'], b['id']);
  });
}

function orderOf(asked: string | null | undefined, { orders, unknownOrder }: ListRules): string {
  if (!asked) return orders[0];
  return orders.includes(asked) ? asked : (unknownOrder ?? orders[0]);
}

function conditions(where: Where, { columns }: ListRules): Test[] {
  return Object.entries(columns).flatMap(([name, column]) => {
    const wanted = (suffix: string): unknown => stored(where[`${name}${suffix}`], name, column);
    const value = (row: Row): unknown => row[name];
    const tests: Test[] = [];

    const exact = wanted('');
    if (exact !== undefined && !Array.isArray(exact)) tests.push((row) => same(value(row), exact));
    const other = wanted('_not');
    if (other !== undefined) tests.push((row) => other !== null && isThere(value(row)) && !same(value(row), other));
    const among = wanted('_in');
    if (Array.isArray(among)) tests.push((row) => among.some((one) => same(value(row), one)));
    const outside = wanted('_not_in');
    if (Array.isArray(outside)) {
      const nothing = outside.length === 0 || outside.includes(null);
      tests.push(nothing ? NOTHING : (row) => isThere(value(row)) && !outside.some((one) => same(value(row), one)));
    }
    if (column === 'number') tests.push(...bounds(where, name));
    return tests;
  });
}

function bounds(where: Where, name: string): Test[] {
  const bound = (suffix: string, holds: (order: number) => boolean): Test[] => {
    // The leaderboard's bounds are lists in the schema; the first counts.
    const limit: unknown = [where[`${name}${suffix}`]].flat()[0];
    if (typeof limit !== 'number' || limit === 0) return [];
    return [(row) => isThere(row[name]) && holds(compare(row[name], limit))];
  };
  return [
    ...bound('_gt', (order) => order > 0),
    ...bound('_gte', (order) => order >= 0),
    ...bound('_lt', (order) => order < 0),
    ...bound('_lte', (order) => order <= 0),
  ];
}

/** An argument as the database holds such values: addresses in one form. */
function stored(wanted: unknown, name: string, column: Column): unknown {
  if ((column !== 'address' && column !== 'evm') || !wanted) return wanted;
  const forms = [wanted].flat().map((address) => addressForm(address, column === 'address'));
  if (forms.includes(null)) throw new GraphQLError(`Invalid addresses in ${name}`);
  return Array.isArray(wanted) ? forms : forms[0];
}

/** Starknet's addresses are field elements: hex digits, or decimal ones. */
const STARKNET = /^(?:0x[0-9a-f]{1,64}|[0-9]{1,77})$/i;
const STARKNET_END = 2n ** 251n - 256n;

/** The one form in which the database holds an address, or null where the value is none. */
export function addressForm(address: unknown, starknet: boolean): string | null {
  if (typeof address !== 'string') return null;
  if (isAddress(address) && address.startsWith('0x')) return address.toLowerCase();
  if (!starknet || !STARKNET.test(address) || BigInt(address) >= STARKNET_END) return null;
  return `0x${BigInt(address).toString(16).padStart(64, '0')}`;
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined;
}

/** Texts are compared without case, as the hub's database does; null equals nothing. */
export function same(value: unknown, wanted: unknown): boolean {
  if (!isThere(value)) return false;
  if (typeof value === 'string' && typeof wanted === 'string') return value.toLowerCase() === wanted.toLowerCase();
  return value === wanted;
}

/** Null comes before everything. */
function compare(a: unknown, b: unknown): number {
  if (!isThere(a) || !isThere(b)) return Number(isThere(a)) - Number(isThere(b));
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a).toLowerCase(), String(b).toLowerCase()];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** SQL's LIKE with `%` around it; within, `%` and `_` stand for any text and any sign. */
export function contains(value: string, wanted: string, flags: 'i' | '' = ''): boolean {
  const pattern = wanted
    .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('%', '[^]*')
    .replaceAll('_', '[^]');
  return new RegExp(pattern, `u${flags}`).test(value);
}
