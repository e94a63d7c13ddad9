/**
 * What several runs share of what the hub said, in Redis and for a short time: the list of a space, voting
 * power, and which strategies take power back from a delegate. Twenty
 * owners of one space who ask at once cost one reading of its list. Nothing here is a base for a vote: the voter service reads
 * everything anew and knows no cache.
 *
 * A list, over all processes:
 *
 *   there                → it is the answer
 *   nobody reads it      → read it, keep it for three seconds
 *   somebody reads it    → wait; if they fail or vanish, read it oneself
 *
 * Within a process those who wait share one reading and its error. It ends early only when the last of them has given up.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { UpstreamId } from './ids.ts';
import type { Logger } from './log.ts';
import { pack, unpack } from './pack.ts';
import { keys } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';

const SECOND_MS = 1_000;
/** A list is as old as its reading took and at most this. */
const LIST_MS = 3 * SECOND_MS;
/** After this a reader that says nothing counts as gone. */
const LEASE_MS = 6 * SECOND_MS;
const LOOK_AGAIN_MS = 50;
/** Voting power is that of the proposal's block, which does not change. */
const POWER_MS = 10 * 60 * SECOND_MS;
/** Snapshot adds a strategy now and then, and hardly ever marks one anew. */
const OVERRIDING_MS = 60 * 60 * SECOND_MS;

export type HubCache<T> = {
  /**
   * The list of a space, read by whoever comes first. `read` gets a signal that is nobody's own: it is aborted once all who wait
   * have given up. Throws what the reading threw, or the reason of the caller's signal.
   */
  list(space: SpaceId, read: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** A voter's power on a proposal, or null where it was not read lately. */
  power(voter: Address, proposal: ProposalId): Promise<number | null>;
  /** Not waited for: whoever has read it need not wait until others can. */
  keepPower(voter: Address, proposal: ProposalId, power: number): void;
  /** The names of the strategies under which a vote takes power back from a delegate, or null where they were not read lately. */
  overriding(): Promise<ReadonlySet<string> | null>;
  keepOverriding(names: ReadonlySet<string>): Promise<void>;
};

export type HubCacheOptions<T> = {
  readonly redis: Redis;
  readonly upstream: UpstreamId;
  /** What a list is; one that was left there by another version may not fit. */
  readonly schema: z.ZodType<T>;
  readonly log: Logger;
};

type Read<T> = Parameters<HubCache<T>['list']>[1];
type Reading<T> = { readonly value: Promise<T>; readonly giveUp: AbortController; waiting: number };

/** The cache of one hub on one Redis. */
export function createHubCache<T>({ redis, upstream, schema, log }: HubCacheOptions<T>): HubCache<T> {
  const holdLease = loadScript('hold-lease');
  const readings = new Map<SpaceId, Reading<T>>();

  async function kept(space: SpaceId): Promise<T | undefined> {
    const packed = await redis.getBuffer(keys.listing(upstream, space));
    if (packed === null) return undefined;
    try {
      return schema.parse(JSON.parse(await unpack(packed)));
    } catch (error) {
      log.warn({ err: error, space_id: space }, 'kept list cannot be used');
      return undefined;
    }
  }

  async function readShared(space: SpaceId, read: Read<T>, signal: AbortSignal): Promise<T> {
    const lease = keys.reading(upstream, space);
    const token = randomUUID();
    const hold = (ms: number) => runScript(redis, holdLease, [lease], [token, ms]);
    for (;;) {
      // Asked for first: with the lease in hand, what is not there by then nobody is about to put there.
      const [leased, before] = await Promise.all([redis.set(lease, token, 'PX', LEASE_MS, 'NX'), kept(space)]);
      if (before !== undefined) {
        if (leased === 'OK') await hold(0);
        return before;
      }
      if (leased === 'OK') break;
      await pause(LOOK_AGAIN_MS * (1 + Math.random()), undefined, { signal });
    }
    const heartbeat = setInterval(() => {
      hold(LEASE_MS).catch((error: unknown) => log.warn({ err: error }, 'lease not renewed'));
    }, LEASE_MS / 3);
    try {
      const value = await read(signal);
      const packed = await pack(JSON.stringify(value));
      // Not waited for, nor is the lease: who has read the list need not wait until others can.
      redis
        .set(keys.listing(upstream, space), packed, 'PX', LIST_MS)
        .catch((error: unknown) => log.warn({ err: error, space_id: space }, 'list not kept'));
      return value;
    } finally {
      clearInterval(heartbeat);
      hold(0).catch((error: unknown) => log.warn({ err: error }, 'lease not let go'));
    }
  }

  function begin(space: SpaceId, read: Read<T>): Reading<T> {
    const giveUp = new AbortController();
    const reading = { value: readShared(space, read, giveUp.signal), giveUp, waiting: 0 };
    readings.set(space, reading);
    return reading;
  }

  return {
    async list(space, read, signal) {
      signal.throwIfAborted();
      const reading = readings.get(space) ?? begin(space, read);
      reading.waiting += 1;
      try {
        return await orAborted(reading.value, signal);
      } finally {
        reading.waiting -= 1;
        // The first to leave, too: whoever comes now is not to be given what was read before.
        if (readings.get(space) === reading) readings.delete(space);
        if (reading.waiting === 0) reading.giveUp.abort();
      }
    },

    async power(voter, proposal) {
      const text = await redis.get(keys.power(upstream, voter, proposal));
      return text === null ? null : z.coerce.number().nonnegative().parse(text);
    },

    keepPower(voter, proposal, power) {
      redis
        .set(keys.power(upstream, voter, proposal), power, 'PX', POWER_MS)
        .catch((error: unknown) => log.warn({ err: error, proposal_id: proposal }, 'voting power not kept'));
    },

    async overriding() {
      const text = await redis.get(keys.overriding(upstream));
      return text === null ? null : new Set(z.array(z.string()).parse(JSON.parse(text)));
    },

    async keepOverriding(names) {
      await redis.set(keys.overriding(upstream), JSON.stringify([...names]), 'PX', OVERRIDING_MS);
    },
  };
}

/** A promise, or the end of waiting for it; the promise goes on. */
async function orAborted<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([value, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
