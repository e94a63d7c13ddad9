/**
 * Deliveries: what became of each notice. The job that delivers one goes by; its record stays, so that an event is delivered once
 * however often its notice is queued.
 *
 *   (none)  --begin-->  pending  --answered 2xx-->        delivered
 *                       pending  --in vain-->             pending     tried again, ever later
 *                       pending  --given up-->            dead        listed, and can be sent anew
 *                       pending  --counts no more-->      dropped
 *   dead    --resend--> pending
 *
 * An attempt holds one of the few places of its owner, so that a receiver that hangs keeps nobody else's notices waiting.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { DeliveryId, OwnerId } from './ids.ts';
import { cursorOf, readCursor, readEntries } from './newest-first.ts';
import { DeliveryState, NOTICES, noticeId, NoticePayload } from './notices.ts';
import { keys, RETENTION_S } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';

const EndedState = DeliveryState.exclude(['pending']);
type EndedState = z.infer<typeof EndedState>;

/** How an attempt ended. */
export type AttemptEnd =
  | { readonly state: 'delivered' | 'dropped' }
  | { readonly state: 'dead'; readonly why: string }
  | { readonly state: 'pending'; readonly why: string; readonly againMs: number };

export type Begun =
  | { readonly kind: 'go'; readonly attempt: number; readonly createdAtMs: number }
  /** As many as may are being sent for this owner, this one perhaps among them. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'ended'; readonly state: EndedState };

const BeginReply = z.union([
  z.tuple([z.literal('go'), z.coerce.number().int(), z.coerce.number().int()]),
  z.tuple([z.literal('busy')]),
  z.tuple([z.literal('ended'), EndedState]),
]);

const optional = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);
const Milliseconds = z
  .string()
  .optional()
  .transform(optional)
  .transform((text) => (text === null ? null : Number(text)));

const Stored = z.object({
  id: DeliveryId,
  owner: OwnerId,
  notice: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(NoticePayload),
  state: DeliveryState,
  attempts: z.coerce.number().int(),
  created_at: z.coerce.number().int(),
  ended_at: Milliseconds,
  why: z.string().optional().transform(optional),
  again: Milliseconds,
});
/** A delivery as it stands. Times are Unix milliseconds. */
export type Delivery = z.infer<typeof Stored>;

export type DeliveryPage = {
  readonly deliveries: readonly Delivery[];
  /** Where the next page begins; null: this is the last. */
  readonly next: string | null;
};

export type Deliveries = ReturnType<typeof createDeliveries>;

/** The deliveries on one Redis. */
export function createDeliveries(redis: Redis) {
  const scripts = {
    begin: loadScript('begin-delivery'),
    end: loadScript('end-delivery'),
    resend: loadScript('resend-delivery'),
  };
  const keep = RETENTION_S.delivery;

  async function read(id: DeliveryId): Promise<Delivery | null> {
    const stored = await redis.hgetall(keys.delivery(id));
    return Object.keys(stored).length === 0 ? null : Stored.parse(stored);
  }

  return {
    read,

    /** Begins an attempt; `leaseMs` is the longest that it can take, `most` how many an owner may have at a time. */
    async begin(
      notice: NoticePayload,
      { leaseMs, most, nowMs }: { readonly leaseMs: number; readonly most: number; readonly nowMs: number },
    ): Promise<Begun> {
      const [id, { owner }] = [idOf(notice), notice];
      const names = [keys.delivery(id), keys.sending(owner), keys.deliveries(owner, 'pending'), keys.undelivered()];
      const args = [id, owner, JSON.stringify(notice), nowMs, leaseMs, most, keep];
      const reply = BeginReply.parse(await runScript(redis, scripts.begin, names, args));
      switch (reply[0]) {
        case 'go':
          return { kind: 'go', attempt: reply[1], createdAtMs: reply[2] };
        case 'busy':
          return { kind: 'busy' };
        case 'ended':
          return { kind: 'ended', state: reply[1] };
      }
    },

    /** Notes how an attempt ended. One that has ended, or was never begun, stays as it is. */
    async end(notice: NoticePayload, end: AttemptEnd, nowMs: number): Promise<void> {
      const [id, { owner }] = [idOf(notice), notice];
      const pending = keys.deliveries(owner, 'pending');
      const names = [keys.delivery(id), keys.sending(owner), pending, keys.undelivered()];
      const why = 'why' in end ? end.why : '';
      const again = 'againMs' in end ? end.againMs : '';
      const args = [id, end.state, why, again, nowMs, keep];
      await runScript(redis, scripts.end, [...names, keys.deliveries(owner, end.state)], args);
    },

    /** Makes a dead delivery pending again. Returns the state that it was in; missing: this owner has none of this id. */
    async resend(owner: OwnerId, id: DeliveryId, nowMs: number): Promise<DeliveryState | 'missing'> {
      const [dead, pending] = [keys.deliveries(owner, 'dead'), keys.deliveries(owner, 'pending')];
      const names = [keys.delivery(id), dead, pending, keys.undelivered()];
      const reply = await runScript(redis, scripts.resend, names, [id, owner, nowMs, keep]);
      return z.union([DeliveryState, z.literal('missing')]).parse(reply);
    },

    /** Those of an owner in one state, the latest first. A cursor that is none of ours begins at the first page. */
    async list(
      owner: OwnerId,
      state: DeliveryState,
      { cursor, limit }: { readonly cursor: string | null; readonly limit: number },
    ): Promise<DeliveryPage> {
      const from = { cursor: cursor === null ? null : readCursor(cursor), limit };
      const { entries: shown, more } = await readEntries(redis, keys.deliveries(owner, state), from);
      const records = await Promise.all(shown.map(({ id }) => read(DeliveryId.parse(id))));
      const last = shown.at(-1);
      return {
        // One that is kept no more, or went on meanwhile, is left out.
        deliveries: records.filter((record) => record !== null).filter((record) => record.state === state),
        next: last === undefined || !more ? null : cursorOf(last),
      };
    },

    /** When the oldest delivery that is still pending was first begun, of all owners; null: there is none. */
    async oldestPendingMs(): Promise<number | null> {
      const [, score] = await redis.zrange(keys.undelivered(), '0', '0', 'WITHSCORES');
      return score === undefined ? null : Number(score);
    },
  };
}

function idOf(notice: NoticePayload): DeliveryId {
  return DeliveryId.parse(noticeId(notice));
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** A delivery in the answers of the API. */
export const DeliveryView = z.object({
  id: DeliveryId,
  event: z.enum(NOTICES).describe('What the owner is told of'),
  state: DeliveryState,
  attempts: z.int().describe('How often it was tried since it was first to be delivered, or last sent anew'),
  created_at: z.iso.datetime().describe('When it was first to be delivered'),
  last_attempt_at: z.iso.datetime().nullable().describe('When it was last tried; null until it was'),
  last_error: z.string().nullable().describe('What went wrong at the last attempt'),
  next_attempt_at: z.iso.datetime().nullable().describe('When it is tried again'),
});
export type DeliveryView = z.infer<typeof DeliveryView>;

export function deliveryView({
  id,
  notice,
  state,
  attempts,
  created_at,
  ended_at,
  why,
  again,
}: Delivery): DeliveryView {
  return {
    id,
    event: notice.event,
    state,
    attempts,
    created_at: new Date(created_at).toISOString(),
    last_attempt_at: iso(ended_at),
    last_error: why,
    next_attempt_at: state === 'pending' ? iso(again) : null,
  };
}
