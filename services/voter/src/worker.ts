/** The worker of the queue `vote`. */
import { treatmentOf, type ErrorCategory } from '@quorum/shared/errors';
import { JOBS } from '@quorum/shared/jobs';
import type { FailedWhy } from '@quorum/shared/outcome';
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
    name: 'vote',
    job: JOBS.vote,
    connection,
    concurrency,
    lockS,
    log,
    metrics,
    handle: (payload, attempt, signal) => voteJob(payload, deps, signal, attempt.pickups),
    async onFinalError(payload, error, attempt) {
      const run = await records.run(payload.run_id);
      const record = failed(whyOf(error.category), deps.now(), treatmentOf(error.category).words);
      if (run === null) return record.outcome;
      const { run_id: runId, proposal_id: proposal, content_hash: contentHash } = payload;
      return settleOutcome(
        { runId, owner: run.owner, space: run.space, proposal, contentHash, tries: attempt.pickups },
        record,
        deps,
      );
    },
  });
}

function whyOf(category: ErrorCategory): FailedWhy {
  switch (category) {
    case 'upstream_unavailable':
    case 'upstream_rejected':
    case 'rate_limited':
      return 'upstream_unavailable';
    case 'signing':
    case 'vote_rejected':
    case 'timeout':
      return category;
    default:
      return 'internal';
  }
}
