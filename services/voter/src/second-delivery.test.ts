/** A job that is delivered while it is still worked on: two workers at one vote, of which one dies, or hears late what the other did. */
import { keys } from '@quorum/shared/redis-keys';
import { expect, test } from 'vitest';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
type Transitions = VoteCase['deps']['transitions'];

test('a vote that the other took up from the hub is told by that one alone', async () => {
  const vote = await stand.aVote();
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  await stand.redis().del(keys.ledger(vote.voter, vote.space, vote.proposal.id));
  await stand.redis().hdel(keys.run(vote.runId), `outcome:${vote.proposal.id}`);
  const adopt: Transitions['adopt'] = async (input) => {
    await vote.deps.transitions.adopt({ ...input, nowMs: input.nowMs - 1 });
    return vote.deps.transitions.adopt(input);
  };
  expect(await vote.vote({ transitions: { ...vote.deps.transitions, adopt } })).toEqual({ kind: 'cast' });
  expect(await vote.audit()).toEqual(['reserved', 'sending', 'accepted', 'cast', 'adopted']);
  expect(await vote.security()).toEqual({});
});
