/**
 * The gate in front of an upstream. A 429 shuts it in Redis for everybody who asks that upstream with that key, in any process;
 * of an endpoint with many models, for everybody who asks that model: while it is shut nothing is sent, and whoever wants to ask is told when it opens. A job then waits without losing an attempt.
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
import { assertNever } from './assert-never.ts';
import { QuorumError, UpstreamError } from './errors.ts';
import type { UpstreamId } from './ids.ts';
import type { Metrics } from './metrics.ts';
import { keys } from './redis-keys.ts';
import { PostponeError } from './run-worker.ts';
import { loadScript, runScript } from './script.ts';

const SECOND_MS = 1_000;
const LEAST_MS = SECOND_MS;
const FIRST_MS = 5 * SECOND_MS;
const LONGEST_MS = 60 * SECOND_MS;
/** How long after it opened a gate remembers for how long it was shut. */
export const GATE_MEMORY_MS = 60 * SECOND_MS;

const SHUT_GATE = loadScript('shut-gate');

export type Gate = {
  /** Asks, unless the gate is shut: throws a `rate_limited` error with the seconds that are left then. */
  pass<T>(ask: () => Promise<T>): Promise<T>;
  /**
   * The same gate, looked at with what is sent in this turn: for who asks once that is answered, and need not wait for a second trip then.
   * The look holds until the turn ends in which it is answered, or until who passed here was asked for a pause; who passes later looks
   * anew.
   */
  ahead(): Gate;
};

/** What has gates. */
type GateName = 'hub' | 'model';

/** The gate of one upstream. `name` is for the words of the error. */
export function createGate(redis: Redis, upstream: UpstreamId, name: GateName, metrics?: Pick<Metrics, 'gate'>): Gate {
  const who = wordsFor(name);
  for (const result of ['shut', 'held_back']) metrics?.gate.inc({ upstream: name, result }, 0);
  const { look, forget } = sharedLook(() => gateShutMs(redis, upstream));
  /** How often it was shut by who passed here. */
  let shuts = 0;

  const gateBy = (shutMs: () => Promise<number>): Gate => ({
    ahead,
    async pass(ask) {
      const leftMs = await shutMs();
      if (leftMs > 0) {
        metrics?.gate.inc({ upstream: name, result: 'held_back' });
        const leftS = leftMs / SECOND_MS;
        const words = `${who} asked for fewer requests; it is asked again in ${Math.ceil(leftS)} s.`;
        throw new UpstreamError('rate_limited', name, words, { retryAfterS: leftS });
      }
      try {
        return await ask();
      } catch (error) {
        if (!isPauseAskedFor(error)) throw error;
        metrics?.gate.inc({ upstream: name, result: 'shut' });
        // Who asks from now on looks behind what shuts it, unless Redis must be given the script first.
        shuts += 1;
        forget();
        const shutS = (await shutGate(redis, upstream, error.retryAfterS)) / SECOND_MS;
        const words = `${who} asks for fewer requests.`;
        throw new UpstreamError('rate_limited', name, words, { cause: error, retryAfterS: shutS });
      }
    },
  });

  function ahead(): Gate {
    const shutsBefore = shuts;
    let early: Promise<number> | null = look();
    const over = (): void => void setImmediate(() => (early = null));
    early.then(over, over);
    return gateBy(() => (shuts === shutsBefore ? early : null) ?? look());
  }

  return gateBy(look);
}

/**
 * One look for all who ask in the same turn of the event loop, as the samples of a decision do. It goes out with all else that is asked in
 * the turn, at its end (`redis.ts`), in the place of the first of them. `forget`: who asks after it looks anew.
 */
function sharedLook(ask: () => Promise<number>): { look(): Promise<number>; forget(): void } {
  let shared: Promise<number> | null = null;
  const forget = (): void => {
    shared = null;
  };
  return {
    forget,
    look() {
      if (shared === null) {
        setImmediate(forget);
        shared = ask();
      }
      return shared;
    },
  };
}

/** For how many milliseconds more the gate of an upstream is shut; 0: it is open. */
export async function gateShutMs(redis: Redis, upstream: UpstreamId): Promise<number> {
  return Math.max(0, (await redis.pttl(keys.gate(upstream))) - GATE_MEMORY_MS);
}

/** Shuts the gate of an upstream that asked for a pause. Returns for how long it is shut, in milliseconds. */
export async function shutGate(redis: Redis, upstream: UpstreamId, retryAfterS: number | undefined): Promise<number> {
  const wantedMs = retryAfterS === undefined ? '' : Math.max(LEAST_MS, Math.ceil(retryAfterS * SECOND_MS));
  const reply = await runScript(
    redis,
    SHUT_GATE,
    [keys.gate(upstream)],
    [wantedMs, FIRST_MS, LONGEST_MS, GATE_MEMORY_MS],
  );
  return z.int().parse(reply);
}

function wordsFor(name: GateName): string {
  switch (name) {
    case 'hub':
      return "Snapshot's hub";
    case 'model':
      return 'The model';
    default:
      return assertNever(name);
  }
}

/** The 429 of Snapshot, or of an upstream whose client throws our own errors. */
function isPauseAskedFor(error: unknown): error is SnapshotError | QuorumError {
  if (error instanceof SnapshotError) return error.kind === 'rate_limited';
  return error instanceof QuorumError && error.category === 'rate_limited';
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
