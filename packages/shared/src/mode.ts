/**
 * A Redis serves the sandbox or the real Snapshot, never both: the switch that a start with the sandbox turns on, and the ledger
 * of its votes, must never be found by a live start.
 */
import type { Redis } from 'ioredis';
import { QuorumError } from './errors.ts';
import { isOfCluster } from './redis.ts';
import { FORMER_MODE, keys } from './redis-keys.ts';

export type Mode = 'live' | 'sandbox';

/** Stands in place of a mode while a backup is put back: whoever votes does not start on half of it. */
export const RESTORING = 'restoring';

/** Claims this Redis for a mode. Throws a `validation` error where it serves the other one. */
export async function claimMode(redis: Redis, mode: Mode): Promise<void> {
  // On a cluster nothing was ever kept under those names, and another node would have them.
  if (!(await isOfCluster(redis)) && (await redis.exists(FORMER_MODE)) === 1) {
    throw new QuorumError(
      'validation',
      'This Redis holds what an earlier version kept, its votes too, under names that are read no more. Use another Redis, or empty this one.',
    );
  }
  await redis.set(keys.mode(), mode, 'NX');
  const stands = await redis.get(keys.mode());
  if (stands === mode) return;
  if (stands === RESTORING) {
    throw new QuorumError(
      'validation',
      'A restore into this Redis was begun and did not end. Run  npm run restore  again, with --replace.',
    );
  }
  throw new QuorumError(
    'validation',
    mode === 'live'
      ? 'This Redis was used with the sandbox, and voting may be enabled in it. Use another Redis, or empty this one.'
      : 'This Redis serves live voting. Use another one for the sandbox.',
  );
}
