/**
 * Watches: an owner's standing orders, one for each space at most. The record says what is wanted; the job scheduler that emits
 * its ticks follows from it (`schedules.ts`).
 */
import { SpaceId } from '@quorum/snapshot/proposal';
import { CronExpressionParser } from 'cron-parser';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { OwnerId } from './ids.ts';
import { Next, pagingBy } from './paging.ts';
import { readAll, type ReadAll } from './read-all.ts';
import { fields, keys } from './redis-keys.ts';

/** How many watches an owner may have: each asks the hub, and all owners share its limit. */
export const WATCHES_MOST = 100;

const DAY_S = 24 * 60 * 60;
const MIN_EVERY_S = 5;
const MAX_EVERY_S = 31 * DAY_S;
const CRON_FIELDS = 5;
const UTC = 'UTC';

const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, { error: 'is not a time zone: use a name such as UTC or Europe/Rome' })
  .describe('The time zone of cron, by its IANA name; UTC where absent');

/** The body of `PUT /watches/:space_id`. */
export const WatchRequest = z
  .strictObject({
    cron: z
      .string()
      .max(200)
      .optional()
      .describe('When to run: minute, hour, day of the month, month, day of the week. Or every_s'),
    every_s: z
      .int()
      .min(MIN_EVERY_S)
      .max(MAX_EVERY_S)
      .optional()
      .describe('Seconds from one run to the next, beginning now. Or cron'),
    time_zone: TimeZone.optional(),
    dry_run: z.boolean().default(false).describe('True: decide, but cast nothing'),
  })
  .superRefine(({ cron, every_s: everyS, time_zone: timeZone }, context) => {
    if ((cron === undefined) === (everyS === undefined)) {
      context.addIssue({ code: 'custom', path: ['cron'], message: 'or every_s must be given, and not both' });
    } else if (cron === undefined) {
      if (timeZone === undefined) return;
      context.addIssue({ code: 'custom', path: ['time_zone'], message: 'goes with cron alone: leave it out' });
    } else if (timeZone === undefined || isTimeZone(timeZone)) {
      const message = faultOf(cron, timeZone ?? UTC);
      if (message !== null) context.addIssue({ code: 'custom', path: ['cron'], message });
    }
  });
export type WatchRequest = z.infer<typeof WatchRequest>;

const Schedule = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cron'), cron: z.string(), time_zone: z.string() }),
  z.object({ kind: z.literal('every'), every_s: z.int() }),
]);

/** A standing order. */
export const Watch = z.object({ owner: OwnerId, space_id: SpaceId, schedule: Schedule, dry_run: z.boolean() });
export type Watch = z.infer<typeof Watch>;

/** What a request orders. */
export function watchOf(owner: OwnerId, space: SpaceId, request: WatchRequest): Watch {
  const { cron, every_s: everyS, time_zone: timeZone, dry_run: dryRun } = request;
  const common = { owner, space_id: space, dry_run: dryRun };
  if (cron !== undefined) return { ...common, schedule: { kind: 'cron', cron, time_zone: timeZone ?? UTC } };
  if (everyS !== undefined) return { ...common, schedule: { kind: 'every', every_s: everyS } };
  throw new TypeError('A watch has a cron expression or an interval.');
}

/** A watch in the answers of the API. */
export const WatchView = z.object({
  space_id: SpaceId,
  cron: z.string().nullable().describe('When it runs; null where every_s says so'),
  every_s: z.int().nullable().describe('Seconds from one run to the next; null where cron says so'),
  time_zone: z.string().nullable().describe('The time zone of cron'),
  dry_run: z.boolean().describe('True: its runs cast nothing'),
  next_turn: z.iso.datetime().nullable().describe('When its next run starts; null until that is known'),
});
export type WatchView = z.infer<typeof WatchView>;

/** The answer of `GET /watches`. */
export const WatchesView = z.object({ watches: z.array(WatchView).describe('By space'), next: Next });
export type WatchesView = z.infer<typeof WatchesView>;

/** What `GET /watches` takes. A cursor is the space of the last watch of the page before, in base64url. */
export const WatchesQuery = z.strictObject(pagingBy(/^[A-Za-z0-9_-]{1,1400}$/, 'from the first on'));
export type WatchesQuery = z.infer<typeof WatchesQuery>;

/** Those of an owner's watches, by space, that stand on a page, and the cursor of the page behind it. */
export function pageOfWatches(
  all: readonly Watch[],
  { cursor, limit }: WatchesQuery,
): { readonly page: readonly Watch[]; readonly next: string | null } {
  const after = cursor === undefined ? null : Buffer.from(cursor, 'base64url').toString();
  const left = after === null ? all : all.filter(({ space_id: space }) => space > after);
  const page = left.slice(0, limit);
  const last = left.length > page.length ? page.at(-1) : undefined;
  return { page, next: last === undefined ? null : Buffer.from(last.space_id).toString('base64url') };
}

export type Watches = ReturnType<typeof createWatches>;

/** The watches on one Redis. */
export function createWatches(redis: Redis) {
  /** Those of everybody, and the fields of those that cannot be read. */
  const all = async (): Promise<ReadAll<Watch>> => readAll(Watch, await redis.hgetall(keys.watches()));

  return {
    all,

    async of(owner: OwnerId): Promise<Watch[]> {
      const own = (await all()).records.filter((watch) => watch.owner === owner);
      return own.toSorted((a, b) => (a.space_id < b.space_id ? -1 : 1));
    },

    async get(owner: OwnerId, space: SpaceId): Promise<Watch | null> {
      const text = await redis.hget(keys.watches(), fields.watch(owner, space));
      return text === null ? null : parse(text);
    },

    async put(watch: Watch): Promise<void> {
      await redis.hset(keys.watches(), fields.watch(watch.owner, watch.space_id), JSON.stringify(watch));
    },

    /** Whether there was one. */
    async remove(owner: OwnerId, space: SpaceId): Promise<boolean> {
      return (await redis.hdel(keys.watches(), fields.watch(owner, space))) === 1;
    },
  };
}

function parse(text: string): Watch {
  return Watch.parse(JSON.parse(text));
}

function isTimeZone(name: string): boolean {
  // The runtime takes offsets too; what computes the times does not take all of them.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** What is wrong with a cron expression, or null. */
function faultOf(cron: string, timeZone: string): string | null {
  const example = 'for example 0 9 * * 1-5';
  if (cron.trim().split(/\s+/).length !== CRON_FIELDS) {
    return `must have ${CRON_FIELDS} fields: minute, hour, day of the month, month, day of the week; ${example}`;
  }
  // It would be drawn anew for each tick: one day could have several.
  if (/\bH\b/i.test(cron)) return `must name its times, and H is a time drawn by lot; ${example}`;
  try {
    CronExpressionParser.parse(cron, { tz: timeZone }).next();
    return null;
  } catch (error) {
    return `is no time that comes (${error instanceof Error ? error.message : String(error)}); ${example}`;
  }
}
