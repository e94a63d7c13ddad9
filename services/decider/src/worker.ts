/** The worker of the queue `decide`. Whatever goes wrong ends as a recorded failure, so that the vote job still runs and says it. */
import type { Redis } from 'ioredis';
import { QuorumError } from '@quorum/shared/errors';
import { handler } from '@quorum/shared/job-handler';
import { JOBS } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { Traces } from '@quorum/shared/traces';
import { runWorker, type RunningWorker } from '@quorum/shared/run-worker';
import { decideJob, recordFailure, type DecideJobDeps } from './decide-job.ts';

export type DecideWorkerOptions = {
  readonly connection: Redis;
  readonly concurrency: number;
  /** Seconds after which the jobs of a worker that vanished are taken back. */
  readonly lockS: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly traces?: Traces | null;
  readonly deps: Omit<DecideJobDeps, 'attempt'>;
};

/** Starts to take `decide` jobs. */
export function startDecideWorker(options: DecideWorkerOptions): RunningWorker {
  const { connection, concurrency, lockS, log, metrics, traces = null, deps } = options;
  const { records } = deps;
  return runWorker({
    queue: 'decide',
    handlers: {
      decide: handler(JOBS.decide, {
        handle: (payload, attempt, signal) => decideJob(payload, { ...deps, attempt }, signal),
        onFinalError: (payload, error) => recordFailure(payload, error, records),
        async onLost(data, error) {
          const payload = JOBS.decide.payload.parse(data);
          await recordFailure(
            payload,
            new QuorumError('internal', 'The decision was given up.', { cause: error }),
            records,
          );
        },
      }),
    },
    connection,
    concurrency,
    lockS,
    log,
    metrics,
    traces,
  });
}
