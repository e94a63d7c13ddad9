/**
 * How many sends an upstream takes a minute, kept in Redis for all processes together: one allowance per upstream, taken from just
 * before each send. While the upstream's gate is shut (`upstream-gate.ts`) there is nothing to take either.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { UpstreamId } from './ids.ts';
import { keys } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';
import { GATE_MEMORY_MS, shutGate } from './upstream-gate.ts';

/** Whether a send may go. */
export type SendTurn = {
  /** For how many milliseconds there is none to take; 0: there is one, or it was taken. */
  readonly waitMs: number;
  /** In how many milliseconds to come back; null: it would be longer than the caller waits. */
  readonly turnMs: number | null;
};

export type SendAllowance = {
  /**
   * Takes one send. Where there is none it gives a turn, one after the other, so that those who wait do not all come back at once
   * and in vain; at most `patienceMs` away. A turn is no right: whoever comes earlier, as its vote closes soon, may take what comes back.
   */
  take(patienceMs: number): Promise<SendTurn>;
  /** The same without taking anything. */
  look(patienceMs: number): Promise<SendTurn>;
  /** The upstream asked for a pause (a 429): nobody sends until it is over. Returns its milliseconds. */
  pause(retryAfterS: number | undefined): Promise<number>;
};

const Reply = z.tuple([z.int(), z.int()]);

/** The allowance of one upstream. `perMinute` is asked at each call, since it may change while the process runs. */
export function createSendAllowance(redis: Redis, upstream: UpstreamId, perMinute: () => number): SendAllowance {
  const script = loadScript('take-send');
  const ask = async (take: '0' | '1', patienceMs: number): Promise<SendTurn> => {
    const reply = await runScript(
      redis,
      script,
      [keys.sends(upstream), keys.gate(upstream)],
      [perMinute(), GATE_MEMORY_MS, take, Math.floor(patienceMs)],
    );
    const [waitMs, turnMs] = Reply.parse(reply);
    return { waitMs, turnMs: turnMs < 0 ? null : turnMs };
  };
  return {
    take: (patienceMs) => ask('1', patienceMs),
    look: (patienceMs) => ask('0', patienceMs),
    pause: (retryAfterS) => shutGate(redis, upstream, retryAfterS),
  };
}
