/** Puts the job of a vote on the real queue, and reads what became of it. */
import { jobIds, jobOptions } from '@quorum/shared/jobs';
import { connectPatient, createFlowProducer } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { contentHash } from '@quorum/snapshot/content-hash';
import { quiet } from '../../../packages/shared/test/samples.ts';
import { type Stand, until, type VoteCase } from './stand.ts';

/** Adds the job of this vote. */
export async function enqueue(stand: Stand, vote: VoteCase): Promise<void> {
  const connection = connectPatient(stand.server().url, quiet);
  const flow = createFlowProducer(connection, quiet);
  const data = { run_id: vote.runId, proposal_id: vote.proposal.id, content_hash: contentHash(vote.proposal) };
  const opts = { ...jobOptions('vote', { maxRetryAttempts: 3, retryDelayS: 0.01 }), jobId: idOf(vote) };
  await flow.add({ name: 'vote', queueName: 'vote', data, opts });
  await flow.close();
  connection.disconnect();
}

/** What the job of this vote returned, once it has completed. */
export async function returned(stand: Stand, vote: VoteCase): Promise<unknown> {
  const key = `${BULL_PREFIX}:vote:${idOf(vote)}`;
  return JSON.parse(await until('the job to complete', () => stand.redis().hget(key, 'returnvalue')));
}

function idOf(vote: VoteCase): string {
  return jobIds.vote(vote.runId, vote.proposal.id);
}
