/** `revise_votes`: only our own last vote is replaced, and only by a decision on other inputs that came to another ballot. */
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, test } from 'vitest';
import { aHash } from '../../../packages/shared/test/samples.ts';
import { ballotOf, nowS, until, useStand, type Given, type VoteCase } from '../test/stand.ts';

const stand = useStand();

const REVISE = { revise_votes: true };

/** A vote that was cast, and a run after it that decided on other inputs. */
async function castAndDecidedAnew(
  given: Given = {},
  next: { first?: number; inputs?: string } = {},
): Promise<{ readonly vote: VoteCase; readonly later: VoteCase; readonly stood: string }> {
  const vote = await stand.aVote({ preferences: REVISE, ...given });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  const stood = (await vote.hubVote())?.id ?? '';
  const decision = next.inputs === undefined ? { inputs_hash: aHash() } : { inputs_hash: next.inputs };
  const ballot = ballotOf(vote.proposal.type, next.first ?? 2);
  return { vote, later: await vote.nextRun({ ballot, decision }), stood };
}

describe.each(['alias', 'own_key'] as const)('a revision signed with %s', (kind) => {
  test('replaces our vote, and is dated a second after it', async () => {
    const { later, stood } = await castAndDecidedAnew({ kind });
    const before = await later.ledger();
    expect(await later.vote()).toEqual({ kind: 'cast' });
    const stands = await later.hubVote();
    expect(stands?.id).not.toBe(stood);
    expect(stands).toMatchObject({ choice: 2, created: (before?.created ?? 0) + 1 });
    expect(await later.ledger()).toMatchObject({ state: 'cast', vote_id: stands?.id, run_id: later.runId });
    expect(later.sends()).toHaveLength(2);
  });

  test('loses to the vote that the owner made by hand before it', async () => {
    const { later } = await castAndDecidedAnew({ kind });
    expect(await later.ownerVotes(ballotOf('basic', 3))).toMatch(/^200/);
    expect(await later.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await later.record())?.detail).toBe('by your own hand');
    expect((await later.hubVote())?.choice).toBe(3);
    expect(later.sends()).toHaveLength(2);
  });

  test('loses to the vote that the owner makes while it is under way, and our earlier one stays in the ledger', async () => {
    const { later, stood } = await castAndDecidedAnew({ kind });
    await stand.fault({
      endpoint: 'sequencer',
      count: 1,
      match: { body_contains: '"app":"quorum"' },
      latency_ms: 1_500,
    });
    const outcome = later.vote();
    await until('the revision to be sent', () => later.sends().length === 2);
    expect(await later.ownerVotes(ballotOf('basic', 3))).toMatch(/^200/);
    expect(await outcome).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await later.hubVote())?.choice).toBe(3);
    expect(await later.ledger()).toMatchObject({ state: 'cast', vote_id: stood });
  });

  test('gives way to the vote that the owner makes after it', async () => {
    const { later } = await castAndDecidedAnew({ kind });
    expect(await later.vote()).toEqual({ kind: 'cast' });
    expect(await later.ownerVotes(ballotOf('basic', 3))).toMatch(/^200/);
    expect((await later.hubVote())?.choice).toBe(3);
  });
});

describe('our vote goes on standing', () => {
  test.each([
    ['where the owner wants no revision', { preferences: {} }, {}, 'by an earlier run'],
    [
      'where the new decision comes to the same ballot',
      {},
      { first: 1 },
      'by an earlier run; the new decision comes to the same ballot',
    ],
  ])('%s', async (_name, given, next, detail) => {
    const { later, stood } = await castAndDecidedAnew(given, next);
    expect(await later.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await later.record())?.detail).toBe(detail);
    expect((await later.hubVote())?.id).toBe(stood);
    expect(later.sends()).toHaveLength(1);
  });

  test('where the same inputs led to another ballot', async () => {
    const inputs = aHash();
    const { later } = await castAndDecidedAnew({ decision: { inputs_hash: inputs } }, { inputs });
    expect(await later.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await later.record())?.detail).toBe('by an earlier run, and nothing that it was decided on has changed');
  });

  test('where the owner forbade revisions after the run began', async () => {
    const { later } = await castAndDecidedAnew();
    await later.writePreferences({ revise_votes: false });
    expect(await later.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect(later.sends()).toHaveLength(1);
  });

  test('where the sequencer refuses the revision for good, and the next one is dated after it', async () => {
    const { later, stood } = await castAndDecidedAnew();
    const body = { error: 'client_error', error_description: 'failed vote validation' };
    await stand.fault({
      endpoint: 'sequencer',
      count: 1,
      match: { body_contains: later.proposal.id },
      status: 400,
      body,
    });
    expect(await later.vote()).toEqual({ kind: 'failed', why: 'vote_rejected' });
    const entry = await later.ledger();
    expect(entry).toMatchObject({ state: 'cast', vote_id: stood });
    const again = await later.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } });
    expect(await again.vote()).toEqual({ kind: 'cast' });
    expect(await again.hubVote()).toMatchObject({ choice: 3, created: (entry?.created ?? 0) + 2 });
  });

  test.each(['vote_id', 'intent'])('where the ledger’s %s was altered, which is said', async (field) => {
    const { later, stood } = await castAndDecidedAnew();
    const entry = await later.ledger();
    const { redis } = stand;
    const key = keys.ledger(later.voter, later.space, later.proposal.id);
    if (field === 'intent') await redis().hset(key, 'intent', (entry?.intent ?? '').replace('"ballot"', '"ballad"'));
    // As if the owner's own vote were ours.
    if (field === 'vote_id') {
      await later.ownerVotes(ballotOf('basic', 3));
      await redis().hset(key, 'vote_id', (await later.hubVote())?.id ?? '');
    }
    expect(await later.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect((await later.security())['intent_refused']).toBe(1);
    expect(later.sends()).toHaveLength(field === 'intent' ? 1 : 2);
    if (field === 'intent') expect((await later.hubVote())?.id).toBe(stood);
  });
});

test('a vote of ours under another id in the ledger is not taken for another’s: that is said', async () => {
  const { later, stood } = await castAndDecidedAnew();
  await stand
    .redis()
    .hset(keys.ledger(later.voter, later.space, later.proposal.id), { vote_id: `0x${'ab'.repeat(32)}` });
  expect(await later.vote()).toEqual({ kind: 'failed', why: 'signing' });
  expect(await later.security()).toEqual({ intent_refused: 1 });
  expect((await later.hubVote())?.id).toBe(stood);
});

describe('a revision that was interrupted', () => {
  async function interrupted(): Promise<VoteCase> {
    const { later } = await castAndDecidedAnew();
    await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: later.proposal.id }, status: 503 });
    await expect(later.deliver()).rejects.toThrow();
    return later;
  }
  const ledgerOf = (vote: VoteCase): string => keys.ledger(vote.voter, vote.space, vote.proposal.id);

  test('is not given up because somebody altered which vote it replaces: that is said', async () => {
    const later = await interrupted();
    const replaces = (await stand.redis().hget(ledgerOf(later), 'replaces')) ?? '';
    const other = replaces.replace(/"vote_id":"0x[0-9a-f]{64}"/, `"vote_id":"0x${'ab'.repeat(32)}"`);
    await stand.redis().hset(ledgerOf(later), { replaces: other });
    expect(await later.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(await later.security()).toEqual({ intent_refused: 1 });
    expect(await later.ledger()).toMatchObject({ state: 'reserved' });
  });

  test('and that somebody calls cast is not: the hub shows the vote before it', async () => {
    const later = await interrupted();
    await stand.redis().hset(ledgerOf(later), { state: 'cast' });
    await expect(later.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    const late = (): number => Date.now() + 901_000;
    expect(await later.deliver({ now: late })).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
    expect((await later.hubVote())?.choice).toBe(1);
  });

  test('after it was reserved is sent once, and our vote before it is not taken for another’s', async () => {
    const { later, stood } = await castAndDecidedAnew();
    await stand.fault({
      endpoint: 'sequencer',
      count: 1,
      match: { body_contains: later.proposal.id },
      status: 503,
      body: '',
    });
    await expect(later.deliver()).rejects.toThrow();
    expect(await later.ledger()).toMatchObject({ state: 'reserved', replaces: { vote_id: stood } });
    expect(await later.deliver()).toEqual({ kind: 'cast' });
    expect((await later.hubVote())?.choice).toBe(2);
  });

  test('before it was sent is called off by a later run that wants the vote to stand, and the ledger says what stands', async () => {
    const { later, stood } = await castAndDecidedAnew();
    const allowance = { ...later.deps.allowance, take: async () => 1_000 };
    await expect(later.deliver({ allowance })).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await later.ledger()).toMatchObject({ state: 'reserved', sends: 0 });
    const next = await later.nextRun({ ballot: ballotOf('basic', 1), decision: { inputs_hash: aHash() } });
    expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: stood });
    expect((await next.hubVote())?.id).toBe(stood);
  });

  test('whose vote is a week old is dated as far back as the sequencer takes', async () => {
    const start = nowS() - 20 * 86_400;
    const vote = await stand.aVote({ preferences: REVISE, proposal: { start }, aliasCreated: nowS() - 15 * 86_400 });
    const old = Date.now() - 8 * 86_400_000;
    await stand.control('POST', 'clock', { now: Math.floor(old / 1_000) });
    expect(await vote.vote({ now: () => old })).toEqual({ kind: 'cast' });
    await stand.control('POST', 'clock', { now: null });
    const later = await vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
    expect(await later.vote()).toEqual({ kind: 'cast' });
    expect((await later.hubVote())?.created).toBeLessThan(nowS() - 5 * 86_400);
  });
});
