/** A vote that was begun, and whose run was ended before it was over: it is cast, and its owner hears so. */
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { PostponeError } from '@quorum/shared/run-worker';
import { expect, test } from 'vitest';
import { aResponse } from '../../../packages/shared/test/samples.ts';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();

/** Its first try was in vain: it waits for the next. */
async function aBegunVote(): Promise<VoteCase> {
  const vote = await stand.aVote();
  const match = { body_contains: vote.proposal.id };
  await stand.fault({ endpoint: 'sequencer', count: 1, match, status: 503, body: '' });
  await expect(vote.deliver()).rejects.toBeInstanceOf(PostponeError);
  return vote;
}

/** Ends its run as the watchdog does: without this vote in what it says. */
async function endAsFailed({ owner, runId, space, deps }: VoteCase): Promise<void> {
  const response = aResponse(runId, { space_id: space, status: 'failed' });
  await deps.transitions.finish({ owner, dryRun: false }, response, Date.now());
}

const isTold = async ({ owner, proposal, runId }: VoteCase): Promise<boolean> =>
  (await stand.redis().exists(`${BULL_PREFIX}:notify:settled_later-${owner}-${proposal.id}-${runId}`)) === 1;

test('a vote of a run that has failed since is cast, and told as one that came out otherwise', async () => {
  const vote = await aBegunVote();
  await endAsFailed(vote);
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(await isTold(vote)).toBe(true);
});

test('and that its owner made by hand meanwhile is not: there is no vote of ours', async () => {
  const vote = await aBegunVote();
  await endAsFailed(vote);
  expect(await vote.ownerVotes({ kind: 'single', choice: { index: 2, label: 'Against' } })).toMatch(/^200/);
  expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
  expect(await isTold(vote)).toBe(false);
});

test.each(['is under way', 'was cancelled'])(
  'a vote of a run that %s is in its result: nothing is told',
  async (how) => {
    const vote = await aBegunVote();
    if (how === 'was cancelled') await vote.cancel();
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(await isTold(vote)).toBe(false);
  },
);
