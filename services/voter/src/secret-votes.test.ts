/** Secret (Shutter) votes against the sandbox's sequencer. `every-type.test.ts` has them for each voting type. */
import { createShutter } from '@quorum/snapshot/shutter';
import { describe, expect, test } from 'vitest';
import { EON_PUBLIC_KEY } from '../../../packages/sandbox/src/sequencer/shutter-keys.ts';
import { openChoice } from '../../../packages/snapshot/test/reveal.ts';
import { ballotOf, nowS, useStand } from '../test/stand.ts';
import { secretChoice } from './secret-choice.ts';

const stand = useStand();
const SECRET = { privacy: 'shutter' };

test('nothing else that is published tells the choice, or leads to it', async () => {
  const vote = await stand.aVote({ proposal: SECRET, decision: { public_reason: 'I voted For.' } });
  expect(await vote.vote()).toMatchObject({ kind: 'cast' });
  const row = await vote.hubVote();
  expect(row?.reason).toBe('');
  expect(row?.metadata['agent']).toBe(true);
  expect(row?.metadata).not.toHaveProperty('evidence');
  expect(JSON.stringify(vote.sends())).not.toMatch(/For|Against|Abstain/);
});

test('equal ballots of two voters have nothing in common', async () => {
  const [one, other] = [await stand.aVote({ proposal: SECRET }), await stand.aVote({ proposal: SECRET })];
  await one.vote();
  await other.vote();
  const first = String((await one.hubVote())?.choice);
  expect(String((await other.hubVote())?.choice)).not.toBe(first);
});

test('the ciphertext of a single choice is as long as that of any other, and another at another time', async () => {
  const vote = await stand.aVote({ proposal: SECRET });
  const { proposal, voter, deps } = vote;
  const { sealing } = deps;
  if (sealing === null) throw new Error('the stand seals');
  const seal = (first: number, timestamp: number): Promise<string> =>
    secretChoice({ voter, ballot: ballotOf('basic', first), timestamp }, proposal, sealing);
  const [one, again, later, other] = [await seal(1, 5), await seal(1, 5), await seal(1, 6), await seal(2, 5)];
  expect(again).toBe(one);
  expect(new Set([one, later, other]).size).toBe(3);
  expect(new Set([one, later, other].map((text) => text.length)).size).toBe(1);
});

test('a vote that must be sent again goes out in the same bytes', async () => {
  const vote = await stand.aVote({ type: 'weighted', proposal: SECRET });
  await stand.fault({ endpoint: 'sequencer', count: 2, match: { body_contains: vote.proposal.id }, status: 503 });
  expect(await vote.vote()).toMatchObject({ kind: 'cast' });
  const sends = vote.sends().map((body) => JSON.stringify(body));
  expect(sends).toHaveLength(3);
  expect(new Set(sends).size).toBe(1);
});

test('a vote that was stored although its answer was lost is found by its ciphertext', async () => {
  const vote = await stand.aVote({ proposal: SECRET });
  const match = { body_contains: vote.proposal.id };
  await stand.fault({ endpoint: 'sequencer', count: 1, match, status: 500, stored: true });
  expect(await vote.vote()).toEqual({ kind: 'cast', counted: 'unknown' });
  expect(vote.sends()).toHaveLength(1);
});

test('a hub that shows another ciphertext under our vote’s id is reported', async () => {
  const vote = await stand.aVote({ proposal: SECRET });
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  const entry = await vote.ledger();
  const { voter, space } = vote;
  const row = { id: entry?.vote_id, voter, created: entry?.created, space, proposal: vote.proposal.id };
  await stand.control('PATCH', 'world', { votes: [{ ...row, choice: `0x${'ab'.repeat(192)}` }] });
  expect(await vote.vote()).toEqual({ kind: 'failed', why: 'vote_rejected' });
  expect(await vote.security()).toEqual({ vote_differs: 1 });
});

test('the owner’s own secret vote is left alone', async () => {
  const vote = await stand.aVote({ proposal: SECRET });
  expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
  expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
  expect((await vote.record())?.detail).toBe('by your own hand');
});

test('a secret vote of ours that the ledger has forgotten is known by its code', async () => {
  const vote = await stand.aVote({ proposal: SECRET });
  await vote.vote();
  const next = await vote.nextRun();
  await stand.redis().del(...(await stand.redis().keys(`{quorum}:ledger:${vote.voter}:*`)));
  expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
  expect((await next.record())?.detail).toBe('by an earlier run');
});

test('another ballot by a newer run, where the first vote never arrived, is sealed anew', async () => {
  const first = await stand.aVote({ proposal: SECRET });
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: first.proposal.id }, status: 503 });
  await expect(first.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  const next = await first.nextRun({ ballot: ballotOf('basic', 3) });
  expect(await next.vote()).toMatchObject({ kind: 'cast' });
  const opened = await openChoice(String((await next.hubVote())?.choice), next.proposal.id);
  expect(opened).toBe(3);
});

describe('where it cannot be encrypted', () => {
  test('for want of a key, the setting is named', async () => {
    const vote = await stand.aVote({ proposal: SECRET });
    expect(await vote.vote({ sealing: null })).toEqual({ kind: 'skipped', why: 'not_allowed' });
    expect((await vote.record())?.detail).toMatch(/set SHUTTER_EON_PUBLIC_KEY/);
    expect(vote.sends()).toEqual([]);
  });

  test('for the id of the proposal, it is said', async () => {
    const vote = await stand.aVote({ proposal: { ...SECRET, id: `0x${nowS().toString(16)}` } });
    expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'not_allowed' });
    expect((await vote.record())?.detail).toMatch(/its id/);
  });
});

test('with another eon’s key than the vote was reserved under, the guard refuses rather than sign what it cannot build', async () => {
  const vote = await stand.aVote({ proposal: SECRET });
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  const other = createShutter(EON_PUBLIC_KEY);
  const sealing = { shutter: { ...other, eonPublicKey: `0x${'12'.repeat(128)}` }, key: vote.deps.voterKey };
  expect(await vote.vote({ sealing })).toEqual({ kind: 'failed', why: 'signing' });
  expect(await vote.security()).toEqual({ guard_refused: 1 });
  expect(await vote.ledger()).toMatchObject({ state: 'voided' });
});
