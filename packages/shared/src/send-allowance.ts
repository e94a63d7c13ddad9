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

export type SendAllowance = {
  /** Takes one send. Returns 0, or for how many milliseconds there is none to take. */
  take(): Promise<number>;
  /** The same without taking anything. */
  look(): Promise<number>;
  /** The upstream asked for a pause (a 429): nobody sends until it is over. Returns its milliseconds. */
  pause(retryAfterS: number | undefined): Promise<number>;
};

/** The allowance of one upstream. `perMinute` is asked at each call, since it may change while the process runs. */
export function createSendAllowance(redis: Redis, upstream: UpstreamId, perMinute: () => number): SendAllowance {
  const script = loadScript('take-send');
  const ask = async (take: '0' | '1'): Promise<number> => {
    const reply = await runScript(
      redis,
      script,
      [keys.sends(upstream), keys.gate(upstream)],
      [perMinute(), GATE_MEMORY_MS, take],
    );
    return z.int().parse(reply);
  };
  return {
    take: () => ask('1'),
    look: () => ask('0'),
    pause: (retryAfterS) => shutGate(redis, upstream, retryAfterS),
  };
}
