/** What the owner approved and what a run decided, of two ballots, on one proposal: the owner's word stands, and neither goes round. */
import { keys } from '@quorum/shared/redis-keys';
import { PostponeError } from '@quorum/shared/run-worker';
import { preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import { describe, expect, test } from 'vitest';
import { aHash } from '../../../packages/shared/test/samples.ts';
import { aHeldRevision, aHeldVote, answer, castHold, deliverHold, endRun, holdOf } from '../test/holds.ts';
import { ballotOf, DAY_S, nowS, useStand, type Given, type VoteCase } from '../test/stand.ts';
import { OLDEST_S } from './dating.ts';
import { BY_APPROVAL } from './owners-word.ts';

const stand = useStand();
const ALREADY = { kind: 'skipped', why: 'already_voted' } as const;
const REFUSED = { status: 400, body: { error: 'client_error', error_description: 'failed vote validation' } };
const MAINTENANCE = {
  status: 503,
  body: { error: 'client_error', error_description: 'update in progress, try later' },
};

/** A vote for the first choice, of which its owner is asked; the runs after it are not. */
const anAsked = (given: Given = {}): Promise<VoteCase> =>
  aHeldVote(stand, { preferences: { approval: 'when_unsure' }, decision: { executable: true }, ...given });

/** A run after it that decided on the second choice. */
const decidedOtherwise = (vote: VoteCase): Promise<VoteCase> =>
  vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });

/** A run after it, of whose decision its owner is asked. */
async function askedLater(vote: VoteCase, choice = 2): Promise<VoteCase> {
  const decision = { inputs_hash: aHash(), executable: true };
  const later = await vote.nextRun({ ballot: ballotOf('basic', choice), decision });
  expect(await later.vote()).toEqual({ kind: 'held', why: 'executable' });
  await endRun(later);
  return later;
}

/** What its owner approves, so long after what they approved before. */
async function approveAfter(before: VoteCase, later: VoteCase, afterMs = 1): Promise<void> {
  const answered_at = ((await holdOf(before)).answer?.answer.answered_at ?? 0) + afterMs;
  expect(await answer(later, { answered_at })).toEqual({ kind: 'done', state: 'approved' });
}

/** A run after it whose decision its owner approves, later. */
async function approvedLater(vote: VoteCase, afterMs = 1, choice = 2): Promise<VoteCase> {
  const later = await askedLater(vote, choice);
  await approveAfter(vote, later, afterMs);
  return later;
}

/** A run cast the first choice; its owner approved the second and, later, the first, and voting is paused. */
async function approvedWhilePaused(): Promise<{ readonly vote: VoteCase; readonly later: VoteCase }> {
  const first = await stand.aVote({ preferences: { approval: 'when_unsure' } });
  expect(await first.vote()).toEqual({ kind: 'cast' });
  const vote = await askedLater(first);
  await answer(vote);
  await stand.redis().set(keys.votingOwner(vote.owner), 'paused');
  expect(await deliverHold(vote)).toBe('approved');
  return { vote, later: await approvedLater(vote, 1, 1) };
}

const onSequencer = (vote: VoteCase, fault: Readonly<Record<string, unknown>>): Promise<void> =>
  stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, ...fault });

/** Sends it, and nobody knows whether it will arrive. */
async function sendInVain(vote: VoteCase, deliver: () => Promise<unknown>): Promise<void> {
  await onSequencer(vote, { status: 503, body: '' });
  await expect(deliver()).rejects.toBeInstanceOf(PostponeError);
  expect(await vote.ledger()).toMatchObject({ state: 'reserved', run_id: vote.runId, sends: 1 });
}

async function arrive(bytes: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const sent = await fetch(stand.sandbox().url, { method: 'POST', headers, body: JSON.stringify(bytes) });
  expect(sent.status).toBe(200);
}

/** This run ends with nothing of its own: the ledger is as it was, and its owner is told why. */
async function givesWay(next: VoteCase): Promise<void> {
  const before = await next.ledger();
  const sent = next.sends().length;
  expect(await next.vote()).toEqual(ALREADY);
  expect((await next.record())?.detail).toBe(BY_APPROVAL);
  expect(await next.ledger()).toEqual(before);
  expect(next.sends()).toHaveLength(sent);
}

async function expectStands(vote: VoteCase, choice: number): Promise<void> {
  const stands = await vote.hubVote();
  expect(stands?.choice).toBe(choice);
  expect(await vote.ledger()).toMatchObject({ state: 'cast', run_id: vote.runId, vote_id: stands?.id });
}

describe('a vote that its owner approved', () => {
  test('and that was sent in vain is not voided by a newer run', async () => {
    const vote = await anAsked();
    await answer(vote);
    await sendInVain(vote, () => deliverHold(vote));
    await givesWay(await decidedOtherwise(vote));
    expect(await castHold(vote)).toBe('cast');
    await expectStands(vote, 1);
  });

  test('takes the place of one that a newer run has sent in vain, which does not take it back', async () => {
    const vote = await anAsked();
    const next = await decidedOtherwise(vote);
    await sendInVain(next, next.deliver);
    await answer(vote);
    await sendInVain(vote, () => deliverHold(vote));
    await givesWay(next);
    expect(await castHold(vote)).toBe('cast');
    await expectStands(vote, 1);
    expect((await vote.audit()).filter((kind) => kind === 'voided')).toHaveLength(1);
  });

  test('replaces one of a newer run that was sent and stands, though nobody had read it back', async () => {
    const vote = await anAsked();
    const next = await decidedOtherwise(vote);
    await sendInVain(next, next.deliver);
    await arrive(next.sends().at(-1));
    await answer(vote);
    expect(await castHold(vote)).toBe('cast');
    await expectStands(vote, 1);
    await givesWay(next);
  });

  test('is waited for while the sequencer lets it be made anew', async () => {
    const vote = await anAsked();
    await answer(vote);
    await onSequencer(vote, MAINTENANCE);
    await expect(deliverHold(vote)).rejects.toBeInstanceOf(PostponeError);
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
    await givesWay(await decidedOtherwise(vote));
    expect(await castHold(vote)).toBe('cast');
    await expectStands(vote, 1);
  });

  test('and that is soon too old for the sequencer is dated anew by its hold, and not by a run that decided as much', async () => {
    const old = { type: 'basic', proposal: { start: nowS() - 8 * DAY_S, end: nowS() + DAY_S } } as const;
    const vote = await anAsked(old);
    await answer(vote);
    const settings = { ...vote.deps.settings, backdateS: OLDEST_S + 60 };
    await sendInVain(vote, () => deliverHold(vote, { settings }));
    await givesWay(await vote.nextRun());
    expect(await castHold(vote)).toBe('cast');
    await expectStands(vote, 1);
  });

  test.each([0, 1])('is not called off by a run that wants the vote before it to stand, sent: %s', async (sends) => {
    const vote = await aHeldRevision(stand);
    await answer(vote);
    if (sends === 1) await sendInVain(vote, () => deliverHold(vote));
    const allowance = { ...vote.deps.allowance, take: async () => 1_000 };
    await expect(deliverHold(vote, { allowance })).rejects.toBeInstanceOf(PostponeError);
    expect(await vote.ledger()).toMatchObject({ state: 'reserved', run_id: vote.runId, sends });
    await givesWay(await vote.nextRun({ ballot: ballotOf('basic', 1), decision: { inputs_hash: aHash() } }));
    expect(await castHold(vote)).toBe('cast');
    await expectStands(vote, 2);
  });

  test('and that is not cast yet lets its owner still be asked about another: a run that gives way to it has not voted', async () => {
    const vote = await anAsked();
    await answer(vote);
    await sendInVain(vote, () => deliverHold(vote));
    const asked = await askedLater(vote);
    await givesWay(await asked.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } }));
    expect((await holdOf(asked)).state).toBe('waiting');
    await approveAfter(vote, asked);
    expect(await castHold(asked)).toBe('cast');
    await expectStands(asked, 2);
  });

  test.each([
    ['as they are', {}],
    ['changed since', { instructions: 'Spend nothing.' }],
  ])('and that was cast is revised by no decision, its owner’s preferences %s', async (_name, changed) => {
    const wishes = { approval: 'when_unsure', revise_votes: true };
    const vote = await anAsked({ preferences: wishes });
    await answer(vote);
    expect(await castHold(vote)).toBe('cast');
    const now = { ...wishes, ...changed };
    await vote.writePreferences(now);
    const preferences = UserPreferences.parse(now);
    const preferences_version = preferencesVersion(preferences);
    const next = await vote.nextRun({
      ballot: ballotOf('basic', 2),
      opening: { preferences, preferences_version },
      decision: { preferences_version, inputs_hash: aHash() },
    });
    await givesWay(next);
    await expectStands(vote, 1);
  });
});

describe('of two that its owner approved', () => {
  test('the later one takes the place of the one before, which does not take it back', async () => {
    const vote = await anAsked();
    await answer(vote);
    await sendInVain(vote, () => deliverHold(vote));
    const later = await approvedLater(vote);
    await sendInVain(later, () => deliverHold(later));
    expect(await castHold(vote)).toBe('skipped');
    expect((await holdOf(vote)).end).toMatchObject({ outcome: ALREADY, detail: BY_APPROVAL });
    expect(await castHold(later)).toBe('cast');
    await expectStands(later, 2);
  });

  test('the later one replaces the one before once that is cast, and is replaced by it no more', async () => {
    const vote = await anAsked();
    await answer(vote);
    const later = await approvedLater(vote);
    expect(await castHold(later)).toBe('cast');
    expect(await castHold(vote)).toBe('skipped');
    await expectStands(later, 2);
  });

  test('the one before does not replace the vote of a run that the later one found to say what it says', async () => {
    const { vote, later } = await approvedWhilePaused();
    expect(await deliverHold(later)).toBe('skipped');
    await stand.redis().set(keys.votingOwner(vote.owner), 'enabled');
    expect(await castHold(vote)).toBe('skipped');
    expect((await holdOf(vote)).end).toMatchObject({ outcome: ALREADY, detail: BY_APPROVAL });
    expect((await vote.hubVote())?.choice).toBe(1);
    expect(vote.sends()).toHaveLength(1);
  });

  test.each(['failed', 'expired', 'altered'])('the one before is cast where the later one is %s', async (how) => {
    const { vote, later } = await approvedWhilePaused();
    const key = keys.hold((await holdOf(later)).subject.hold_id);
    const { answer: sealed } = await holdOf(later);
    const altered = { ...sealed, answer: { ...sealed?.answer, by: 'somebody else' } };
    await stand.redis().hset(key, how === 'altered' ? { answer: JSON.stringify(altered) } : { state: how });
    await stand.redis().set(keys.votingOwner(vote.owner), 'enabled');
    expect(await castHold(vote)).toBe('cast');
    await expectStands(vote, 2);
  });

  test('in the same millisecond the one that stands stays', async () => {
    const vote = await anAsked();
    await answer(vote);
    const later = await approvedLater(vote, 0);
    await sendInVain(vote, () => deliverHold(vote));
    expect(await castHold(later)).toBe('skipped');
    expect(await castHold(vote)).toBe('cast');
    await expectStands(vote, 1);
  });
});

describe('a newer run', () => {
  test('casts what it decided where the answer was altered after it was given: nobody knows what the owner said', async () => {
    const vote = await anAsked();
    await answer(vote);
    await sendInVain(vote, () => deliverHold(vote));
    const { subject, answer: sealed } = await holdOf(vote);
    const altered = { ...sealed, answer: { ...sealed?.answer, answered_at: Date.now() + 1 } };
    await stand.redis().hset(keys.hold(subject.hold_id), { answer: JSON.stringify(altered) });
    const next = await decidedOtherwise(vote);
    expect(await next.vote()).toEqual({ kind: 'cast' });
    await expectStands(next, 2);
  });

  test('casts what it decided where the vote that was approved has come to nothing', async () => {
    const vote = await anAsked();
    await answer(vote);
    await onSequencer(vote, REFUSED);
    expect(await castHold(vote)).toBe('failed');
    const next = await decidedOtherwise(vote);
    expect(await next.vote()).toEqual({ kind: 'cast' });
    await expectStands(next, 2);
  });

  test('says that the owner voted by hand, be it against what they approved', async () => {
    const vote = await anAsked();
    await answer(vote);
    await sendInVain(vote, () => deliverHold(vote));
    expect(await vote.ownerVotes(ballotOf('basic', 3))).toMatch(/^200/);
    const next = await decidedOtherwise(vote);
    expect(await next.vote()).toEqual(ALREADY);
    expect((await next.record())?.detail).toBe('by your own hand');
    expect(await castHold(vote)).toBe('skipped');
    expect((await vote.hubVote())?.choice).toBe(3);
  });
});
