/** Holds as they are kept in Redis, for whoever reads them. What writes them is a transition: `hold-transitions.ts`. */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type Hold, HoldEnd, HoldState, HoldSubject, SealedAnswer } from './hold.ts';
import { HoldId, type OwnerId } from './ids.ts';
import { HeldWhy } from './outcome.ts';
import type { ReadAll } from './read-all.ts';
import { keys } from './redis-keys.ts';
import { VoteTimes } from './run-times.ts';

/** One reading gives a thousand at most. */
const LAST = '999';

const json = (text: string): unknown => JSON.parse(text);
const Stored = z.object({
  subject: z.string().transform(json).pipe(HoldSubject),
  state: HoldState,
  why: HeldWhy,
  deadline: z.coerce.number().int(),
  answer: z.string().transform(json).pipe(SealedAnswer).optional(),
  end: z.string().transform(json).pipe(HoldEnd).optional(),
  put_off: z.string().transform(json).pipe(VoteTimes).optional(),
});

const Ahead = z.object({ id: HoldId, state: HoldState, why: HeldWhy, deadlineMs: z.coerce.number().int() });
/** As much of an open hold as says what it waits for, and until when. */
export type HoldAhead = Readonly<z.infer<typeof Ahead>>;

/** What was answered to a hold, and the state it is in. */
export type HoldAnswered = { readonly id: string; readonly state: string | null; readonly sealed: SealedAnswer };

/** The holds on one Redis. */
export function createHoldRecords(redis: Redis) {
  async function hold(id: HoldId): Promise<Hold | null> {
    const fields = await redis.hgetall(keys.hold(id));
    if (Object.keys(fields).length === 0) return null;
    const { deadline, answer, end, put_off: putOff, ...rest } = Stored.parse(fields);
    const more = putOff === undefined ? {} : { putOff };
    return { ...rest, deadlineMs: deadline, answer: answer ?? null, end: end ?? null, ...more };
  }

  /** An entry whose hold has expired from Redis is none. */
  async function read(ids: readonly string[]): Promise<ReadAll<Hold>> {
    const records: Hold[] = [];
    const odd: string[] = [];
    await Promise.all(
      ids.map(async (id) => {
        try {
          const found = await hold(HoldId.parse(id));
          if (found !== null) records.push(found);
        } catch (error) {
          if (!(error instanceof z.ZodError || error instanceof SyntaxError)) throw error;
          odd.push(id);
        }
      }),
    );
    return { records: records.toSorted((a, b) => a.deadlineMs - b.deadlineMs), odd };
  }

  return {
    hold,

    /** How many holds are open, and as much of each as says what it waits for, the first deadline first. */
    async openHoldsAhead(): Promise<{ readonly count: number; readonly ahead: readonly HoldAhead[] }> {
      const [count, ids] = await Promise.all([
        redis.zcard(keys.openHolds()),
        redis.zrange(keys.openHolds(), '0', LAST),
      ]);
      const known = ids.flatMap((id) => HoldId.safeParse(id).data ?? []);
      const ahead = await Promise.all(
        known.map(async (id) => {
          // What a hold is about takes kilobytes.
          const [state, why, deadlineMs] = await redis.hmget(keys.hold(id), 'state', 'why', 'deadline');
          return Ahead.safeParse({ id, state, why, deadlineMs }).data ?? [];
        }),
      );
      return { count, ahead: ahead.flat() };
    },

    /**
     * What an owner answered to their holds whose deadlines lie between these, Unix milliseconds: to the last thousand of them. What
     * cannot be read is no answer, as one that was altered is none.
     */
    async answersBetween(owner: OwnerId, fromMs: number, untilMs: number): Promise<readonly HoldAnswered[]> {
      const ids = await redis.zrevrangebyscore(keys.holdsOf(owner), untilMs, fromMs, 'LIMIT', 0, 1 + Number(LAST));
      const known = ids.flatMap((id) => HoldId.safeParse(id).data ?? []);
      const all = await Promise.all(
        known.map(async (id) => {
          const [state, text] = await redis.hmget(keys.hold(id), 'state', 'answer');
          const sealed = typeof text === 'string' ? sealedIn(text) : null;
          return sealed === null ? [] : { id, state: state ?? null, sealed };
        }),
      );
      return all.flat();
    },

    /** The holds of all owners that are open, the first deadline first. */
    openHolds: async (): Promise<ReadAll<Hold>> => read(await redis.zrange(keys.openHolds(), '0', LAST)),
  };
}

function sealedIn(text: string): SealedAnswer | null {
  try {
    return SealedAnswer.parse(json(text));
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof SyntaxError)) throw error;
    return null;
  }
}
