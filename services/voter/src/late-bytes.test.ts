/** Signed bytes are bearer votes: what was sent and given up may arrive at any later time, and must lose then, whenever that is. */
import { expect, test } from 'vitest';
import { aHash } from '../../../packages/shared/test/samples.ts';
import { ballotOf, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();

/** The next request of this vote to the sequencer comes to nothing. */
const lose = (vote: VoteCase) =>
  stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503, body: '' });

/** A vote that was sent, and nobody knows whether it will arrive; its run has given up. */
async function aLostVote(vote: VoteCase): Promise<unknown> {
  await lose(vote);
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  return vote.sends().at(-1);
}

async function arrive(bytes: unknown): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(stand.sandbox().url, { method: 'POST', headers, body: JSON.stringify(bytes) });
  return `${response.status} ${await response.text()}`;
}

test('bytes of a voided vote that arrive before the one that takes its place lose to it all the same', async () => {
  const vote = await stand.aVote();
  const late = await aLostVote(vote);
  const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
  await lose(next);
  await expect(next.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  expect(await arrive(late)).toMatch(/^200/);
  expect(await next.vote()).toEqual({ kind: 'cast' });
  expect(await next.hubVote()).toMatchObject({ choice: 2 });
  expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: (await next.hubVote())?.id });
});

test('nor do they end a vote that is tried again, where they are what is read back', async () => {
  const vote = await stand.aVote();
  const late = await aLostVote(vote);
  const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
  const sequencer = {
    async submit() {
      expect(await arrive(late)).toMatch(/^200/);
      return { kind: 'unknown', why: 'the line was cut' } as const;
    },
  };
  await expect(next.deliver({ sequencer })).rejects.toMatchObject({ name: 'PostponeError' });
  expect(await next.vote()).toEqual({ kind: 'cast' });
  expect(await next.hubVote()).toMatchObject({ choice: 2 });
});

test('nor where the worker died after voiding them, before it reserved the vote that takes their place', async () => {
  const vote = await stand.aVote();
  const late = await aLostVote(vote);
  const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
  const reserve = async (input: Parameters<typeof next.deps.transitions.reserve>[0]) => {
    if ((await next.ledger())?.state === 'voided') throw new Error('killed');
    return next.deps.transitions.reserve(input);
  };
  await expect(next.deliver({ transitions: { ...next.deps.transitions, reserve } })).rejects.toThrow();
  expect(await next.ledger()).toMatchObject({ state: 'voided' });
  expect(await arrive(late)).toMatch(/^200/);
  expect(await next.vote()).toEqual({ kind: 'cast' });
  expect(await next.hubVote()).toMatchObject({ choice: 2 });
  expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: (await next.hubVote())?.id });
});

test('bytes of a revision that a later run takes back lose to what that run wants', async () => {
  const vote = await stand.aVote({ preferences: { revise_votes: true } });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  const revision = await vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
  const late = await aLostVote(revision);
  const next = await revision.nextRun({ ballot: ballotOf('basic', 1), decision: { inputs_hash: aHash() } });
  await next.vote();
  expect(await arrive(late)).not.toMatch(/^200/);
  expect(await next.hubVote()).toMatchObject({ choice: 1 });
  expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: (await next.hubVote())?.id });
});

test('a revision that may arrive is not forgotten where its owner wants none by now', async () => {
  const vote = await stand.aVote({ preferences: { revise_votes: true } });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  const revision = await vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
  const late = await aLostVote(revision);
  await revision.writePreferences({ revise_votes: false });
  const next = await revision.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } });
  expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
  expect(await arrive(late)).toMatch(/^200/);
  const again = await next.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } });
  await again.vote();
  expect(await again.ledger()).toMatchObject({ state: 'cast', vote_id: (await again.hubVote())?.id });
});
