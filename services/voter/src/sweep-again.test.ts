/** A sweep is one job for each vote of a run: one that waits is not added twice, one that has ended is no obstacle to the next. */
import { jobIds, type JobPayload } from '@quorum/shared/jobs';
import { connectPatient } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { contentHash } from '@quorum/snapshot/content-hash';
import { Queue } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import { aHash, quiet } from '../../../packages/shared/test/samples.ts';
import { jobDeps, until, useStand, type VoteCase } from '../test/stand.ts';
import { startVoter } from './worker.ts';

const stand = useStand();
const MINUTE_MS = 60_000;

/** Of a vote that nobody made: its sweep finds nothing. */
function payloadOf(vote: VoteCase): JobPayload<'sweep'> {
  const content_hash = contentHash(vote.proposal);
  return { run_id: vote.runId, proposal_id: vote.proposal.id, content_hash, vote_id: `0x${aHash()}` };
}

function openVotes() {
  const connection = connectPatient(stand.server().url, quiet);
  const queue = new Queue('vote', { connection, prefix: BULL_PREFIX });
  onTestFinished(async () => {
    await queue.close();
    connection.disconnect();
  });
  return { connection, queue };
}

test('a sweep that has ended is added again, and waits as it is told', async () => {
  const vote = await stand.aVote();
  const payload = payloadOf(vote);
  const { connection, queue } = openVotes();
  const worker = startVoter({ connection, concurrency: 1, lockS: 5, deps: jobDeps(vote.deps) });
  await vote.deps.sweeps.add(payload, 0);
  const ended = await until('the sweep to end', async () => {
    const job = await queue.getJob(jobIds.sweep(payload));
    return job?.finishedOn === undefined ? null : job;
  });
  expect(ended.returnvalue).toEqual({ end: 'nothing' });
  await worker.close(1_000);

  await vote.deps.sweeps.add(payload, MINUTE_MS);
  const next = await queue.getJob(jobIds.sweep(payload));
  expect([next?.delay, next?.finishedOn]).toEqual([MINUTE_MS, undefined]);
  expect(await next?.isDelayed()).toBe(true);
});

test('a sweep that waits stays as it is', async () => {
  const vote = await stand.aVote();
  const payload = payloadOf(vote);
  const { queue } = openVotes();
  await vote.deps.sweeps.add(payload, MINUTE_MS);
  await vote.deps.sweeps.add(payload, 2 * MINUTE_MS);
  expect((await queue.getJob(jobIds.sweep(payload)))?.delay).toBe(MINUTE_MS);
});
