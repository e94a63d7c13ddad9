/** A real queue and real workers for a test file. One test at a time: each ends its workers, and the queue is emptied. */
import { type Job, Queue, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { z } from 'zod';
import { PATIENT } from '../../../test/patience.ts';
import type { TestRedis } from '../../../test/redis.ts';
import { createMetrics, type Metrics } from '../src/metrics.ts';
import { BULL_PREFIX } from '../src/redis-keys.ts';
import { handler, type JobHandling } from '../src/job-handler.ts';
import { type RunningWorker, runWorker, type RunWorkerOptions } from '../src/run-worker.ts';
import { quiet } from './samples.ts';

const Payload = z.strictObject({ n: z.int() });
const Result = z.object({ doubled: z.int() });
type Handling = JobHandling<z.infer<typeof Payload>, z.infer<typeof Result>>;
type Options = Omit<RunWorkerOptions<'decide'>, 'queue' | 'handlers'>;
/** A job that doubles numbers, on a queue of the catalogue. */
export const JOB = {
  queue: 'decide',
  payload: Payload,
  result: Result,
  timeoutMs: 10_000,
  attempts: 'config',
  keepS: 60,
} as const;

/** What works `decide` on the payloads of these tests. */
export const decideHandler = ({ timeoutMs = JOB.timeoutMs, ...does }: Handling & { timeoutMs?: number }) =>
  handler({ ...JOB, timeoutMs }, does);

export function useJobs({ redis, server }: { redis: () => Redis; server: () => TestRedis }) {
  let opened: { queue: Queue; events: QueueEvents } | undefined;
  const parts = () => {
    if (opened === undefined) throw new Error('the queue of this file is not open yet');
    return opened;
  };
  const running: RunningWorker[] = [];
  const closeWorkers = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((worker) => worker.close(0)));
  };

  beforeAll(async () => {
    const connection = { url: server().url };
    const queue = new Queue('decide', { connection, prefix: BULL_PREFIX });
    const events = new QueueEvents('decide', { connection, prefix: BULL_PREFIX });
    // A test may take Redis away; without a listener that would be printed.
    queue.on('error', () => {});
    events.on('error', () => {});
    await events.waitUntilReady();
    opened = { queue, events };
  });
  afterEach(async () => {
    await closeWorkers();
    await parts().queue.obliterate({ force: true });
  });
  afterAll(async () => {
    await opened?.events.close();
    await opened?.queue.close();
  });

  return {
    queue: () => parts().queue,
    events: () => parts().events,
    /** Has workers closed after the test. */
    closeLater: (...workers: RunningWorker[]): number => running.push(...workers),
    closeWorkers,
    /** Starts a worker; what a test is about is given, the rest is filled in. */
    work: ({
      handle,
      onFinalError,
      onLost,
      timeoutMs,
      ...given
    }: Partial<Options> & Handling & { timeoutMs?: number }): { worker: RunningWorker; metrics: Metrics } => {
      const metrics = given.metrics ?? createMetrics('test');
      const does = {
        handle,
        ...(onFinalError === undefined ? {} : { onFinalError }),
        ...(onLost === undefined ? {} : { onLost }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      };
      const common = { queue: 'decide', connection: redis(), concurrency: 4, log: quiet } as const;
      const worker = runWorker({ ...common, ...given, handlers: { decide: decideHandler(does) }, metrics });
      running.push(worker);
      return { worker, metrics };
    },
    add: (data: unknown, attempts = 3): Promise<Job> =>
      parts().queue.add('decide', data, { attempts, backoff: { type: 'fixed', delay: 5 } }),
    /** What the job returns; rejects where it fails. */
    end: (job: Job): Promise<unknown> => job.waitUntilFinished(parts().events, PATIENT.timeout),
    /** The job as it is now. */
    fresh: async (job: Job): Promise<Job> => {
      const now = await parts().queue.getJob(job.id ?? '');
      if (now === undefined) throw new Error('the job is gone');
      return now;
    },
  };
}

/** How many attempts ended in which way. */
export async function counted(metrics: Metrics): Promise<Record<string, number>> {
  const { values } = await metrics.jobs.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels['result']), value]));
}

/** Rejects when the signal says stop, as fetch does. */
export function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
    if (signal.aborted) reject(new DOMException('stopped', 'AbortError'));
  });
}
