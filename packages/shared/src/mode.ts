/**
 * A Redis serves the sandbox or the real Snapshot, never both: the switch that a start with the sandbox turns on, and the ledger
 * of its votes, must never be found by a live start.
 */
import type { Redis } from 'ioredis';
import { QuorumError } from './errors.ts';
import { keys } from './redis-keys.ts';

export type Mode = 'live' | 'sandbox';

/** Claims this Redis for a mode. Throws a `validation` error where it serves the other one. */
export async function claimMode(redis: Redis, mode: Mode): Promise<void> {
  await redis.set(keys.mode(), mode, 'NX');
  const stands = await redis.get(keys.mode());
  if (stands === mode) return;
  throw new QuorumError(
    'validation',
    mode === 'live'
      ? 'This Redis was used with the sandbox, and voting may be enabled in it. Use another Redis, or empty this one.'
      : 'This Redis serves live voting. Use another one for the sandbox.',
  );
}
