/** The worker of the queue `notify`, which the gateway works: on a connection of its own, so that no request waits for it. */
import { handler } from '@quorum/shared/job-handler';
import { JOBS } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import { NoticePayload } from '@quorum/shared/notices';
import { runWorker, type RunningWorker } from '@quorum/shared/run-worker';
import type { Traces } from '@quorum/shared/traces';
import type { Redis } from 'ioredis';
import { notifyJob, type NotifyDeps } from './notify-job.ts';

/** Many, since a try does nothing but wait; of one owner there are never more than a few. */
const CONCURRENCY = 64;

export type NotifierOptions = {
  /** One that waits for a Redis that is away. */
  readonly connection: Redis;
  readonly deps: NotifyDeps;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly traces?: Traces | null;
};

/** Starts the worker. Does not wait for Redis. */
export function startNotifier({ connection, deps, log, metrics, traces = null }: NotifierOptions): RunningWorker {
  return runWorker({
    queue: 'notify',
    handlers: {
      notify: handler(JOBS.notify, {
        handle: (notice, attempt) => notifyJob(notice, attempt, deps),
        async onLost(data, error) {
          log.error({ err: error }, 'job of a notice lost');
          const notice = NoticePayload.safeParse(data);
          if (!notice.success) return;
          await deps.deliveries.end(notice.data, { state: 'dead', why: 'its job was lost' }, deps.now());
        },
      }),
    },
    connection,
    concurrency: CONCURRENCY,
    log,
    metrics,
    traces,
  });
}
