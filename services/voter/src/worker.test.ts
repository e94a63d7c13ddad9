/** The voter service on real BullMQ: what voteJob throws becomes a delay, a retry or an outcome, never a lost vote. */
import { addCast } from '@quorum/shared/hold-jobs';
import { jobIds } from '@quorum/shared/jobs';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { connectPatient } from '@quorum/shared/redis';
import { Queue, Worker } from 'bullmq';
import { afterEach, expect, test } from 'vitest';
import { quiet } from '../../../packages/shared/test/samples.ts';
import { enqueue, returned } from '../test/enqueue.ts';
import { aHeldVote, answer, holdOf } from '../test/holds.ts';
import { ballotOf, jobDeps, nowS, until, useStand, type VoteCase } from '../test/stand.ts';
import { startVoter } from './worker.ts';
import type { VoteDeps } from './vote-deps.ts';

const stand = useStand();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Starts a worker and adds the job of this vote; the outcome is what the run record says in the end. */
async function workOff(vote: VoteCase, given: Partial<VoteDeps> = {}, workers = 1) {
  const connection = connectPatient(stand.server().url, quiet);
  closers.push(async () => connection.disconnect());
  for (let at = 0; at < workers; at += 1) {
    const worker = startVoter({ connection, concurrency: 2, lockS: 1, deps: jobDeps({ ...vote.deps, ...given }) });
    closers.push(() => worker.close(1_000));
  }
  await enqueue(stand, vote);
  const outcome = await until('the outcome', async () => (await vote.record())?.outcome);
  expect(await returned(stand, vote)).toEqual(outcome);
  return outcome;
}

test('a vote job ends as cast', async () => {
  const vote = await stand.aVote();
  expect(await workOff(vote)).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(1);
});

test('a vote that is postponed several times is cast once, and no attempt is spent', async () => {
  const vote = await stand.aVote();
  const match = { body_contains: vote.proposal.id };
  await stand.fault({ endpoint: 'sequencer', count: 1, match, status: 503 });
  await stand.fault({ endpoint: 'sequencer', count: 1, match, cut: 'before' });
  await stand.fault({ endpoint: 'sequencer', count: 1, match, status: 500, stored: true });
  expect(await workOff(vote)).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(3);
  expect(stand.sandbox().world.votes.filter(({ proposal }) => proposal === vote.proposal.id)).toHaveLength(1);
});

test('what the hub refuses for good is an outcome, not a failed job', async () => {
  const vote = await stand.aVote();
  const body = { errors: [{ message: 'proposal not found' }] };
  const match = { body_contains: 'query VotingPower' };
  await stand.fault({ endpoint: 'hub', count: 1, match, status: 400, body });
  expect(await workOff(vote)).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
  expect((await vote.record())?.detail).toMatch(/hub refused the request: proposal not found/);
  expect(vote.sends()).toEqual([]);
});

test('an unforeseen fault is tried again, and in the end an outcome', async () => {
  const vote = await stand.aVote();
  let loads = 0;
  const preferences: VoteDeps['preferences'] = {
    async load() {
      loads += 1;
      throw new Error('the disk is gone');
    },
  };
  expect(await workOff(vote, { preferences })).toEqual({ kind: 'failed', why: 'internal' });
  expect(loads).toBe(5);
  expect((await vote.record())?.detail).toBeUndefined();
  expect(vote.sends()).toEqual([]);
});

test('a decision whose ballot is none of the proposal’s is never cast', async () => {
  const vote = await stand.aVote({ ballot: ballotOf('approval') });
  expect(await workOff(vote)).toEqual({ kind: 'failed', why: 'internal' });
  expect(vote.sends()).toEqual([]);
  expect(await vote.ledger()).toBeNull();
});

test('three workers on one queue, and the job is delivered again: one vote', async () => {
  const vote = await stand.aVote();
  expect(await workOff(vote, {}, 3)).toEqual({ kind: 'cast' });
  await stand.redis().hdel(keys.run(vote.runId), `outcome:${vote.proposal.id}`);
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(1);
  expect((await vote.record())?.receipt?.id).toBe((await vote.hubVote())?.id);
});

test('a vote over which one worker after another died is failed, and what they sent is looked at again', async () => {
  const vote = await stand.aVote();
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  await enqueue(stand, vote);
  const connection = connectPatient(stand.server().url, quiet);
  closers.push(async () => connection.disconnect());
  const ghost = new Worker('vote', null, { connection, prefix: BULL_PREFIX, lockDuration: 1_000 });
  closers.push(() => ghost.close());
  // A sweep of an earlier test may be due by now: it is taken too, and left to its fate.
  const id = jobIds.vote(vote.runId, vote.proposal.id);
  const taken = await until('the job to be taken', async () => {
    const job = await ghost.getNextJob('a worker that dies');
    return job?.id === id ? job : undefined;
  });
  // As often as a job may be taken back (run-worker.ts).
  await stand.redis().hset(`${BULL_PREFIX}:vote:${taken.id}`, { stc: 20 });
  const worker = startVoter({ connection, concurrency: 2, lockS: 1, deps: jobDeps(vote.deps) });
  closers.push(() => worker.close(1_000));
  expect(await until('the outcome', async () => (await vote.record())?.outcome)).toEqual({
    kind: 'failed',
    why: 'internal',
  });
  const entry = await vote.ledger();
  expect(entry).toMatchObject({ state: 'reserved', sends: 1 });
  expect(await stand.redis().exists(`${BULL_PREFIX}:vote:sweep-${vote.runId}-${entry?.vote_id}`)).toBe(1);
});

/** A worker with the keys of this case, and the queue that it works. */
function workFor(vote: VoteCase): Queue {
  const connection = connectPatient(stand.server().url, quiet);
  closers.push(async () => connection.disconnect());
  const worker = startVoter({ connection, concurrency: 2, lockS: 1, deps: jobDeps(vote.deps) });
  const queue = new Queue('vote', { connection, prefix: BULL_PREFIX });
  closers.push(() => queue.close());
  closers.push(() => worker.close(1_000));
  return queue;
}

test('a hold that is approved is cast by its job', async () => {
  const vote = await aHeldVote(stand);
  await answer(vote);
  await addCast(workFor(vote), await holdOf(vote), { maxRetryAttempts: 3, retryDelayS: 0.01 }, Date.now());
  await until('the vote to be cast', async () => (await holdOf(vote)).state === 'cast');
  expect(vote.sends()).toHaveLength(1);
});

test('a hold that nobody answers ends by the job that was made with it', async () => {
  // Its deadline is two minutes before the end.
  const vote = await stand.aVote({ preferences: { approval: 'always' }, proposal: { end: nowS() + 123 } });
  workFor(vote);
  await enqueue(stand, vote);
  await until('the hold to expire', async () => (await holdOf(vote).catch(() => null))?.state === 'expired');
  expect(vote.sends()).toEqual([]);
  const { hold_id: id } = (await holdOf(vote)).subject;
  await until(
    'its owner to be told',
    async () => await stand.redis().exists(`${BULL_PREFIX}:notify:hold_expired-${id}`),
  );
});
