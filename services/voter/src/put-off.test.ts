/** A vote that was put off: what its trace says of the time, whichever pick-up it was, and that to keep that costs the vote nothing. */
import type { Outcome } from '@quorum/shared/outcome';
import { keys } from '@quorum/shared/redis-keys';
import type { Span } from '@quorum/shared/run-span';
import { timingsOf } from '@quorum/shared/run-timings';
import { contentHash } from '@quorum/snapshot/content-hash';
import { describe, expect, test } from 'vitest';
import { aHeldVote, answer, castHold, deliverHold, endRun, holdOf } from '../test/holds.ts';
import { jobDeps, useStand, type VoteCase } from '../test/stand.ts';
import type { VoteDeps } from './vote-deps.ts';
import { voteJob } from './vote.ts';

const stand = useStand();
const STEPS = ['check', 'reserve', 'sign', 'send', 'read_back'];
const POSTPONED = { name: 'PostponeError' };
const lost = () => Promise.reject(new Error('not written'));

/** What the owner is told of where the time went, once its proposal was fetched. */
async function spansOf(vote: VoteCase): Promise<readonly Span[]> {
  const { records } = vote.deps;
  const found = await records.runAndEvents(vote.runId);
  expect.assert(found !== null);
  const isHeld = found.run.outcomes.get(vote.proposal.id)?.outcome.kind === 'held';
  const { spans } = timingsOf(found.run, found.events, isHeld ? [await holdOf(vote)] : [], Date.now());
  return spans.filter(({ proposal_id }) => proposal_id !== null);
}

const kindsOf = async (vote: VoteCase): Promise<string[]> => (await spansOf(vote)).map(({ kind }) => kind);

/** Works the job of the vote as at its nth pick-up. */
function pickUp({ deps, runId, proposal }: VoteCase, nth: number, changed: Partial<VoteDeps> = {}): Promise<Outcome> {
  const payload = { run_id: runId, proposal_id: proposal.id, content_hash: contentHash(proposal) };
  return voteJob(payload, jobDeps({ ...deps, ...changed }), new AbortController().signal, nth);
}

function hubIsAwayOnce({ proposal }: VoteCase): Promise<void> {
  return stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: proposal.id }, status: 503 });
}

describe('a vote that is put off before anything is reserved', () => {
  test('keeps the first time, also where it was picked up and handed back before', async () => {
    const vote = await stand.aVote();
    for (const nth of [2, 3]) {
      await hubIsAwayOnce(vote);
      await expect(pickUp(vote, nth)).rejects.toMatchObject(POSTPONED);
    }
    expect(await kindsOf(vote)).toEqual(['decide', 'wait', 'check', 'put_off']);
    expect(await pickUp(vote, 4)).toEqual({ kind: 'cast' });
    expect(await kindsOf(vote)).toEqual(['decide', 'wait', 'check', 'put_off', ...STEPS]);
  });

  test('is put off, and not failed, where that cannot be written', async () => {
    const vote = await stand.aVote();
    await hubIsAwayOnce(vote);
    const records = { ...vote.deps.records, triedToVote: lost };
    await expect(pickUp(vote, 1, { records })).rejects.toMatchObject(POSTPONED);
  });
});

describe('the vote of a hold', () => {
  test('that is approved and put off keeps the first time, and is waited for by nobody but the hub', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    const before = await kindsOf(vote);
    expect(before.slice(-2)).toEqual(['answer', 'vote']);
    await hubIsAwayOnce(vote);
    await expect(deliverHold(vote)).rejects.toMatchObject(POSTPONED);
    const first = await holdOf(vote);
    await hubIsAwayOnce(vote);
    await expect(deliverHold(vote)).rejects.toMatchObject(POSTPONED);
    expect((await holdOf(vote)).putOff).toEqual(first.putOff);
    const tried = [...before.slice(0, -1), 'wait', 'check', 'put_off'];
    expect(await kindsOf(vote)).toEqual(tried);
    expect(await castHold(vote)).toBe('cast');
    expect(await kindsOf(vote)).toEqual([...tried, ...STEPS]);
  });

  test('is put off, and not failed, where that cannot be written', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    await hubIsAwayOnce(vote);
    const transitions = { ...vote.deps.transitions, noteHoldPutOff: lost };
    await expect(deliverHold(vote, { transitions })).rejects.toMatchObject(POSTPONED);
  });

  test('that waits for voting to be resumed waits for no answer', async () => {
    const vote = await stand.aVote();
    await stand.redis().del(keys.votingOwner(vote.owner));
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'voting_paused' });
    await endRun(vote);
    const before = await kindsOf(vote);
    expect(before.at(-1)).toBe('resume');
    await stand.redis().set(keys.votingOwner(vote.owner), 'enabled');
    expect(await castHold(vote)).toBe('cast');
    expect(await kindsOf(vote)).toEqual([...before, ...STEPS]);
  });

  test('that was approved while voting is paused is put off until it is resumed', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    await stand.redis().del(keys.votingOwner(vote.owner));
    expect(await castHold(vote)).toBe('approved');
    const before = await kindsOf(vote);
    expect(before.slice(-5)).toEqual(['answer', 'wait', 'check', 'reserve', 'put_off']);
    await stand.redis().set(keys.votingOwner(vote.owner), 'enabled');
    expect(await castHold(vote)).toBe('cast');
    expect(await kindsOf(vote)).toEqual([...before, ...STEPS]);
  });
});
