/** The voter's power on a proposal: kept for a while once it was read, since a run that is put off begins anew. */
import { toQuorumError } from '@quorum/shared/errors';
import type { HubCache } from '@quorum/shared/hub-cache';
import type { Hub } from '@quorum/snapshot/hub';
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';

export type Power =
  /** null: there is no voter, so nobody was asked. */
  { readonly kind: 'known'; readonly value: number | null } | { readonly kind: 'unknown'; readonly why: string };

/** Why a power is not known where the hub took too long. */
export const LATE = 'its voting power was not read in time';

export type PowerDeps = {
  readonly hub: Hub;
  readonly cache: Pick<HubCache<unknown>, 'power' | 'keepPower'>;
};

/**
 * Asks for the power of a voter. What cannot be read for one proposal is an answer; what would be so for the next one too is
 * thrown: an upstream that asks for a pause, an error of ours, a caller that gave up. `limit` ends with the time for the question.
 */
export async function powerOn(
  proposal: ProposalId,
  { voter, space }: { readonly voter: Address | null; readonly space: SpaceId },
  { hub, cache }: PowerDeps,
  { signal, limit }: { readonly signal: AbortSignal; readonly limit: AbortSignal },
): Promise<Power> {
  if (voter === null) return { kind: 'known', value: null };
  const kept = await cache.power(voter, proposal);
  if (kept !== null) return { kind: 'known', value: kept };
  try {
    const value = await hub.votingPower({ voter, space, proposal }, limit);
    cache.keepPower(voter, proposal, value);
    return { kind: 'known', value };
  } catch (thrown) {
    signal.throwIfAborted();
    if (limit.aborted) return { kind: 'unknown', why: LATE };
    const error = toQuorumError(thrown);
    if (error.category === 'rate_limited' || error.category === 'internal') throw error;
    return { kind: 'unknown', why: error.message };
  }
}
