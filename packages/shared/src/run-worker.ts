/**
 * The edge to BullMQ: one worker for a queue, one handler for each of its jobs. It takes a job, checks its payload, calls its
 * handler, checks the result, and translates what the handler throws. Handlers know no BullMQ.
 *
 *   handler returns            → the job completes with the checked result
 *   throws `PostponeError`     → the job is delayed; costs no attempt
 *   throws once it was told to stop, at shutdown or since its run is to end → the job waits to be picked up again, and then finds
 *                                what became of its run; costs no attempt
 *   throws what may be retried → backoff, while attempts are left
 *   throws anything else       → the job fails at once
 *   and if it would fail for good, `onFinalError` (if given) turns that into a result: the job completes after all
 */
import { DelayedError, UnrecoverableError, WaitingChildrenError, WaitingError, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { toQuorumError, treatmentOf } from './errors.ts';
import { proveHandled, type Attempt, type JobHandler, type StepJob, type Work } from './job-handler.ts';
import type { JobOn, QueueName } from './jobs.ts';
import type { Logger } from './log.ts';
import type { JobEnd, Metrics } from './metrics.ts';
import { BULL_PREFIX } from './redis-keys.ts';
import { hearStops } from './stops.ts';
import { timeLimit } from './time-limit.ts';
import { traceJob } from './job-trace.ts';
import { openSpan } from './trace-context.ts';
import type { Traces } from './traces.ts';

/** Thrown by a handler: not now, try again after so many milliseconds. */
export class PostponeError extends Error {
  readonly delayMs: number;

  constructor(delayMs: number, why: string) {
    super(why);
    this.name = 'PostponeError';
    this.delayMs = delayMs;
  }
}

export type RunWorkerOptions<Q extends QueueName> = {
  readonly queue: Q;
  /** By the name of the job; each job of the queue has one. */
  readonly handlers: Readonly<Record<JobOn<Q>, JobHandler>>;
  readonly connection: Redis;
  readonly concurrency: number;
  /** Seconds after which the jobs of a worker that vanished are taken back. Default 30. */
  readonly lockS?: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Null or absent: they are off. */
  readonly traces?: Traces | null;
};

export type RunningWorker = {
  readonly close: (deadlineMs: number) => Promise<void>;
  readonly isRunning: () => boolean;
  /** Resolves once it takes jobs; waits for a Redis that is away. */
  readonly ready: () => Promise<void>;
  /** How many jobs are worked on at once, from the end of the next one on; none is cut short. */
  readonly setConcurrency: (concurrency: number) => void;
};

/**
 * How often a job may be taken back from a worker that vanished. BullMQ's own 1 would fail a job for good at its second crash;
 * every handler is idempotent, so more is safe.
 */
const MAX_STALLED = 20;
const DEFAULT_LOCK_S = 30;

/** Starts a worker on a queue. Throws where a job of the queue has no handler, or a handler no job. */
export function runWorker<Q extends QueueName>(options: RunWorkerOptions<Q>): RunningWorker {
  const { queue, connection, concurrency, log, metrics, traces = null } = options;
  const lockMs = (options.lockS ?? DEFAULT_LOCK_S) * 1_000;
  const handlers = new Map<string, JobHandler>(Object.entries(options.handlers));
  proveHandled(queue, [...handlers.keys()]);
  const stops = hearStops(connection, log);

  let handingBack = false;
  let inFlight = 0;

  /** A worker that is being shut down judges no job. A mere error would cost an attempt, and the last one would fail the job. */
  async function handBack(job: Job, token: string, { log: scoped }: Attempt): Promise<never> {
    scoped.info('job handed back');
    await job.moveToWait(token);
    throw new WaitingError();
  }

  // Three declared parameters: BullMQ makes an AbortSignal only then.
  const traced = (job: Job, token: string | undefined, signal: AbortSignal | undefined): Promise<unknown> =>
    traceJob(traces, queue, job, () => process(job, token, signal));

  async function process(job: Job, token: string | undefined, signal: AbortSignal | undefined): Promise<unknown> {
    const scoped = log.child({ job_id: job.id, queue, job: job.name, ...refsOf(job.data) });
    const attempt: Attempt = {
      number: job.attemptsMade + 1,
      last: job.attemptsMade + 1 >= (job.opts.attempts ?? 1),
      pickups: Math.max(1, job.attemptsStarted),
      addedAtMs: job.timestamp,
      log: scoped,
    };
    const began = performance.now();
    inFlight += 1;
    metrics.jobsInFlight.inc({ queue });
    // The name comes from Redis: what nobody works is not to make labels.
    const labels = { queue, job: handlers.has(job.name) ? job.name : 'unknown' };
    const done = (result: JobEnd): void => {
      inFlight -= 1;
      metrics.jobsInFlight.dec({ queue });
      metrics.jobs.inc({ ...labels, result });
      metrics.jobDuration.observe({ ...labels, result }, (performance.now() - began) / 1_000);
    };
    try {
      const result = await attemptOnce(job, token ?? '', signal, attempt);
      done('completed');
      return result;
    } catch (error) {
      const isMove =
        error instanceof DelayedError || error instanceof WaitingChildrenError || error instanceof WaitingError;
      done(isMove ? 'delayed' : error instanceof UnrecoverableError || attempt.last ? 'failed' : 'retried');
      if (!isMove) {
        const { category } = toQuorumError(error instanceof UnrecoverableError ? (error.cause ?? error) : error);
        const duration_ms = Math.round(performance.now() - began);
        scoped.warn(
          { err: error, category, attempt: attempt.number, last: attempt.last, duration_ms },
          'job attempt failed',
        );
      }
      throw error;
    }
  }

  async function attemptOnce(
    job: Job,
    token: string,
    signal: AbortSignal | undefined,
    attempt: Attempt,
  ): Promise<unknown> {
    // A fetch that was under way when the worker began to close can bring back the very job that was handed back, and nobody
    // would abort it a second time.
    if (handingBack) return handBack(job, token, attempt);
    const { work, timeoutMs } = take(job);
    const stop = stops.of(runIdOf(job.data));
    using limit = timeLimit(timeoutMs, [stop.signal, ...(signal === undefined ? [] : [signal])]);
    try {
      return await work.handle(attempt, limit.signal, stepJob(job, token));
    } catch (thrown) {
      if (thrown instanceof WaitingChildrenError || thrown instanceof DelayedError) throw thrown;
      if (thrown instanceof PostponeError) {
        attempt.log.info({ delay_ms: thrown.delayMs, why: thrown.message }, 'job postponed');
        await job.moveToDelayed(Date.now() + thrown.delayMs, token);
        throw new DelayedError();
      }
      if (signal?.aborted === true || stop.signal.aborted) return handBack(job, token, attempt);
      const error = toQuorumError(thrown);
      const final = attempt.last || !treatmentOf(error.category).retry;
      if (final && work.onFinalError !== undefined) {
        attempt.log.error({ err: error, category: error.category }, 'job ends with an error');
        openSpan()?.fail(error.category);
        return await work.onFinalError(error, attempt, stepJob(job, token));
      }
      if (final) throw Object.assign(new UnrecoverableError(error.message), { cause: error });
      throw error;
    } finally {
      stop.done();
    }
  }

  /** What is to be done about a job. What nobody can do, or read, no attempt mends. */
  function take(job: Job): { readonly work: Work; readonly timeoutMs: number } {
    const found = handlers.get(job.name);
    if (found === undefined) throw new UnrecoverableError(`Nobody works ${job.name} on the queue ${queue}.`);
    try {
      return { work: found.take(job.data), timeoutMs: found.timeoutMs };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new UnrecoverableError(`The payload of ${job.name} does not fit: ${why}`);
    }
  }

  metrics.jobsInFlight.inc({ queue }, 0);
  metrics.jobsStalled.inc({ queue }, 0);
  const worker = new Worker(queue, traced, {
    connection,
    prefix: BULL_PREFIX,
    concurrency,
    maxStalledCount: MAX_STALLED,
    lockDuration: lockMs,
    stalledInterval: lockMs,
  });
  worker.on('error', (error: unknown) => log.error({ err: error, queue }, 'worker error'));
  worker.on('stalled', (jobId: string) => {
    metrics.jobsStalled.inc({ queue });
    log.warn({ job_id: jobId, queue }, 'job taken back from a worker that vanished');
  });
  worker.on('failed', (job: Job | undefined, error: Error) => {
    const onLost = job?.finishedOn === undefined ? undefined : handlers.get(job.name)?.onLost;
    if (job === undefined || onLost === undefined) return;
    onLost(job.data, error).catch((fault: unknown) =>
      log.error({ err: fault, job_id: job.id }, 'lost job not recorded'),
    );
  });

  return {
    isRunning: () => worker.isRunning(),
    ready: () => worker.waitUntilReady(),
    setConcurrency(wanted) {
      worker.concurrency = wanted;
    },
    async close(deadlineMs) {
      const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<void>();
      // BullMQ waits for a Redis that is away without limit, and nothing can be handed back to it: the locks run out by themselves.
      const leave = (): void => {
        if (connection.status === 'ready') return;
        log.warn({ queue, jobs: inFlight }, 'worker left without redis');
        giveUp();
      };
      const closed = worker.close();
      if (inFlight === 0) leave();
      // close() waits without limit and stops nothing; at the deadline the jobs go back to the queue.
      const timer = setTimeout(() => {
        handingBack = true;
        worker.cancelAllJobs('the service is stopping');
        leave();
      }, deadlineMs);
      try {
        await Promise.race([closed, givenUp]);
      } finally {
        stops.close();
        clearTimeout(timer);
      }
    },
  };
}

function stepJob(job: Job, token: string): StepJob {
  return {
    id: job.id ?? '',
    async waitForChildren(next) {
      // Sent together, so that both cost one trip and one sync, beside the children that begin by now.
      const noted = next === undefined ? null : job.updateData(next);
      const [waits] = await Promise.all([job.moveToWaitingChildren(token), noted]);
      if (waits) throw new WaitingChildrenError();
    },
  };
}

function runIdOf(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || !('run_id' in data)) return null;
  return typeof data.run_id === 'string' ? data.run_id : null;
}

/** By what its payload names: one id leads from the HTTP request to the vote. */
const REFS: ReadonlySet<string> = new Set(['request_id', 'run_id', 'step', 'proposal_id', 'hold_id']);

/** The ids that every log line of a job carries. */
function refsOf(data: unknown): Record<string, unknown> {
  if (typeof data !== 'object' || data === null) return {};
  return Object.fromEntries(Object.entries(data).filter(([name]) => REFS.has(name)));
}
