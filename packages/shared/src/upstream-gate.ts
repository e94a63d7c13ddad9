/**
 * The gate in front of an upstream. A 429 shuts it in Redis for everybody who asks that upstream with that key, in any process:
 * while it is shut nothing is sent, and whoever wants to ask is told when it opens. A job then waits without losing an attempt.
 *
 *   open --429 with Retry-After--> shut for as long as that says, a minute at most
 *   open --429 without it--------> shut for five seconds, or twice as long as the last time if that was within the last minute
 *   shut --the time is over------> open
 *
 * A 429 that comes while the gate is shut, of a request that was under way, may shut it for longer, never for less.
 */
import { SnapshotError } from '@quorum/snapshot/errors';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { QuorumError, UpstreamError } from './errors.ts';
import type { UpstreamId } from './ids.ts';
import { keys } from './redis-keys.ts';
import { PostponeError } from './run-worker.ts';
import { loadScript, runScript } from './script.ts';

const SECOND_MS = 1_000;
const LEAST_MS = SECOND_MS;
const FIRST_MS = 5 * SECOND_MS;
const LONGEST_MS = 60 * SECOND_MS;
/** How long after it opened a gate remembers for how long it was shut. */
const MEMORY_MS = 60 * SECOND_MS;

export type Gate = {
  /** Asks, unless the gate is shut: throws a `rate_limited` error with the seconds that are left then. */
  pass<T>(ask: () => Promise<T>): Promise<T>;
};

/** The gate of one upstream. `name` is for the words of the error. */
export function createGate(redis: Redis, upstream: UpstreamId, name: 'hub'): Gate {
  const key = keys.gate(upstream);
  const shutGate = loadScript('shut-gate');

  return {
    async pass(ask) {
      const leftMs = (await redis.pttl(key)) - MEMORY_MS;
      if (leftMs > 0) {
        const leftS = leftMs / SECOND_MS;
        const words = `Snapshot's ${name} asked for fewer requests; it is asked again in ${Math.ceil(leftS)} s.`;
        throw new UpstreamError('rate_limited', name, words, { retryAfterS: leftS });
      }
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof SnapshotError) || error.kind !== 'rate_limited') throw error;
        const { retryAfterS } = error;
        const wantedMs = retryAfterS === undefined ? '' : Math.max(LEAST_MS, Math.ceil(retryAfterS * SECOND_MS));
        const reply = await runScript(redis, shutGate, [key], [wantedMs, FIRST_MS, LONGEST_MS, MEMORY_MS]);
        const shutS = z.int().parse(reply) / SECOND_MS;
        const words = `Snapshot's ${name} asks for fewer requests.`;
        throw new UpstreamError('rate_limited', name, words, { cause: error, retryAfterS: shutS });
      }
    },
  };
}

/**
 * What to throw in place of an error: where an upstream asked for a pause, a `PostponeError` that ends a little after it, so that
 * many jobs do not come back together. Any other error as it is, and this one too where the pause ends after `untilMs`.
 */
export function postponedUntilOpen(
  error: unknown,
  { nowMs, untilMs, random = Math.random }: { nowMs: number; untilMs: number; random?: () => number },
): unknown {
  if (!(error instanceof QuorumError) || error.category !== 'rate_limited' || error.retryAfterS === undefined) {
    return error;
  }
  const pauseMs = error.retryAfterS * SECOND_MS;
  if (nowMs + pauseMs > untilMs) return error;
  return new PostponeError(Math.ceil(pauseMs + random() * Math.max(LEAST_MS, pauseMs / 5)), error.message);
}
