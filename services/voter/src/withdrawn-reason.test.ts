/** A reason that its owner wants published no more is not, although the vote was reserved with it. */
import { preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import { keys } from '@quorum/shared/redis-keys';
import { PostponeError } from '@quorum/shared/run-worker';
import { expect, test } from 'vitest';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const FULL = { preferences: { publish_reason: 'full' }, decision: { public_reason: 'what a model wrote' } } as const;

/** A vote with a reason, reserved and sent in vain: no byte of it arrived. */
async function sentInVain(): Promise<VoteCase> {
  const vote = await stand.aVote(FULL);
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, cut: 'before' });
  await expect(vote.deliver()).rejects.toBeInstanceOf(PostponeError);
  expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 1 });
  return vote;
}

test.each(['none', 'template'])('%s, written before the next try', async (publish_reason) => {
  const vote = await sentInVain();
  const first = await vote.ledger();
  await vote.writePreferences({ publish_reason });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(await vote.hubVote()).toMatchObject({ choice: 1, reason: '' });
  // Dated later: the bytes that were sent before lose to it.
  expect((await vote.ledger())?.created).toBeGreaterThan(first?.created ?? Infinity);
  expect(await vote.audit()).toEqual(['reserved', 'sending', 'voided', 'reserved', 'sending', 'accepted', 'cast']);
});

test('another reason, of a run that began under other preferences', async () => {
  const vote = await sentInVain();
  const preferences_version = preferencesVersion(UserPreferences.parse({ publish_reason: 'template' }));
  await stand.redis().hset(keys.ledger(vote.voter, vote.space, vote.proposal.id), { preferences_version });
  const next = await vote.nextRun({ decision: { public_reason: 'the template' } });
  expect(await next.vote()).toEqual({ kind: 'cast' });
  expect((await next.hubVote())?.reason).toBe('the template');
});

test('and one that is as it was is sent again, byte for byte', async () => {
  const vote = await sentInVain();
  const first = await vote.ledger();
  const next = await vote.nextRun({ decision: { public_reason: 'what a model wrote in another run' } });
  expect(await next.vote()).toEqual({ kind: 'cast' });
  expect(await next.hubVote()).toMatchObject({ id: first?.vote_id, reason: 'what a model wrote' });
});
