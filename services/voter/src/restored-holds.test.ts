/** An older backup is put back in which a hold still waits: its owner is asked again, and may say something else than they did. */
import { keys } from '@quorum/shared/redis-keys';
import { holdIdOf } from '@quorum/shared/ids';
import { describe, expect, test } from 'vitest';
import { aHeldVote, answer, castHold, holdOf } from '../test/holds.ts';
import { ballotOf, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const another = { ballot: ballotOf('basic', 2), ballot_from: 'owner' } as const;

/** A hold, what is done to it, and the hold and the ledger as they were before that. */
async function restoredAfter(since: (vote: VoteCase) => Promise<unknown>): Promise<VoteCase> {
  const redis = stand.redis();
  const vote = await aHeldVote(stand);
  const id = holdIdOf(vote.runId, vote.proposal.id);
  const saved = `saved:${id}`;
  await redis.copy(keys.hold(id), saved);
  await since(vote);
  await redis.copy(saved, keys.hold(id), 'REPLACE');
  await redis.del(saved, keys.ledger(vote.voter, vote.space, vote.proposal.id));
  expect((await holdOf(vote)).state).toBe('waiting');
  return vote;
}

const approved = async (vote: VoteCase): Promise<void> => {
  await answer(vote);
  expect(await castHold(vote)).toBe('cast');
};

describe('a hold that waits again since a backup was put back', () => {
  test('and had been rejected is cast with the ballot that its owner chooses now', async () => {
    const vote = await restoredAfter(async (held) => {
      await answer(held, { answer: 'reject', ballot: null });
      expect(await castHold(held)).toBe('rejected');
    });
    await answer(vote, another);
    expect(await castHold(vote)).toBe('cast');
    expect((await vote.hubVote())?.choice).toBe(2);
    expect(vote.sends()).toHaveLength(1);
  });

  test('and had been cast finds that vote where its owner says the same, and sends nothing', async () => {
    const vote = await restoredAfter(approved);
    await answer(vote);
    expect(await castHold(vote)).toBe('cast');
    expect(vote.sends()).toHaveLength(1);
  });

  test('and had been cast is replaced where its owner chooses another ballot now', async () => {
    const vote = await restoredAfter(approved);
    const before = await vote.hubVote();
    await answer(vote, another);
    expect(await castHold(vote)).toBe('cast');
    const stands = await vote.hubVote();
    expect([before?.choice, stands?.choice]).toEqual([1, 2]);
    expect(stands?.created).toBeGreaterThan(before?.created ?? Infinity);
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: stands?.id });
    expect(vote.sends()).toHaveLength(2);
  });

  test('leaves the vote alone that its owner made by hand since', async () => {
    const vote = await restoredAfter((held) => held.ownerVotes(ballotOf('basic', 3)));
    await answer(vote, another);
    expect(await castHold(vote)).toBe('skipped');
    expect((await vote.hubVote())?.choice).toBe(3);
    expect(vote.sends()).toHaveLength(1);
  });
});
