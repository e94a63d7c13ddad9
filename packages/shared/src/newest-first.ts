/**
 * Reading a sorted set of ids by pages, the highest score first. A cursor names the last entry that was shown, so that what comes in
 * meanwhile moves nothing, and what goes leaves no gap.
 */
import type { Redis } from 'ioredis';

export type Entry = { readonly id: string; readonly score: string };

export type Entries = {
  readonly entries: readonly Entry[];
  /** Whether there are others behind them. */
  readonly more: boolean;
};

export type From = {
  /** null: from the first on. */
  readonly cursor: Entry | null;
  /** Whether what the cursor names comes too. */
  readonly inclusive?: boolean;
  readonly limit: number;
};

const CURSOR = /^(?<score>\d{1,15})~(?<id>[A-Za-z0-9_-]{1,300})$/;

/** An entry as a cursor that `readCursor` reads. */
export function cursorOf({ score, id }: Entry): string {
  return `${score}~${id}`;
}

/** null: that is no cursor. */
export function readCursor(text: string): Entry | null {
  const { score, id } = CURSOR.exec(text)?.groups ?? {};
  return score === undefined || id === undefined ? null : { score, id };
}

/** The entries of a sorted set from a cursor on. */
export async function readEntries(
  redis: Redis,
  key: string,
  { cursor, inclusive = false, limit }: From,
): Promise<Entries> {
  const from = cursor === null ? 0 : await placeOf(redis, key, cursor, inclusive);
  const found = await redis.zrevrange(key, from, from + limit, 'WITHSCORES');
  const entries = found.flatMap((id, at) => (at % 2 === 0 ? [{ id, score: found[at + 1] ?? '0' }] : []));
  return { entries: entries.slice(0, limit), more: entries.length > limit };
}

/** Where to begin, whether or not what the cursor names is still there. */
async function placeOf(redis: Redis, key: string, { score, id }: Entry, inclusive: boolean): Promise<number> {
  const rank = await redis.zrevrank(key, id);
  if (rank === null) return redis.zcount(key, `(${score}`, '+inf');
  return inclusive ? rank : rank + 1;
}
