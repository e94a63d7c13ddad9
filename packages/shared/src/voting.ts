/**
 * The kill switch. A vote is sent only while the global record *and* the owner's both say enabled; absent means paused, so that
 * a Redis that lost its data votes for nobody. Read inside the transitions `reserve` and `maySend`.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { OwnerId } from './ids.ts';
import { keys } from './redis-keys.ts';

/** The value that means enabled; anything else is paused. */
export const VOTING_ENABLED = 'enabled';
export const VOTING_PAUSED = 'paused';

/** What `POST /voting/pause` and `/voting/resume` take. */
export const VotingRequest = z.strictObject({
  scope: z
    .enum(['owner', 'all'])
    .default('owner')
    .describe('owner: the votes of the owner of the request; all: those of every owner, which takes an admin'),
});
export type VotingRequest = z.infer<typeof VotingRequest>;

/** The answer of `GET /voting` and of both. */
export const VotingView = z.object({
  votes: z.boolean().describe('Whether votes of this owner are sent: both of the others'),
  owner: z.boolean().describe('Whether voting is enabled for this owner'),
  all: z.boolean().describe('Whether voting is enabled at all'),
});
export type VotingView = z.infer<typeof VotingView>;

/** Enables voting for an owner and for all. For the start with the sandbox; elsewhere somebody says so, `POST /voting/resume`. */
export async function enableVoting(redis: Redis, owner: OwnerId): Promise<void> {
  await redis.mset(keys.votingGlobal(), VOTING_ENABLED, keys.votingOwner(owner), VOTING_ENABLED);
}

/** Whether votes are sent at all. */
export async function readVotingOfAll(redis: Redis): Promise<boolean> {
  return (await redis.get(keys.votingGlobal())) === VOTING_ENABLED;
}

/** Whether votes of this owner are sent, and if not, which of both records keeps them. */
export async function readVoting(redis: Redis, owner: OwnerId): Promise<{ global: boolean; owner: boolean }> {
  const [global, own] = await redis.mget(keys.votingGlobal(), keys.votingOwner(owner));
  return { global: global === VOTING_ENABLED, owner: own === VOTING_ENABLED };
}
