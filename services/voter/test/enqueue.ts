/** Puts the job of a vote on the real queue, and reads what became of it. */
import { deadlinePriority, jobIds, jobOptions } from '@quorum/shared/jobs';
import { connectPatient, createFlowProducer } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { contentHash } from '@quorum/snapshot/content-hash';
import { quiet } from '../../../packages/shared/test/samples.ts';
import { type Stand, until, type VoteCase } from './stand.ts';

type Enqueued = Pick<VoteCase, 'runId' | 'proposal'>;

/** Adds the job of this vote. */
export async function enqueue(stand: Stand, vote: Enqueued): Promise<void> {
  await enqueueAll(stand, [vote]);
}

/** Adds the jobs of these votes as the fetcher does: what closes first is worked on first. */
export async function enqueueAll(stand: Stand, votes: readonly Enqueued[]): Promise<void> {
  const connection = connectPatient(stand.server().url, quiet);
  const flow = createFlowProducer(connection, quiet);
  const retries = jobOptions('vote', { maxRetryAttempts: 3, retryDelayS: 0.01 });
  await flow.addBulk(
    votes.map((vote) => ({
      name: 'vote',
      queueName: 'vote',
      data: { run_id: vote.runId, proposal_id: vote.proposal.id, content_hash: contentHash(vote.proposal) },
      opts: { ...retries, jobId: idOf(vote), priority: deadlinePriority(vote.proposal.end, Date.now()) },
    })),
  );
  await flow.close();
  connection.disconnect();
}

/** What the job of this vote returned, once it has completed. */
export async function returned(stand: Stand, vote: VoteCase): Promise<unknown> {
  const key = `${BULL_PREFIX}:vote:${idOf(vote)}`;
  return JSON.parse(await until('the job to complete', () => stand.redis().hget(key, 'returnvalue')));
}

function idOf(vote: Enqueued): string {
  return jobIds.vote(vote.runId, vote.proposal.id);
}
