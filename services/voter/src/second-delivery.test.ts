/** A job that is delivered while it is still worked on: two workers at one vote, of which one dies, or hears late what the other did. */
import { keys } from '@quorum/shared/redis-keys';
import { expect, test } from 'vitest';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const postponed = { name: 'PostponeError' };
type Transitions = VoteCase['deps']['transitions'];

async function onSequencer(vote: VoteCase, fault: Readonly<Record<string, unknown>>): Promise<void> {
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, ...fault });
}

test('a vote that the other made anew is not called one of an earlier run', async () => {
  const vote = await stand.aVote();
  const settle: Transitions['settle'] = async () => {
    throw new Error('killed');
  };
  const sequencer = {
    async submit() {
      await onSequencer(vote, {
        status: 503,
        body: { error: 'client_error', error_description: 'update in progress, try later' },
      });
      await expect(vote.deliver()).rejects.toMatchObject(postponed);
      await expect(vote.deliver({ transitions: { ...vote.deps.transitions, settle } })).rejects.toThrow('killed');
      return { kind: 'unknown', why: 'the line was cut' } as const;
    },
  };
  await expect(vote.deliver({ sequencer })).rejects.toMatchObject({ ...postponed, message: /made this vote anew/ });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(2);
});

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
