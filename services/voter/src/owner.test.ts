/** The owner always wins, whatever the order of arrival. */
import { describe, expect, test } from 'vitest';
import { ballotOf, nowS, until, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();

async function slowSequencer(vote: VoteCase, fault: Readonly<Record<string, unknown>> = {}): Promise<void> {
  // By the app's name: the owner's own vote on the same proposal is not held up.
  const match = { body_contains: '"app":"quorum"' };
  await stand.fault({ endpoint: 'sequencer', count: 1, match, latency_ms: 1_500, ...fault });
  expect(vote.sends()).toEqual([]);
}

describe.each([
  { kind: 'alias', start: -3 * 86_400 },
  { kind: 'own_key', start: -3 * 86_400 },
  { kind: 'alias', start: -60 },
] as const)('signing with $kind on a proposal that opened $start s ago, the owner votes by hand', ({ kind, start }) => {
  const given = { kind, proposal: { start: nowS() + start } };

  test('while our vote is under way, and arrives first', async () => {
    const vote = await stand.aVote(given);
    await slowSequencer(vote);
    const outcome = vote.vote();
    await until('our vote to be sent', () => vote.sends().length === 1);
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    expect(await outcome).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await vote.record())?.detail).toBe('by your own hand');
    expect((await vote.hubVote())?.choice).toBe(2);
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
  });

  test('while our vote is under way, and arrives second', async () => {
    const vote = await stand.aVote(given);
    await slowSequencer(vote, { latency_ms: 0 });
    // Between our vote's arrival and our reading it back.
    await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: 'query Alias' }, latency_ms: 1_500 });
    if (kind === 'own_key') await stand.control('DELETE', 'faults');
    const outcome = vote.vote();
    await until('our vote to be stored', () =>
      stand.sandbox().world.votes.some(({ proposal }) => proposal === vote.proposal.id),
    );
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    await outcome;
    expect((await vote.hubVote())?.choice).toBe(2);
    expect((await vote.nextRun()).sends()).toHaveLength(2);
  });

  test('after our vote was cast', async () => {
    const vote = await stand.aVote(given);
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    expect((await vote.hubVote())?.choice).toBe(2);
  });
});

test('the owner’s vote between our acceptance and our reading back is what the outcome says', async () => {
  const vote = await stand.aVote();
  await slowSequencer(vote);
  const outcome = vote.vote();
  await until('our vote to be sent', () => vote.sends().length === 1);
  await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: 'query Votes' }, latency_ms: 1_500 });
  await until('our vote to be stored', () =>
    stand.sandbox().world.votes.some(({ proposal }) => proposal === vote.proposal.id),
  );
  expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
  expect(await outcome).toEqual({ kind: 'skipped', why: 'already_voted' });
  expect((await vote.hubVote())?.choice).toBe(2);
  expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'another vote stands' });
});

test('the owner’s vote while our intent waits for another try ends it and voids the intent', async () => {
  const vote = await stand.aVote();
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
  expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
  expect(vote.sends()).toHaveLength(2);
  expect(await vote.ledger()).toMatchObject({ state: 'voided' });
});
