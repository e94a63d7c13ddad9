/** A reason that its owner wants published no more is not, although the vote was reserved with it. */
import { preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import { keys } from '@quorum/shared/redis-keys';
import { PostponeError } from '@quorum/shared/run-worker';
import { expect, test } from 'vitest';
import { aHeldVote, answer, castHold, deliverHold, endRun } from '../test/holds.ts';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const FULL = { preferences: { publish_reason: 'full' }, decision: { public_reason: 'what a model wrote' } } as const;

/** No byte of what is sent next arrives. */
const lose = (vote: VoteCase): Promise<void> =>
  stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, cut: 'before' });

/** A vote with a reason, reserved and sent in vain. */
async function sentInVain(): Promise<VoteCase> {
  const vote = await stand.aVote(FULL);
  await lose(vote);
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

/** The next run of an owner who wants the template published by now. */
async function nextWithTemplate(vote: VoteCase, wishes: Readonly<Record<string, unknown>> = {}): Promise<VoteCase> {
  const now = { publish_reason: 'template', ...wishes };
  await vote.writePreferences(now);
  const preferences = UserPreferences.parse(now);
  const preferences_version = preferencesVersion(preferences);
  return vote.nextRun({
    opening: { preferences, preferences_version },
    decision: { preferences_version, public_reason: 'the template' },
  });
}

test('a hold that was approved withdraws its own reason, which a run that began after it leaves to it', async () => {
  const { preferences, decision } = FULL;
  const vote = await aHeldVote(stand, { preferences: { ...preferences, approval: 'always' }, decision });
  await answer(vote);
  await lose(vote);
  await expect(deliverHold(vote)).rejects.toBeInstanceOf(PostponeError);
  const first = await vote.ledger();
  const next = await nextWithTemplate(vote);
  expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
  expect(await vote.ledger()).toEqual(first);
  expect(await castHold(vote)).toBe('cast');
  expect(await vote.ledger()).toMatchObject({ state: 'cast', run_id: vote.runId });
  expect(await vote.hubVote()).toMatchObject({ choice: 1, reason: '' });
});

test('a hold leaves the reason of a run that began after its own, where as much is to be published', async () => {
  const { preferences, decision } = FULL;
  const vote = await aHeldVote(stand, { preferences: { ...preferences, approval: 'always' }, decision });
  const next = await nextWithTemplate(vote, preferences);
  await lose(next);
  await expect(next.deliver()).rejects.toBeInstanceOf(PostponeError);
  const newest = await next.ledger();
  expect(newest).toMatchObject({ state: 'reserved', run_id: next.runId });
  await answer(vote);
  expect(await castHold(vote)).toBe('cast');
  expect(await next.hubVote()).toMatchObject({ id: newest?.vote_id, reason: 'the template' });
});

test('a hold withdraws the reason of a run that began before its own', async () => {
  const vote = await sentInVain();
  const next = await nextWithTemplate(vote, { approval: 'always' });
  expect(await next.vote()).toEqual({ kind: 'held', why: 'approval_always' });
  await endRun(next);
  await answer(next);
  expect(await castHold(next)).toBe('cast');
  expect(await next.hubVote()).toMatchObject({ reason: 'the template' });
});
