/** Somebody writes into the ledger: no wrong vote, no second one, nothing over the owner's. */
import { keys } from '@quorum/shared/redis-keys';
import { beforeEach, describe, expect, test } from 'vitest';
import { ballotOf, nowS, useStand, type VoteCase } from '../test/stand.ts';
import { intentVoteId, openIntent, sealIntent } from './intent.ts';

const stand = useStand();

const ledgerKey = (vote: VoteCase): string => keys.ledger(vote.voter, vote.space, vote.proposal.id);
const write = (vote: VoteCase, fields: Record<string, string | number>) => stand.redis().hset(ledgerKey(vote), fields);

/** A vote whose intent is reserved and was sent once, in vain. */
async function aReservedVote(): Promise<VoteCase> {
  const vote = await stand.aVote();
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  return vote;
}

describe('a reserved intent', () => {
  let vote: VoteCase;
  beforeEach(async () => {
    vote = await aReservedVote();
  });

  test('whose text was altered is named and not sent', async () => {
    const text = (await vote.ledger())?.intent ?? '';
    await write(vote, { intent: text.replace('"choice":1', '"choice":2') });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(await vote.security()).toEqual({ intent_refused: 1 });
    expect(vote.sends()).toHaveLength(1);
  });

  test('whose vote id was altered is not sent as another', async () => {
    await write(vote, { vote_id: `0x${'ab'.repeat(32)}` });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(await vote.security()).toEqual({ intent_refused: 1 });
    expect(vote.sends()).toHaveLength(1);
  });

  test('of another proposal, put in its place, is refused by the guard', async () => {
    const other = await stand.aVote();
    const mine = openIntent((await vote.ledger())?.intent ?? '', vote.deps.voterKey);
    if (mine === null) throw new Error('no intent');
    const foreign = { ...mine, message: { ...mine.message, proposal: other.proposal.id } };
    await write(vote, {
      intent: sealIntent(foreign, vote.deps.voterKey),
      vote_id: intentVoteId(foreign, vote.proposal),
    });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(await vote.security()).toEqual({ guard_refused: 1 });
    expect(vote.sends()).toHaveLength(1);
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
  });

  test('that is called cast is not: the hub does not show it', async () => {
    await write(vote, { state: 'cast' });
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    const late = (): number => Date.now() + 901_000;
    expect(await vote.deliver({ now: late })).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
    expect(vote.sends()).toHaveLength(1);
  });

  test('that is called voided is made anew, and one vote stands', async () => {
    await write(vote, { state: 'voided' });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(stand.sandbox().world.votes.filter(({ proposal }) => proposal === vote.proposal.id)).toHaveLength(1);
  });

  test.each(['state', 'run_id', 'created', 'sends', 'reserved_at'])(
    'with nonsense for %s ends in no wrong vote',
    async (field) => {
      await write(vote, { [field]: 'nonsense' });
      const said = await vote.vote().catch((error: unknown) => error);
      expect(said).toBeDefined();
      expect((await vote.hubVote())?.choice ?? 1).toBe(1);
    },
  );
});

test('a run that was given to another owner, who wants the same, moves no vote of theirs', async () => {
  const [vote, other] = [await stand.aVote(), await stand.aVote()];
  const request = { run_id: vote.runId, owner: other.owner, space_id: vote.space, dry_run: false, accepted_at: 1 };
  await stand.redis().hset(keys.run(vote.runId), { request: JSON.stringify(request) });
  expect(await vote.vote({ licences: other.deps.licences })).toEqual({ kind: 'failed', why: 'signing' });
  expect(await vote.security()).toEqual({ decision_refused: 1 });
  expect(stand.sandbox().world.votes.filter(({ voter }) => voter === other.voter)).toEqual([]);
});

test('a voided intent whose date was moved ahead does not put our vote after the owner’s', async () => {
  const vote = await aReservedVote();
  await write(vote, { state: 'voided', created: nowS() + 250 });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect((await vote.hubVote())?.created).toBeLessThan(nowS() - 3_600);
  expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
  expect((await vote.hubVote())?.choice).toBe(2);
});

test('a vote is not made after a voided one whose text was altered: late bytes could win over it', async () => {
  const vote = await aReservedVote();
  const text = (await vote.ledger())?.intent ?? '';
  await write(vote, { state: 'voided', intent: text.replace('"choice":1', '"choice":2') });
  expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
  expect(await vote.security()).toEqual({ intent_refused: 1 });
  expect(vote.sends()).toHaveLength(1);
});

test('a receipt of another vote, written into the ledger, is not shown as ours', async () => {
  const [vote, other] = [await stand.aVote(), await stand.aVote()];
  await other.vote();
  const receipt = (await other.record())?.receipt;
  await stand.fault({
    endpoint: 'sequencer',
    count: 1,
    match: { body_contains: vote.proposal.id },
    status: 500,
    stored: true,
    latency_ms: 200,
  });
  const outcome = vote.vote();
  await expect.poll(() => vote.sends().length).toBe(1);
  await write(vote, { receipt: JSON.stringify(receipt) });
  expect(await outcome).toEqual({ kind: 'cast' });
  expect((await vote.record())?.receipt).toBeUndefined();
});

test('a ledger that was emptied leads to no second vote: the one on the hub is taken up again, and that is said', async () => {
  const vote = await stand.aVote();
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  await stand.redis().del(ledgerKey(vote));
  await stand.redis().hdel(keys.run(vote.runId), `outcome:${vote.proposal.id}`);
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(1);
  expect(await vote.security()).toEqual({ vote_adopted: 1 });
});

describe('a hub that shows another choice under our vote’s id', () => {
  test.each([2, [1], 'garbage', 99])('(%s) is reported, and nothing is sent again', async (choice) => {
    const vote = await aReservedVote();
    const entry = await vote.ledger();
    const row = {
      id: entry?.vote_id,
      voter: vote.voter,
      created: entry?.created,
      space: vote.space,
      proposal: vote.proposal.id,
      choice,
    };
    await stand.control('PATCH', 'world', { votes: [row] });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'vote_rejected' });
    expect(await vote.security()).toEqual({ vote_differs: 1 });
    expect(vote.sends()).toHaveLength(1);
  });
});
