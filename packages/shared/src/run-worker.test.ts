import { FlowProducer, type Job, Queue, QueueEvents } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listeningLogger, quiet } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { QuorumError, ValidationError } from './errors.ts';
import { connectPatient } from './redis.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { BULL_PREFIX } from './redis-keys.ts';
import { PostponeError, runWorker, type RunningWorker, type RunWorkerOptions } from './run-worker.ts';

const Payload = z.strictObject({ n: z.int() });
const Result = z.object({ doubled: z.int() });
type Options = RunWorkerOptions<z.infer<typeof Payload>, z.infer<typeof Result>>;

const { redis, server } = useRedis();

// One queue for the file, so one test at a time: each ends its worker, and its job is the only one.
let queue: Queue;
let events: QueueEvents;
const running: RunningWorker[] = [];

beforeAll(async () => {
  const connection = { url: server().url };
  queue = new Queue('decide', { connection, prefix: BULL_PREFIX });
  events = new QueueEvents('decide', { connection, prefix: BULL_PREFIX });
  await events.waitUntilReady();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((worker) => worker.close(0)));
  await queue.obliterate({ force: true });
});
afterAll(async () => {
  await events.close();
  await queue.close();
});

function work(given: Partial<Options> & Pick<Options, 'handle'>): { worker: RunningWorker; metrics: Metrics } {
  const metrics = given.metrics ?? createMetrics('test');
  const job = { payload: Payload, result: Result, timeoutMs: 10_000, attempts: 'config' } as const;
  const worker = runWorker({ name: 'decide', job, connection: redis(), concurrency: 4, log: quiet, ...given, metrics });
  running.push(worker);
  return { worker, metrics };
}

const add = (data: unknown, attempts = 3): Promise<Job> =>
  queue.add('decide', data, { attempts, backoff: { type: 'fixed', delay: 5 } });

const end = (job: Job): Promise<unknown> => job.waitUntilFinished(events, 10_000);

async function fresh(job: Job): Promise<Job> {
  const now = await queue.getJob(job.id ?? '');
  if (now === undefined) throw new Error('the job is gone');
  return now;
}

async function counted(metrics: Metrics): Promise<Record<string, number>> {
  const { values } = await metrics.jobs.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels['result']), value]));
}

const broken = () => new QuorumError('internal', 'it broke');

describe('a job', () => {
  it('completes with what its handler returns', async () => {
    const { metrics } = work({ handle: async ({ n }) => ({ doubled: n * 2 }) });
    expect(await end(await add({ n: 21 }))).toEqual({ doubled: 42 });
    expect(await counted(metrics)).toEqual({ completed: 1 });
    expect((await metrics.jobsInFlight.get()).values).toEqual([{ labels: { queue: 'decide' }, value: 0 }]);
    expect(await metrics.registry.metrics()).toMatch(
      /quorum_job_duration_seconds_count\{queue="decide",result="completed",service="test"\} 1/,
    );
  });

  it('whose payload does not fit fails at once, calls no handler and is told of as lost', async () => {
    const lost = Promise.withResolvers<unknown>();
    let called = false;
    const { metrics } = work({
      handle: async () => {
        called = true;
        return { doubled: 0 };
      },
      onLost: async (data) => lost.resolve(data),
    });
    const job = await add({ n: 'many', more: 1 });
    await expect(end(job)).rejects.toThrow(/payload of decide does not fit/);
    expect(await lost.promise).toEqual({ n: 'many', more: 1 });
    expect(called).toBe(false);
    expect((await fresh(job)).attemptsMade).toBe(1);
    expect(await counted(metrics)).toEqual({ failed: 1 });
  });

  it('that fails is tried again, and its handler knows which attempt it is in', async () => {
    const attempts: (readonly [number, boolean])[] = [];
    const { metrics } = work({
      handle: async ({ n }, { number, last }) => {
        attempts.push([number, last]);
        if (number < 3) throw broken();
        return { doubled: n };
      },
    });
    expect(await end(await add({ n: 1 }))).toEqual({ doubled: 1 });
    expect(attempts).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ]);
    expect(await counted(metrics)).toEqual({ retried: 2, completed: 1 });
  });

  it('whose last attempt fails ends with the result that is made of the error', async () => {
    const seen: string[] = [];
    const { metrics } = work({
      handle: async () => {
        throw new TypeError('a bug');
      },
      onFinalError: async ({ n }, error, { number, last }) => {
        seen.push(`${error.category} at ${number}, last: ${last}`);
        return { doubled: -n };
      },
    });
    expect(await end(await add({ n: 7 }, 2))).toEqual({ doubled: -7 });
    expect(seen).toEqual(['internal at 2, last: true']);
    expect(await counted(metrics)).toEqual({ retried: 1, completed: 1 });
  });

  it('with an error that no retry mends ends at once', async () => {
    const handle = async (): Promise<never> => {
      throw new ValidationError('it will never fit');
    };
    const first = work({ handle, onFinalError: async (_payload, error) => ({ doubled: error.message.length }) });
    const job = await add({ n: 1 });
    expect(await end(job)).toEqual({ doubled: 'it will never fit'.length });
    expect((await fresh(job)).attemptsMade).toBe(1);
    await first.worker.close(0);

    const lost = Promise.withResolvers<string>();
    work({ handle, onLost: async (_data, error) => lost.resolve(error.message) });
    const other = await add({ n: 1 });
    await expect(end(other)).rejects.toThrow('it will never fit');
    expect((await fresh(other)).attemptsMade).toBe(1);
    expect(await lost.promise).toBe('it will never fit');
  });

  it('that fails on its way to the last attempt is not lost', async () => {
    const lost: unknown[] = [];
    work({
      handle: async ({ n }, { last }) => {
        if (!last) throw broken();
        return { doubled: n };
      },
      onLost: async (data) => void lost.push(data),
    });
    await end(await add({ n: 1 }));
    expect(lost).toEqual([]);
  });

  it('whose result does not fit is tried again, and fails in the end', async () => {
    let tried = 0;
    work({
      handle: async () => {
        tried += 1;
        return { doubled: 0.5 };
      },
    });
    await expect(end(await add({ n: 1 }, 2))).rejects.toThrow();
    expect(tried).toBe(2);
  });

  it('that is postponed costs no attempt, however often', async () => {
    let picked = 0;
    const { metrics } = work({
      handle: async ({ n }, { number, last }) => {
        picked += 1;
        expect([number, last]).toEqual([1, true]);
        if (picked < 4) throw new PostponeError(1, 'the gate is shut');
        return { doubled: n };
      },
    });
    expect(await end(await add({ n: 5 }, 1))).toEqual({ doubled: 5 });
    expect(picked).toBe(4);
    expect(await counted(metrics)).toEqual({ delayed: 3, completed: 1 });
  });

  it('that takes longer than it may is stopped, as a time-out', async () => {
    const categories: string[] = [];
    work({
      job: { payload: Payload, result: Result, timeoutMs: 20, attempts: 1 },
      handle: async (_payload, _attempt, signal) => {
        await untilStopped(signal);
        return { doubled: 0 };
      },
      onFinalError: async (_payload, error) => {
        categories.push(error.category);
        return { doubled: -1 };
      },
    });
    expect(await end(await add({ n: 1 }, 1))).toEqual({ doubled: -1 });
    expect(categories).toEqual(['timeout']);
  });

  it('logs a failed attempt with the ids of its run, and nothing else of its payload', async () => {
    const { log, lines } = listeningLogger();
    const payload = z.object({ run_id: z.string(), text: z.string() });
    const worker = runWorker({
      name: 'decide',
      job: { payload, result: Result, timeoutMs: 1_000, attempts: 1 },
      connection: redis(),
      concurrency: 1,
      log,
      metrics: createMetrics('test'),
      handle: async () => {
        throw broken();
      },
    });
    running.push(worker);
    const job = await add({ run_id: 'run-1', text: 'whispered' }, 1);
    await expect(end(job)).rejects.toThrow('it broke');
    const line = lines.find(({ msg }) => msg === 'job attempt failed');
    expect(line).toMatchObject({ run_id: 'run-1', job_id: job.id, queue: 'decide', attempt: 1, last: true });
    expect(JSON.stringify(lines)).not.toContain('whispered');
  });
});

describe('a worker that is closed', () => {
  it('waits for the job that it is at', async () => {
    const started = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const { worker } = work({
      handle: async ({ n }) => {
        started.resolve();
        await go.promise;
        return { doubled: n };
      },
    });
    const job = await add({ n: 3 });
    await started.promise;
    const closed = worker.close(10_000);
    go.resolve();
    await closed;
    expect(worker.isRunning()).toBe(false);
    expect((await fresh(job)).returnvalue).toEqual({ doubled: 3 });
  });

  it.for([1, 3])('hands the job back at the deadline, and another finishes it (attempts: %i)', async (attempts) => {
    const started = Promise.withResolvers<void>();
    const judged: unknown[] = [];
    const lost: unknown[] = [];
    const { worker, metrics } = work({
      handle: async (_payload, _attempt, signal) => {
        started.resolve();
        await untilStopped(signal);
        return { doubled: 0 };
      },
      onFinalError: async (_payload, error) => {
        judged.push(error);
        return { doubled: -1 };
      },
      onLost: async (data) => void lost.push(data),
    });
    const job = await add({ n: 4 }, attempts);
    await started.promise;
    await worker.close(10);
    expect([judged, lost]).toEqual([[], []]);
    expect(await counted(metrics)).toEqual({ delayed: 1 });
    expect(await job.getState()).toBe('waiting');

    const numbers: number[] = [];
    work({
      handle: async ({ n }, { number }) => {
        numbers.push(number);
        return { doubled: n * 2 };
      },
    });
    expect(await end(job)).toEqual({ doubled: 8 });
    expect(numbers).toEqual([1]);
  });
});

describe('a step job', () => {
  it('waits until its children have settled and begins its next pick-up at the next step', async () => {
    const Step = z.strictObject({ step: z.enum(['fetch', 'summarise']) });
    const steps: string[] = [];
    const flow = new FlowProducer({ connection: { url: server().url }, prefix: BULL_PREFIX });
    const children = new Queue('vote', { connection: { url: server().url }, prefix: BULL_PREFIX });
    const metrics = createMetrics('test');
    const gate = Promise.withResolvers<void>();
    const parent = runWorker({
      name: 'decide',
      job: { payload: Step, result: Result, timeoutMs: 10_000, attempts: 1 },
      connection: redis(),
      concurrency: 1,
      log: quiet,
      metrics,
      handle: async ({ step }, attempt, _signal, job) => {
        steps.push(`${step} at ${attempt.number}`);
        if (step === 'fetch') {
          await flow.add({
            name: 'vote',
            queueName: 'vote',
            data: { n: 1 },
            opts: { parent: { id: job.id, queue: queue.qualifiedName }, ignoreDependencyOnFailure: true },
          });
          await job.update({ step: 'summarise' });
          await job.waitForChildren();
        }
        return { doubled: steps.length };
      },
    });
    const child = runWorker({
      name: 'vote',
      job: { payload: Payload, result: Result, timeoutMs: 10_000, attempts: 1 },
      connection: redis(),
      concurrency: 1,
      log: quiet,
      metrics,
      handle: async () => {
        await gate.promise;
        throw broken();
      },
    });
    running.push(parent, child);
    try {
      const job = await add({ step: 'fetch' }, 1);
      const waiting = new Promise((resolve) => events.once('waiting-children', resolve));
      await waiting;
      expect(await job.getState()).toBe('waiting-children');
      gate.resolve();
      expect(await end(job)).toEqual({ doubled: 2 });
      expect(steps).toEqual(['fetch at 1', 'summarise at 1']);
    } finally {
      gate.resolve();
      await Promise.all([flow.close(), children.close()]);
    }
  });

  it('does not wait where there are no children', async () => {
    work({
      handle: async ({ n }, _attempt, _signal, job) => {
        await job.waitForChildren();
        return { doubled: n };
      },
    });
    expect(await end(await add({ n: 9 }))).toEqual({ doubled: 9 });
  });
});

describe('a worker whose Redis went away', () => {
  it('goes on by itself once it is back', async () => {
    const own = connectPatient(server().url, quiet);
    work({ connection: own, handle: async ({ n }) => ({ doubled: n }) });
    await end(await add({ n: 1 }));
    await server().restart();
    expect(await end(await add({ n: 2 }))).toEqual({ doubled: 2 });
    await Promise.all(running.splice(0).map((worker) => worker.close(0)));
    own.disconnect();
  });
});

/** Rejects when the signal says stop, as fetch does. */
function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
    if (signal.aborted) reject(new DOMException('stopped', 'AbortError'));
  });
}
