/** The sequencer and the hub at their worst: whatever they do, one vote is stored in the end, and the outcome says so. */
import { createPacking } from '@quorum/shared/packed-run';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { describe, expect, test } from 'vitest';
import { aHeldVote, answer, castHold, deliverHold } from '../test/holds.ts';
import { ballotOf, DAY_S, nowS, until, useStand, type VoteCase } from '../test/stand.ts';
import { z } from 'zod';

const stand = useStand();

async function onSequencer(vote: VoteCase, fault: Readonly<Record<string, unknown>>): Promise<void> {
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, ...fault });
}

async function onVotesQuery(vote: VoteCase, fault: Readonly<Record<string, unknown>>): Promise<void> {
  await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: 'query Votes' }, ...fault });
  expect(vote.sends()).toEqual([]);
}

async function expectOneVote(vote: VoteCase): Promise<void> {
  const stored = stand.sandbox().world.votes.filter(({ proposal }) => proposal === vote.proposal.id);
  expect(stored).toHaveLength(1);
  expect(stored[0]?.choice).toBe(1);
  const messages = stand.sandbox().world.messages.filter(({ id }) => id === stored[0]?.id);
  expect(messages).toHaveLength(1);
  expect(new Set(vote.sends().map((body) => JSON.stringify(body))).size, 'the same bytes each time').toBe(1);
  expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: stored[0]?.id });
}

/** The vote was put off for the first time at this moment, Unix milliseconds. */
async function triedBefore(vote: VoteCase, atMs: number): Promise<void> {
  await vote.deps.records.firstPutOff(vote.runId, vote.proposal.id, atMs);
}

/** When what the sequencer was sent of this vote is dated, in the order of sending. */
function datesOf(vote: VoteCase): number[] {
  const Sent = z.object({ data: z.object({ message: z.object({ timestamp: z.int() }) }) });
  return vote.sends().map((body) => Sent.parse(body).data.message.timestamp);
}

const unavailable = { error: 'client_error', error_description: 'oops' };

describe.each([
  { what: 'answers 500 after storing', fault: { status: 500, stored: true }, sends: 1 },
  {
    what: 'answers 500 with an object after storing',
    fault: { status: 500, stored: true, body: { error: 'client_error', error_description: { code: 1 } } },
    sends: 1,
  },
  { what: 'answers 500 without storing', fault: { status: 500, body: unavailable }, sends: 2 },
  { what: 'cuts the line before storing', fault: { cut: 'before' }, sends: 2 },
  { what: 'cuts the line after storing', fault: { cut: 'after' }, sends: 1 },
  {
    what: 'is already at work on it (425)',
    fault: { status: 425, body: { error: 'client_error', error_description: 'request already being processed' } },
    sends: 2,
  },
  { what: 'asks for patience (429)', fault: { status: 429, headers: { 'retry-after': '1' } }, sends: 2 },
  {
    what: 'cannot ask for the voting power',
    fault: { status: 400, body: { error: 'client_error', error_description: 'failed to check voting power' } },
    sends: 2,
  },
  {
    what: 'cannot pin it',
    fault: { status: 400, body: { error: 'client_error', error_description: 'pinning failed' } },
    sends: 2,
  },
  {
    what: 'says duplicate although it has stored nothing',
    fault: { status: 400, body: { error: 'client_error', error_description: 'duplicate message' } },
    sends: 2,
  },
  {
    what: 'refuses for good what it has stored',
    fault: { status: 400, stored: true, body: { error: 'client_error', error_description: 'no voting power' } },
    sends: 1,
  },
])('a sequencer that $what', ({ fault, sends }) => {
  test('ends in one stored vote, found by reading back', async () => {
    const vote = await stand.aVote();
    await onSequencer(vote, fault);
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(vote.sends()).toHaveLength(sends);
    await expectOneVote(vote);
  });
});

test('a Retry-After is honoured', async () => {
  const vote = await stand.aVote();
  await onSequencer(vote, { status: 429, headers: { 'retry-after': '7' } });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError', delayMs: 7_000 });
});

describe.each([
  { said: 'not in voting window', outcome: { kind: 'skipped', why: 'closed' } },
  { said: 'no voting power', outcome: { kind: 'skipped', why: 'no_voting_power' } },
  { said: 'already voted at later time', outcome: { kind: 'skipped', why: 'already_voted' } },
  { said: 'wrong alias', outcome: { kind: 'failed', why: 'signing' } },
  { said: 'signature validation failed', outcome: { kind: 'failed', why: 'signing' } },
  { said: 'invalid choice', outcome: { kind: 'failed', why: 'vote_rejected' } },
  { said: 'failed vote validation', outcome: { kind: 'failed', why: 'vote_rejected' } },
  { said: 'wrong envelope format', outcome: { kind: 'failed', why: 'vote_rejected' } },
  { said: 'wrong timestamp', outcome: { kind: 'failed', why: 'vote_rejected' } },
  { said: 'something nobody has heard of', outcome: { kind: 'failed', why: 'vote_rejected' } },
])('a refusal for good, "$said"', ({ said, outcome }) => {
  test(`ends as ${outcome.kind}: ${outcome.why} and voids the intent`, async () => {
    const vote = await stand.aVote();
    await onSequencer(vote, { status: 400, body: { error: 'client_error', error_description: said } });
    expect(await vote.vote()).toEqual(outcome);
    expect(vote.sends()).toHaveLength(1);
    expect(await vote.ledger()).toMatchObject({ state: 'voided', why: said });
    expect(await vote.audit()).toEqual(['reserved', 'sending', 'voided']);
  });
});

describe('a hub that is away', () => {
  test('in the pre-flight postpones, and is a failure once the window is over', async () => {
    const vote = await stand.aVote();
    const away = { endpoint: 'hub', count: 3, match: { body_contains: vote.proposal.id }, status: 503 };
    await stand.fault(away);
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    const late = (): number => Date.now() + 901_000;
    await stand.fault({ ...away, count: 100 });
    expect(await vote.deliver({ now: late })).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
    expect(vote.sends()).toEqual([]);
    expect(await vote.ledger()).toBeNull();
  });

  test('when the vote was just accepted costs nothing but time: it is read back later', async () => {
    const vote = await stand.aVote();
    // The first question is the pre-flight's, the second one reads back.
    await onSequencer(vote, { latency_ms: 1_500 });
    const first = vote.deliver();
    first.catch(() => undefined);
    await expect.poll(() => vote.sends().length).toBe(1);
    await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: 'query Votes' }, status: 502 });
    await expect(first).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(vote.sends()).toHaveLength(1);
    await expectOneVote(vote);
    expect((await vote.record())?.receipt?.id).toBe((await vote.hubVote())?.id);
  });

  test('that rate-limits is waited for as long as it asks', async () => {
    const vote = await stand.aVote();
    await onVotesQuery(vote, { status: 429, headers: { 'retry-after': '9' } });
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError', delayMs: 9_000 });
  });
});

describe('a decision that had to wait for the voter service for longer than the retry window', () => {
  const waited = { decision: { decided_at: Date.now() - 20 * 60_000 } };

  test('is tried again where the sequencer is busy at the first try', async () => {
    const vote = await stand.aVote(waited);
    await onSequencer(vote, { status: 503 });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    await expectOneVote(vote);
  });

  test('is tried again where the hub is away at the first try', async () => {
    const vote = await stand.aVote(waited);
    await onVotesQuery(vote, { status: 503 });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    await expectOneVote(vote);
  });
});

test('a sequencer that says nothing is waited for no longer than one try may take; what it stores later is found', async () => {
  const vote = await stand.aVote();
  await onSequencer(vote, { latency_ms: 2_000 });
  const sequencer = createSequencer({ url: `${stand.sandbox().url}/`, timeoutMs: 200 });
  await expect(vote.deliver({ sequencer })).rejects.toMatchObject({ name: 'PostponeError' });
  expect(await vote.hubVote()).toBeNull();
  await until('the sequencer to store it', () => vote.hubVote());
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  await expectOneVote(vote);
});

describe('when the retry window is over', () => {
  test('it fails, the intent stays, and the next run adopts it and casts once', async () => {
    const vote = await stand.aVote();
    await triedBefore(vote, Date.now() - 901_000);
    await onSequencer(vote, { status: 503 });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
    const left = await vote.ledger();
    expect(left).toMatchObject({ state: 'reserved', sends: 1 });

    const next = await vote.nextRun();
    expect(await next.vote()).toEqual({ kind: 'cast' });
    expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: left?.vote_id, sends: 2 });
    await expectOneVote(next);
  });

  test('a vote that was stored after all is found by the next run, even if that one wants another ballot', async () => {
    const vote = await stand.aVote();
    await triedBefore(vote, Date.now() - 901_000);
    await onSequencer(vote, { status: 503 });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
    const [sent] = vote.sends();
    await fetch(stand.sandbox().url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(sent),
    });
    const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
    const outcome = await next.vote();
    // The ballot on the hub is the earlier decision's, so this run's own was not cast.
    expect(outcome).toEqual({ kind: 'skipped', why: 'already_voted' });
    await expectOneVote(next);
  });

  test('a newer decision with another ballot voids the old intent and dates its own later, so late bytes lose', async () => {
    const vote = await stand.aVote({ proposal: { start: nowS() - 600 } });
    await triedBefore(vote, Date.now() - 901_000);
    await onSequencer(vote, { status: 503 });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
    const old = await vote.ledger();
    const [late] = vote.sends();

    const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
    expect(await next.vote()).toEqual({ kind: 'cast' });
    const entry = await next.ledger();
    expect(entry?.vote_id).not.toBe(old?.vote_id);
    expect(entry?.created).toBeGreaterThan(old?.created ?? Infinity);
    expect(await next.audit()).toEqual(['reserved', 'sending', 'voided', 'reserved', 'sending', 'accepted', 'cast']);

    const response = await fetch(stand.sandbox().url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(late),
    });
    expect(await response.text()).toContain('already voted at later time');
    expect((await next.hubVote())?.choice).toBe(2);
  });
});

describe('bytes that the sequencer takes no more', () => {
  async function expectMadeAnew(vote: VoteCase): Promise<void> {
    const dates = datesOf(vote);
    expect(dates).toHaveLength(2);
    expect(dates[1]).toBeGreaterThan(dates[0] ?? Infinity);
    const stored = stand.sandbox().world.votes.filter(({ proposal }) => proposal === vote.proposal.id);
    expect(stored.map(({ created, choice }) => [created, choice])).toEqual([[dates[1], 1]]);
    expect(await vote.audit()).toEqual(['reserved', 'sending', 'voided', 'reserved', 'sending', 'accepted', 'cast']);
  }

  test('after its maintenance, are made anew and dated later', async () => {
    const vote = await stand.aVote();
    await onSequencer(vote, { fails: 'maintenance' });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    await expectMadeAnew(vote);
  });

  const isAtWork = {
    status: 425,
    body: { error: 'client_error', error_description: 'request already being processed' },
  };
  const aMinuteAgo = (): number => Date.now() - 61_000;

  test('since it believes for longer than any request takes that it is at work on them, are made anew too', async () => {
    const vote = await stand.aVote();
    await onSequencer(vote, { status: 503, body: '' });
    await expect(vote.deliver({ now: aMinuteAgo })).rejects.toMatchObject({ name: 'PostponeError' });
    await onSequencer(vote, isAtWork);
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    const [first, same, anew] = datesOf(vote);
    expect(same).toBe(first);
    expect(anew).toBeGreaterThan(first ?? Infinity);
    expect((await vote.hubVote())?.created).toBe(anew);
  });

  test('are not those that it has only just been sent, however long the vote was put off before', async () => {
    const vote = await stand.aVote();
    await triedBefore(vote, aMinuteAgo());
    await onSequencer(vote, isAtWork);
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(vote.sends()).toHaveLength(2);
    await expectOneVote(vote);
  });

  test('are made anew also for a hold, whose run has ended and takes nothing new', async () => {
    const vote = await aHeldVote(stand);
    expect(await createPacking(stand.redis())(vote.runId)).toBe(true);
    await answer(vote);
    await onSequencer(vote, { status: 503, body: '' });
    await expect(deliverHold(vote, { now: aMinuteAgo })).rejects.toMatchObject({ name: 'PostponeError' });
    await onSequencer(vote, isAtWork);
    await expect(deliverHold(vote)).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
    expect(await castHold(vote)).toBe('cast');
    expect(await vote.hubVote()).toMatchObject({ choice: 1, id: (await vote.ledger())?.vote_id });
  });
});

describe('an intent that was left standing', () => {
  test('is voided when the alias lapsed meanwhile', async () => {
    const vote = await stand.aVote();
    await onSequencer(vote, { status: 503 });
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await stand.control('PATCH', 'world', {
      aliases: [{ id: 'old', address: vote.voter, alias: vote.signer, created: nowS() - 31 * DAY_S }],
    });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
  });

  test('is dated anew when the sequencer would soon find it too old', async () => {
    const vote = await stand.aVote({ proposal: { start: nowS() - 20 * DAY_S } });
    await triedBefore(vote, Date.now() - 5 * DAY_S * 1_000);
    await onSequencer(vote, { status: 503 });
    const fiveDaysAgo = (): number => Date.now() - 5 * DAY_S * 1_000 + 1_800_000;
    expect(await vote.vote({ now: fiveDaysAgo })).toEqual({
      kind: 'failed',
      why: 'upstream_unavailable',
    });
    const old = await vote.ledger();
    const next = await vote.nextRun();
    expect(await next.vote()).toEqual({ kind: 'cast' });
    const entry = await next.ledger();
    expect(entry?.created).toBeGreaterThan((old?.created ?? Infinity) + 4 * DAY_S);
    expect(await next.audit()).toContain('voided');
  });
});

describe('a vote that was stored although its answer was lost, when meanwhile', () => {
  const meanwhile: readonly [string, (vote: VoteCase) => Promise<unknown>][] = [
    ['the run was cancelled', (vote) => vote.cancel()],
    ['the instructions changed', (vote) => vote.writePreferences({ instructions: 'Never spend.' })],
    ['the threshold rose', (vote) => vote.writePreferences({ confidence_threshold: 1 })],
    ['the preferences broke', (vote) => vote.writePreferences('{')],
    ['the proposal was edited', (vote) => vote.editProposal({ body: 'Other words.' })],
    ['the proposal was flagged', (vote) => vote.editProposal({ flagged: true })],
    ['voting was paused', () => stand.redis().del('{quorum}:voting:global')],
  ];
  test.each(meanwhile)('%s, is cast all the same: it stands on the hub', async (_what, change) => {
    const vote = await stand.aVote();
    await onSequencer(vote, { status: 500, stored: true, latency_ms: 1_000 });
    const first = vote.deliver();
    first.catch(() => undefined);
    await expect.poll(() => vote.sends().length).toBe(1);
    await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: 'query Votes' }, status: 502 });
    await expect(first).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await vote.hubVote()).not.toBeNull();
    await change(vote);
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(vote.sends()).toHaveLength(1);
    await expectOneVote(vote);
  });
});
