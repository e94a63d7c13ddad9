/**
 * The kill switch. A vote is sent only while the global record *and* the owner's both say enabled; absent means paused, so that
 * a Redis that lost its data votes for nobody. Read inside the transitions `reserve` and `maySend`.
 */
import type { Redis } from 'ioredis';
import type { OwnerId } from './ids.ts';
import { keys } from './redis-keys.ts';

/** The value that means enabled; anything else is paused. */
export const VOTING_ENABLED = 'enabled';

/** Enables voting for an owner and globally. For the sandbox's start and for whoever resumes voting. */
export async function enableVoting(redis: Redis, owner: OwnerId): Promise<void> {
  await redis.mset(keys.votingGlobal(), VOTING_ENABLED, keys.votingOwner(owner), VOTING_ENABLED);
}

/** Whether votes of this owner are sent, and if not, which of both records keeps them. */
export async function readVoting(redis: Redis, owner: OwnerId): Promise<{ global: boolean; owner: boolean }> {
  const [global, own] = await redis.mget(keys.votingGlobal(), keys.votingOwner(owner));
  return { global: global === VOTING_ENABLED, owner: own === VOTING_ENABLED };
}
