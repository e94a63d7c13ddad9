/**
 * The hub's list arguments: `where` with its suffixes, order, first and skip. One function for all lists, since the hub's
 * are all alike: `field`, `field_in`, `field_not`, `field_not_in`, `field_gt|gte|lt|lte`, `field_contains`.
 */
import { GraphQLError } from 'graphql';

export type ListArgs = {
  readonly first: number;
  readonly skip: number;
  readonly where?: Readonly<Record<string, unknown>> | null;
  readonly orderBy?: string | null;
  readonly orderDirection?: 'asc' | 'desc' | null;
};

export type ListRules = {
  /** What an unknown or absent `orderBy` means. */
  readonly orderBy: string;
  /** `…_in` arguments that may be longer than 100, and how long. */
  readonly longer?: Readonly<Record<string, number>>;
};

const FIRST_MAX = 1_000;
const SKIP_MAX = 5_000;
const IN_MAX = 100;

/** Filters, orders and cuts rows as the hub does: newest first unless told otherwise, equal ones by id. Throws what the hub answers. */
export function list<Row extends Readonly<Record<string, unknown>>>(
  rows: readonly Row[],
  args: ListArgs,
  rules: ListRules,
): Row[] {
  checkLimits(args, rules);
  const conditions = Object.entries(args.where ?? {}).filter(([, wanted]) => wanted !== null && wanted !== undefined);
  const matching = rows.filter((row) => conditions.every(([name, wanted]) => meets(row, name, wanted)));
  const orderBy =
    args.orderBy && rows.some((row) => args.orderBy && args.orderBy in row) ? args.orderBy : rules.orderBy;
  const turn = args.orderDirection === 'asc' ? 1 : -1;
  matching.sort((a, b) => turn * compare(a[orderBy], b[orderBy]) || compare(a['id'], b['id']));
  return matching.slice(args.skip, args.skip + args.first);
}

function checkLimits(args: ListArgs, rules: ListRules): void {
  atMost('first', args.first, FIRST_MAX);
  atMost('skip', args.skip, SKIP_MAX);
  for (const [name, wanted] of Object.entries(args.where ?? {})) {
    if (name.endsWith('_in') && Array.isArray(wanted)) atMost(name, wanted.length, rules.longer?.[name] ?? IN_MAX);
  }
}

function atMost(name: string, value: number, limit: number): void {
  if (value > limit) throw new GraphQLError(`The \`${name}\` argument must not be greater than ${limit}`);
}

function meets(row: Readonly<Record<string, unknown>>, name: string, wanted: unknown): boolean {
  // A field's own name may contain an underscore (`vp_state`), so it is tried before the suffixes.
  if (name in row) return same(row[name], wanted);
  const suffix = /^(?<field>.+?)_(?<test>not_in|in|not|gte|gt|lte|lt|contains)$/.exec(name)?.groups;
  const value = row[suffix?.['field'] ?? ''];
  switch (suffix?.['test']) {
    case 'in':
      return Array.isArray(wanted) && wanted.some((one) => same(value, one));
    case 'not_in':
      return Array.isArray(wanted) && !wanted.some((one) => same(value, one));
    case 'not':
      return !same(value, wanted);
    case 'gt':
      return compare(value, wanted) > 0;
    case 'gte':
      return compare(value, wanted) >= 0;
    case 'lt':
      return compare(value, wanted) < 0;
    case 'lte':
      return compare(value, wanted) <= 0;
    case 'contains':
      return String(value).toLowerCase().includes(String(wanted).toLowerCase());
    default:
      return true;
  }
}

/** Texts are compared without case, as the hub's database does. */
function same(value: unknown, wanted: unknown): boolean {
  if (typeof value === 'string' && typeof wanted === 'string') return value.toLowerCase() === wanted.toLowerCase();
  return value === wanted;
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a).toLowerCase(), String(b).toLowerCase()];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
