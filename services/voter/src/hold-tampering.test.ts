/** Somebody writes into a hold: no vote that its owner did not approve, and the change is named. */
import { createHash, randomBytes } from 'node:crypto';
import type { HoldAnswer } from '@quorum/shared/hold';
import { keys } from '@quorum/shared/redis-keys';
import { sealAnswer } from '@quorum/shared/sealed-answer';
import { expect, test } from 'vitest';
import { anAnswerTo } from '../../../packages/shared/test/holds.ts';
import { aHash, anOwner, aProposalId, aSpace } from '../../../packages/shared/test/samples.ts';
import { newRunId } from '@quorum/shared/ids';
import { aHeldVote, answer, castHold, holdOf } from '../test/holds.ts';
import { ballotOf, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();

async function write(vote: VoteCase, fields: Record<string, string | number>): Promise<void> {
  await stand.redis().hset(keys.hold((await holdOf(vote)).subject.hold_id), fields);
}

async function refused(vote: VoteCase): Promise<void> {
  expect(await castHold(vote)).toBe('failed');
  expect((await holdOf(vote)).end).toMatchObject({ outcome: { kind: 'failed', why: 'signing' } });
  expect(Object.keys(await vote.security()).join()).toMatch(/^(answer_refused|decision_refused)$/);
  expect(vote.sends()).toEqual([]);
}

const anotherId = createHash('sha256').update(randomBytes(8)).digest('hex').slice(0, 32);

/** Each field of an answer, as somebody might change it. */
const CHANGES: Readonly<Record<keyof HoldAnswer, unknown>> = {
  hold_id: anotherId,
  owner: anOwner(),
  run_id: newRunId(),
  space_id: aSpace('other.eth'),
  proposal_id: aProposalId(),
  content_hash: aHash(),
  answer: 'reject',
  ballot: ballotOf('basic', 2),
  ballot_from: 'owner',
  by: 'somebody-else',
  answered_at: 1,
};

test.each(Object.entries(CHANGES))('an answer whose %s was altered is refused', async (field, value) => {
  const vote = await aHeldVote(stand);
  await answer(vote);
  const { answer: sealed } = await holdOf(vote);
  await write(vote, { answer: JSON.stringify({ ...sealed, answer: { ...sealed?.answer, [field]: value } }) });
  await refused(vote);
});

test('a hold that is called approved, and nobody approved it, is refused', async () => {
  const vote = await aHeldVote(stand);
  await write(vote, { state: 'approved' });
  await refused(vote);
});

test('an answer that another key sealed is refused', async () => {
  const vote = await aHeldVote(stand);
  const sealed = sealAnswer(anAnswerTo((await holdOf(vote)).subject), randomBytes(32));
  await write(vote, { state: 'approved', answer: JSON.stringify(sealed) });
  await refused(vote);
});

test('an answer to another hold of the same owner is refused', async () => {
  const vote = await aHeldVote(stand);
  await answer(vote);
  const { answer: sealed } = await holdOf(vote);
  const next = await vote.nextRun();
  await next.vote();
  await write(next, { state: 'approved', answer: JSON.stringify(sealed) });
  await refused(next);
});

test('a no that is called a yes is refused', async () => {
  const vote = await aHeldVote(stand);
  await answer(vote, { answer: 'reject', ballot: null });
  await write(vote, { state: 'approved' });
  await refused(vote);
});

test('a ballot that was shown to the owner and is not what was decided is refused', async () => {
  const vote = await aHeldVote(stand);
  const { subject } = await holdOf(vote);
  await write(vote, { subject: JSON.stringify({ ...subject, ballot: ballotOf('basic', 2) }) });
  await answer(vote);
  await refused(vote);
});

test('labels that were swapped before they were shown make no vote', async () => {
  const vote = await aHeldVote(stand);
  const swapped = { kind: 'single', choice: { index: 1, label: 'Against' } } as const;
  await answer(vote, { ballot: swapped, ballot_from: 'owner' });
  expect(await castHold(vote).catch(() => 'refused')).not.toBe('cast');
  expect(vote.sends()).toEqual([]);
});

test('a hold that is called one of a pause is still not cast without its owner', async () => {
  const vote = await aHeldVote(stand);
  await write(vote, { why: 'voting_paused' });
  expect(await castHold(vote)).toBe('waiting');
  expect((await holdOf(vote)).why).toBe('approval_always');
  expect(vote.sends()).toEqual([]);
});

test('a decision that was altered after it was held is refused, approved or not', async () => {
  const vote = await aHeldVote(stand);
  await answer(vote);
  const field = `decision:${vote.proposal.id}`;
  const text = (await stand.redis().hget(keys.run(vote.runId), field)) ?? '';
  await stand.redis().hset(keys.run(vote.runId), field, text.replace('"confidence":0.8', '"confidence":0.85'));
  await refused(vote);
});

test('a deadline that was moved does not outlast the proposal', async () => {
  const vote = await aHeldVote(stand);
  await answer(vote);
  await write(vote, { deadline: Date.now() + 9 * 24 * 60 * 60 * 1_000 });
  expect(await castHold(vote, { now: () => vote.proposal.end * 1_000 - 1_000 })).toBe('skipped');
  expect((await holdOf(vote)).end?.outcome).toEqual({ kind: 'skipped', why: 'closed' });
  expect(vote.sends()).toEqual([]);
});
