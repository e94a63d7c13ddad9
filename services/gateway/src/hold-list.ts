/**
 * The list of holds, a page at a time: those that wait, the first deadline first; then all others, the last deadline first.
 *
 * The index has holds by their deadlines, which never change. So the first part is read from now on upwards and the second from the
 * top downwards, and a cursor says in which part it stands, and behind what. Whether a hold waits is asked as it is come by: one that
 * is answered between two pages moves to the other part and may be shown there again; any other comes once, whatever comes in or goes.
 *
 * However little a state lets through, a request reads only so much, and for so long. Then its page is short, and says where to go on.
 */
import { stateAt, type Hold, type HoldState } from '@quorum/shared/hold';
import { HoldId, type OwnerId } from '@quorum/shared/ids';
import { cursorOf, readCursor, type Entry } from '@quorum/shared/newest-first';
import type { Records } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import type { Redis } from 'ioredis';
import { z } from 'zod';

/** How many holds one request reads, at most, and how many at once. */
const READ_MOST = 500;
const CHUNK = 50;

type Part = 'waiting' | 'ended';
type Place = { readonly part: Part; readonly entry: Entry };

export type HoldPaging = {
  readonly cursor: string | null;
  readonly limit: number;
  readonly nowMs: number;
  /** The time after which no more is looked at, in milliseconds. Something always is. */
  readonly withinMs: number;
};

export type HoldsPage = {
  readonly holds: readonly Hold[];
  /** Holds that cannot be read. */
  readonly odd: readonly string[];
  readonly next: string | null;
};

export type HoldList = ReturnType<typeof createHoldList>;

/** The list on one Redis. */
export function createHoldList(redis: Redis, records: Pick<Records, 'hold'>) {
  /** Null: it is kept no more, or it cannot be read, which `odd` is told. */
  async function read(id: string, odd: string[]): Promise<Hold | null> {
    try {
      return await records.hold(HoldId.parse(id));
    } catch (error) {
      if (!(error instanceof z.ZodError || error instanceof SyntaxError)) throw error;
      // It may stand in both parts.
      if (!odd.includes(id)) odd.push(id);
      return null;
    }
  }

  /** A page of the holds of an owner, or of all owners where null, in one state or in any. */
  return async function holdList(
    owner: OwnerId | null,
    state: HoldState | null,
    { cursor, limit, nowMs, withinMs }: HoldPaging,
  ): Promise<HoldsPage> {
    const key = owner === null ? keys.holds() : keys.holdsOf(owner);
    const began = performance.now();
    const holds: Hold[] = [];
    const odd: string[] = [];
    const start = cursor === null ? null : placeOf(cursor);
    let last = start;
    let looked = 0;
    for (const part of partsFrom(start, state)) {
      let from = start?.part === part ? start.entry : null;
      let more = true;
      while (more) {
        const isLate = looked > 0 && performance.now() - began >= withinMs;
        if (isLate || looked >= READ_MOST) return { holds, odd, next: textOf(last) };
        const chunk = await readBehind(redis, key, { part, from, nowMs });
        const found = await Promise.all(chunk.entries.map(({ id }) => read(id, odd)));
        for (const [at, entry] of chunk.entries.entries()) {
          const hold = found[at] ?? null;
          if (hold !== null && isWanted(hold, { part, state, nowMs })) {
            if (holds.length === limit) return { holds, odd, next: textOf(last) };
            holds.push(hold);
          }
          if (HoldId.safeParse(entry.id).success) last = { part, entry };
        }
        looked += chunk.entries.length;
        from = chunk.entries.at(-1) ?? from;
        more = chunk.more;
      }
    }
    return { holds, odd, next: null };
  };
}

function isWanted(
  hold: Hold,
  { part, state, nowMs }: { readonly part: Part; readonly state: HoldState | null; readonly nowMs: number },
): boolean {
  const now = stateAt(hold, nowMs);
  return (now === 'waiting') === (part === 'waiting') && (state === null || now === state);
}

/** The parts that are still to be read. */
function partsFrom(start: Place | null, state: HoldState | null): readonly Part[] {
  const parts: Part[] = state === null ? ['waiting', 'ended'] : [state === 'waiting' ? 'waiting' : 'ended'];
  return start?.part === 'ended' ? parts.filter((part) => part === 'ended') : parts;
}

type Behind = { readonly part: Part; readonly from: Entry | null; readonly nowMs: number };

/**
 * The next entries behind one of them, whether or not that is still there. Read by deadlines and not by ranks, which an entry that
 * comes in or goes would shift.
 */
async function readBehind(
  redis: Redis,
  key: string,
  { part, from, nowMs }: Behind,
): Promise<{ readonly entries: readonly Entry[]; readonly more: boolean }> {
  const rises = part === 'waiting';
  // What has passed its deadline does not wait.
  const isPast = rises && (from === null || Number(from.score) <= nowMs);
  const bound = isPast ? `(${nowMs}` : (from?.score ?? '+inf');
  // Of as many as share a deadline, those that were shown come again: a chunk may have nothing else.
  for (let skip = 0; ; skip += CHUNK) {
    const found = rises
      ? await redis.zrangebyscore(key, bound, '+inf', 'WITHSCORES', 'LIMIT', skip, CHUNK)
      : await redis.zrevrangebyscore(key, bound, '-inf', 'WITHSCORES', 'LIMIT', skip, CHUNK);
    const all = found.flatMap((id, at) => (at % 2 === 0 ? [{ id, score: found[at + 1] ?? '0' }] : []));
    const entries = from === null || isPast ? all : all.filter((entry) => isBehind(entry, from, rises));
    const more = all.length === CHUNK;
    if (entries.length > 0 || !more) return { entries, more };
  }
}

/** As Redis orders: by score, and of one score by id. */
function isBehind(entry: Entry, from: Entry, rises: boolean): boolean {
  const apart = Number(entry.score) - Number(from.score);
  if (apart !== 0) return rises ? apart > 0 : apart < 0;
  return rises ? entry.id > from.id : entry.id < from.id;
}

/** As `HoldsQuery` takes it: `w` stands for what waits, `e` for what has ended. */
function textOf(place: Place | null): string | null {
  return place === null ? null : `${place.part === 'waiting' ? 'w' : 'e'}~${cursorOf(place.entry)}`;
}

function placeOf(cursor: string): Place | null {
  const entry = readCursor(cursor.slice('w~'.length));
  return entry === null ? null : { part: cursor.startsWith('w') ? 'waiting' : 'ended', entry };
}
