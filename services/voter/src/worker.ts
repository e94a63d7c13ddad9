/** The worker of the queue `vote`. */
import { treatmentOf } from '@quorum/shared/errors';
import { handler } from '@quorum/shared/job-handler';
import { JOBS } from '@quorum/shared/jobs';
import { runWorker, type RunningWorker } from '@quorum/shared/run-worker';
import type { Redis } from 'ioredis';
import { failed } from './step.ts';
import type { VoteJobDeps } from './vote-deps.ts';
import { settleOutcome, voteJob } from './vote.ts';

export type VoterOptions = {
  readonly connection: Redis;
  readonly concurrency: number;
  /** Seconds after which the jobs of a worker that vanished are taken back. */
  readonly lockS: number;
  readonly deps: VoteJobDeps;
};

/** Starts the worker. */
export function startVoter({ connection, concurrency, lockS, deps }: VoterOptions): RunningWorker {
  const { log, metrics, records } = deps;
  return runWorker({
    queue: 'vote',
    handlers: {
      vote: handler(JOBS.vote, {
        handle: (payload, attempt, signal) => voteJob(payload, deps, signal, attempt.pickups),
        async onFinalError(payload, error, attempt) {
          const run = await records.run(payload.run_id);
          const { why } = treatmentOf(error.category);
          // The reason says all that there is to say of what nobody foresaw.
          const record = failed(why, deps.now(), error.category === 'internal' ? undefined : error.message);
          if (run === null) return record.outcome;
          const { run_id: runId, proposal_id: proposal, content_hash: contentHash } = payload;
          return settleOutcome(
            { runId, owner: run.owner, space: run.space, proposal, contentHash, tries: attempt.pickups },
            record,
            deps,
          );
        },
      }),
    },
    connection,
    concurrency,
    lockS,
    log,
    metrics,
  });
}
