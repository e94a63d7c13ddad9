/** Where holds and revisions meet: a vote of ours stands, and its owner is asked about another. */
import { describe, expect, test } from 'vitest';
import { keys } from '@quorum/shared/redis-keys';
import { PostponeError } from '@quorum/shared/run-worker';
import { aHash } from '../../../packages/shared/test/samples.ts';
import { aHeldRevision, aHeldVote, answer, castHold, deliverHold, endRun, expireHold, holdOf } from '../test/holds.ts';
import { ballotOf, DAY_S, nowS, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();

const isTold = async (vote: VoteCase, event: string): Promise<boolean> => {
  const { hold_id: id } = (await holdOf(vote)).subject;
  return (await stand.redis().exists(`{quorum}:bull:notify:${event}-${id}`)) === 1;
};

describe('a revision that is held', () => {
  test('replaces our vote once it is approved', async () => {
    const vote = await aHeldRevision(stand);
    await answer(vote);
    expect(await castHold(vote)).toBe('cast');
    expect((await vote.hubVote())?.choice).toBe(2);
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: (await vote.hubVote())?.id });
  });

  test.each(['none', 'the one before'])(
    'waits for a hub that lags by one answer and shows %s of ours',
    async (shown) => {
      const first = await stand.aVote({ preferences: { revise_votes: true, approval: 'when_unsure' } });
      expect(await first.vote()).toEqual({ kind: 'cast' });
      const replaced = await first.hubVote();
      const second = await first.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
      expect(await second.vote()).toEqual({ kind: 'cast' });
      const decision = { inputs_hash: aHash(), executable: true };
      const vote = await second.nextRun({ ballot: ballotOf('basic', 3), decision });
      expect(await vote.vote()).toEqual({ kind: 'held', why: 'executable' });
      await endRun(vote);
      await answer(vote);
      const votes = async () => (shown === 'no vote' || replaced === null ? [] : [replaced]);
      const sent = vote.sends().length;
      await expect(deliverHold(vote, { hub: { ...vote.deps.hub, votes } })).rejects.toBeInstanceOf(PostponeError);
      expect(vote.sends()).toHaveLength(sent);
      expect(await castHold(vote)).toBe('cast');
      expect((await vote.hubVote())?.choice).toBe(3);
    },
  );

  test('and that nobody answers has expired, and its owner is told: the vote before it is no answer', async () => {
    const vote = await aHeldRevision(stand);
    expect(await expireHold(vote)).toBe('expired');
    expect(await isTold(vote, 'hold_expired')).toBe(true);
    expect((await vote.hubVote())?.choice).toBe(1);
  });

  test('for a pause leaves nothing reserved where it was rejected before it was sent', async () => {
    const stood = await stand.aVote({ preferences: { revise_votes: true } });
    expect(await stood.vote()).toEqual({ kind: 'cast' });
    const vote = await stood.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
    await stand.redis().set(keys.votingOwner(vote.owner), 'paused');
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'voting_paused' });
    await endRun(vote);
    await stand.redis().set(keys.votingOwner(vote.owner), 'enabled');
    const allowance = { ...vote.deps.allowance, take: async () => 1_000 };
    await expect(deliverHold(vote, { allowance })).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 0 });
    expect(await answer(vote, { answer: 'reject', ballot: null })).toEqual({ kind: 'done', state: 'rejected' });
    expect(await castHold(vote)).toBe('rejected');
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: (await vote.hubVote())?.id });
    expect((await vote.hubVote())?.choice).toBe(1);
  });
});

describe('a revision of an open and of a secret vote', () => {
  test.each(['', 'shutter'])(
    'that was signed when voting was paused is not sent, and cast on resumption: "%s"',
    async (privacy) => {
      const stood = await stand.aVote({ preferences: { revise_votes: true }, proposal: { privacy } });
      expect((await stood.vote()).kind).toBe('cast');
      const vote = await stood.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
      const before = await vote.hubVote();
      const { transitions } = vote.deps;
      const pausedThen = {
        ...transitions,
        async maySend(...asked: Parameters<typeof transitions.maySend>) {
          await stand.redis().set(keys.votingOwner(vote.owner), 'paused');
          return transitions.maySend(...asked);
        },
      };
      expect(await vote.vote({ transitions: pausedThen })).toEqual({ kind: 'held', why: 'voting_paused' });
      expect(vote.sends()).toHaveLength(1);
      expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: before?.id });
      await endRun(vote);
      await stand.redis().set(keys.votingOwner(vote.owner), 'enabled');
      expect(await castHold(vote)).toBe('cast');
      const stands = await vote.hubVote();
      expect(stands?.id).not.toBe(before?.id);
      expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: stands?.id });
      expect(stands?.created).toBeGreaterThan(before?.created ?? Infinity);
    },
  );

  test.each(['', 'shutter'])(
    'that its alias no longer lets be sent leads back to the vote that stands: "%s"',
    async (privacy) => {
      const stood = await stand.aVote({ preferences: { revise_votes: true }, proposal: { privacy } });
      await stood.vote();
      const vote = await stood.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
      const match = { body_contains: vote.proposal.id };
      await stand.fault({ endpoint: 'sequencer', count: 1, match, status: 503, body: '' });
      await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
      const alias = { id: 'lapsed', address: vote.voter, alias: vote.signer, created: nowS() - 31 * DAY_S };
      await stand.control('PATCH', 'world', { aliases: [alias] });
      expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
      expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: (await vote.hubVote())?.id });
    },
  );
});

describe('a hold that its owner approved with a ballot of their own, where another was sent before and arrived', () => {
  async function anArrivedVote(): Promise<VoteCase> {
    const vote = await stand.aVote();
    const match = { body_contains: vote.proposal.id };
    await stand.fault({ endpoint: 'sequencer', count: 1, match, status: 503, body: '' });
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await stand.redis().set(keys.votingOwner(vote.owner), 'paused');
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'voting_paused' });
    await endRun(vote);
    const headers = { 'content-type': 'application/json' };
    await fetch(stand.sandbox().url, { method: 'POST', headers, body: JSON.stringify(vote.sends()[0]) });
    await stand.redis().set(keys.votingOwner(vote.owner), 'enabled');
    await answer(vote, { ballot: ballotOf('basic', 2), ballot_from: 'owner' });
    expect((await vote.hubVote())?.choice).toBe(1);
    return vote;
  }

  test('is cast with what its owner wants', async () => {
    const vote = await anArrivedVote();
    expect(await castHold(vote)).toBe('cast');
    expect((await vote.hubVote())?.choice).toBe(2);
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: (await vote.hubVote())?.id });
  });

  test('is not called cast at its deadline: its owner is told', async () => {
    const vote = await anArrivedVote();
    expect(await expireHold(vote)).toBe('expired');
    expect((await holdOf(vote)).end?.detail).toBe('the vote that was sent before stands');
    expect(await isTold(vote, 'hold_expired')).toBe(true);
  });
});

test('a hold that ends while its vote is being sent takes nothing back: what is sent may be stored', async () => {
  const vote = await aHeldVote(stand);
  await answer(vote);
  const { hub, transitions } = vote.deps;
  const { deadlineMs } = await holdOf(vote);
  // The hold's deadline comes between leave to send and the sending; the job that ends it looked at the ledger before that.
  const goesOn = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();
  const slowHub = {
    ...hub,
    async votes(...asked: Parameters<typeof hub.votes>) {
      const votes = await hub.votes(...asked);
      looked.resolve();
      await goesOn.promise;
      return votes;
    },
  };
  let ending: Promise<unknown> = Promise.resolve();
  const asksLeave = {
    ...transitions,
    async maySend(...asked: Parameters<typeof transitions.maySend>) {
      ending = expireHold(vote, { hub: slowHub });
      await looked.promise;
      return transitions.maySend(...asked);
    },
  };
  const sequencer = {
    async submit(...sent: Parameters<typeof vote.deps.sequencer.submit>) {
      goesOn.resolve();
      expect(await ending).toBe('expired');
      return vote.deps.sequencer.submit(...sent);
    },
  };
  expect(await castHold(vote, { sequencer, transitions: asksLeave, now: () => deadlineMs - 1 })).toBe('cast');
  expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: (await vote.hubVote())?.id });
  expect((await vote.audit()).at(-1)).toBe('cast');
});
