/** What the fetcher noted of a proposal that earlier live runs took up, for whoever has to tell its owner. */
import type { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import type { OwnerId } from './ids.ts';
import { BY_POLICY } from './left-records.ts';
import { keys } from './redis-keys.ts';

/**
 * Whether a live run left it held, or skipped it by policy, under whatever text and preferences, and no later one has left it undone.
 */
export async function wasLeftByPolicy(
  redis: Redis,
  owner: OwnerId,
  space: SpaceId,
  proposal: ProposalId,
): Promise<boolean> {
  const mark = await redis.hget(keys.decidedBefore(owner, space), proposal);
  return mark?.startsWith(`${BY_POLICY}:`) === true;
}
