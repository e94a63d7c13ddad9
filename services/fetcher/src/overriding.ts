/**
 * Whether a first vote on a proposal takes power back from a delegate: so it does under strategies that the hub marks. The owner may
 * not know that they have a delegate who would vote, so more agreement is asked for (the decider's stakes).
 */
import { toQuorumError } from '@quorum/shared/errors';
import type { HubCache } from '@quorum/shared/hub-cache';
import type { Logger } from '@quorum/shared/log';
import type { Hub } from '@quorum/snapshot/hub';
import type { Proposal } from '@quorum/snapshot/proposal';

export type OverridingDeps = {
  readonly hub: Hub;
  readonly cache: Pick<HubCache<unknown>, 'overriding' | 'keepOverriding'>;
  readonly log: Logger;
};

/**
 * A judge of proposals, by the names that were kept, or are by now, or else those that the hub gives. Where the hub does not say which strategies
 * those are, every vote may take power back. What would be so for the next question too is thrown, as by `powerOn`.
 */
export async function takingPowerBack(
  kept: ReadonlySet<string> | null,
  { hub, cache, log }: OverridingDeps,
  signal: AbortSignal,
): Promise<(proposal: Pick<Proposal, 'strategies'>) => boolean> {
  const names = kept ?? (await cache.overriding());
  if (names !== null) return by(names);
  try {
    const asked = await hub.overridingStrategies(signal);
    await cache.keepOverriding(asked);
    return by(asked);
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toQuorumError(thrown);
    if (error.category === 'rate_limited' || error.category === 'internal') throw error;
    log.warn({ err: thrown }, 'strategies cannot be read: each vote counts as one that takes power back');
    return () => true;
  }
}

function by(names: ReadonlySet<string>): (proposal: Pick<Proposal, 'strategies'>) => boolean {
  return ({ strategies }) => strategies.some(({ name }) => names.has(name.toLowerCase()));
}
