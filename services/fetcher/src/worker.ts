/**
 * The worker of the queue `agent-run`: runs, turns, rankings and the watchdog, each in a module of its own. At its start the
 * schedulers are made what the records say, and what was lost while nobody worked is put back.
 */
import { runWorker, type RunningWorker } from '@quorum/shared/run-worker';
import { handler } from '@quorum/shared/job-handler';
import type { OwnerId } from '@quorum/shared/ids';
import { JOBS } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { Traces } from '@quorum/shared/traces';
import { keepSchedule, watchdogSchedule } from '@quorum/shared/schedules';
import { readVoting } from '@quorum/shared/voting';
import type { Redis } from 'ioredis';
import { openQueues } from './queues.ts';
import { rankJob } from './ranking.ts';
import { runJob, type RunDeps, type RunTerms } from './run-job.ts';
import { turnJob } from './turn.ts';
import { watchdogJob, type WatchdogDeps } from './watchdog.ts';

const MINUTE_MS = 60 * 1_000;

export type FetcherDeps = RunDeps & {
  /** What holds now, for what belongs to no run. */
  readonly termsNow: () => Promise<RunTerms>;
};

export type FetcherOptions = {
  readonly connection: Redis;
  readonly concurrency: number;
  /** Seconds after which the jobs of a worker that vanished are taken back. */
  readonly lockS: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly traces?: Traces | null;
  readonly deps: FetcherDeps;
};

/** Starts the worker. `close` ends it and what it opened. */
export function startFetcher(options: FetcherOptions): RunningWorker {
  const { connection, concurrency, lockS, log, metrics, traces = null, deps } = options;
  const retries = async () => (await deps.termsNow()).retries;
  const queues = openQueues({ connection, retries, log });
  const { readToEnd, fail, ...agentRun } = runJob(deps, queues);
  const votingOf = (owner: OwnerId) => readVoting(connection, owner);
  const watchdog: WatchdogDeps = { ...deps, queues, readToEnd, fail, retries, votingOf };

  const worker = runWorker({
    queue: 'agent-run',
    handlers: {
      'agent-run': handler(JOBS['agent-run'], agentRun),
      turn: handler(JOBS.turn, {
        async handle(turn, _attempt, _signal, step) {
          const result = await turnJob(turn, step.id, { ...deps, queues, retries });
          metrics.turns.inc({ result: result.kind });
          return result;
        },
      }),
      rank: handler(JOBS.rank, {
        handle: async (asked, _attempt, signal) => rankJob(asked, { ...deps, ...(await deps.termsNow()) }, signal),
      }),
      watchdog: handler(JOBS.watchdog, { handle: () => watchdogJob(watchdog) }),
    },
    connection,
    concurrency,
    lockS,
    log,
    metrics,
    traces,
  });

  return {
    ...worker,
    async ready() {
      await worker.ready();
      await keepSchedule(queues.schedules, watchdogSchedule(MINUTE_MS, await retries()), deps.now());
      await watchdogJob(watchdog);
    },
    async close(deadlineMs) {
      await worker.close(deadlineMs);
      await queues.close();
    },
  };
}
