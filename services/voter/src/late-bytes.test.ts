/** Signed bytes are bearer votes: what was sent and given up may arrive at any later time, and must lose then, whenever that is. */
import { describe, expect, test } from 'vitest';
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

/** The sequencer says that it is in maintenance, and takes the same bytes later. */
const maintenance = (vote: VoteCase) =>
  stand.fault({
    endpoint: 'sequencer',
    count: 1,
    match: { body_contains: vote.proposal.id },
    status: 503,
    body: { error: 'client_error', error_description: 'update in progress, try later' },
  });

/** Sends the vote of this run so often, each time in vain, and each time it is voided. Returns what was sent, oldest first. */
async function voidedVotes(vote: VoteCase, times: number): Promise<unknown[]> {
  const before = vote.sends().length;
  for (let at = 0; at < times; at += 1) {
    await maintenance(vote);
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await vote.ledger()).not.toMatchObject({ state: 'reserved' });
  }
  return vote.sends().slice(before);
}

async function arrive(bytes: unknown): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(stand.sandbox().url, { method: 'POST', headers, body: JSON.stringify(bytes) });
  return `${response.status} ${await response.text()}`;
}

/** What is wanted now is cast, and stands in the ledger as it does on the hub. */
async function castsTheSecond(next: Awaited<ReturnType<typeof stand.aVote>>): Promise<void> {
  expect(await next.vote()).toEqual({ kind: 'cast' });
  expect(await next.hubVote()).toMatchObject({ choice: 2 });
  expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: (await next.hubVote())?.id });
}

test('bytes of a voided vote that arrive before the one that takes its place lose to it all the same', async () => {
  const vote = await stand.aVote();
  const late = await aLostVote(vote);
  const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
  await lose(next);
  await expect(next.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  expect(await arrive(late)).toMatch(/^200/);
  await castsTheSecond(next);
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
  await castsTheSecond(next);
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

describe('bytes of a vote that was voided before the last one', () => {
  test('lose to what a newer decision says', async () => {
    const vote = await stand.aVote();
    const late = await aLostVote(vote);
    const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
    await voidedVotes(next, 1);
    expect(await arrive(late)).toMatch(/^200/);
    await castsTheSecond(next);
  });

  test('do not keep their own run from casting its vote', async () => {
    const vote = await stand.aVote();
    const [late] = await voidedVotes(vote, 2);
    expect(await arrive(late)).toMatch(/^200/);
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: (await vote.hubVote())?.id });
  });

  test('are not mistaken for the vote that the owner made by hand, whenever that is dated', async () => {
    const vote = await stand.aVote();
    await voidedVotes(vote, 2);
    expect(await vote.ownerVotes(ballotOf('basic', 3), vote.proposal.start + 1)).toMatch(/^200/);
    expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await vote.record())?.detail).toBe('by your own hand');
    expect(vote.sends()).toHaveLength(3);
    expect(await vote.hubVote()).toMatchObject({ choice: 3 });
  });
});

describe('bytes of a revision that was voided', () => {
  /** A vote for the first choice that stands, and a run that decided for the second. */
  async function aRevision(): Promise<VoteCase> {
    const vote = await stand.aVote({ preferences: { revise_votes: true } });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    return vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
  }

  test.each([
    ['alone', 1],
    ['and another after it', 2],
  ])('lose to the revision, and nobody is alarmed: %s', async (_name, times) => {
    const revision = await aRevision();
    const [late] = await voidedVotes(revision, times);
    expect(await arrive(late)).toMatch(/^200/);
    expect(await revision.vote()).toEqual({ kind: 'cast' });
    expect(await revision.hubVote()).toMatchObject({ choice: 2 });
    expect(await revision.ledger()).toMatchObject({ state: 'cast', vote_id: (await revision.hubVote())?.id });
    expect(await revision.security()).toEqual({});
  });

  test.each([1, 3])('lose to what a later run wants, be it the vote before: %s', async (first) => {
    const revision = await aRevision();
    const [late] = await voidedVotes(revision, 2);
    expect(await arrive(late)).toMatch(/^200/);
    const next = await revision.nextRun({ ballot: ballotOf('basic', first), decision: { inputs_hash: aHash() } });
    expect(await next.vote()).toEqual({ kind: 'cast' });
    expect(await next.hubVote()).toMatchObject({ choice: first });
    expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: (await next.hubVote())?.id });
    expect(await next.security()).toEqual({});
  });

  test('stand where the owner wants no revision by now: nothing is signed, and the ledger says what stands', async () => {
    const revision = await aRevision();
    const [late] = await voidedVotes(revision, 1);
    expect(await arrive(late)).toMatch(/^200/);
    await revision.writePreferences({ revise_votes: false });
    const next = await revision.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } });
    const sent = next.sends().length;
    expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect(next.sends()).toHaveLength(sent);
    expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: (await next.hubVote())?.id });
    expect(await next.security()).toEqual({});

    await next.writePreferences({ revise_votes: true });
    const later = await next.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } });
    expect(await later.vote()).toEqual({ kind: 'cast' });
    expect(await later.hubVote()).toMatchObject({ choice: 3 });
  });

  test('stand likewise while another revision is reserved', async () => {
    const revision = await aRevision();
    const [late] = await voidedVotes(revision, 1);
    await aLostVote(revision);
    expect(await arrive(late)).toMatch(/^200/);
    await revision.writePreferences({ revise_votes: false });
    const next = await revision.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } });
    const sent = next.sends().length;
    expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect(next.sends()).toHaveLength(sent);
    expect(await next.hubVote()).toMatchObject({ choice: 2 });
  });
});
