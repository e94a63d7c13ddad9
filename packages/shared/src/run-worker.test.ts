import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { PATIENT } from '../../../test/patience.ts';
import { counted, decideHandler, JOB, untilStopped, useJobs } from '../test/jobs.ts';
import { listeningLogger, quiet } from '../test/samples.ts';
import { aRunningRun, NOW_MS, useRedis } from '../test/world.ts';
import { QuorumError, ValidationError } from './errors.ts';
import { handler, proveHandled } from './job-handler.ts';
import { createMetrics } from './metrics.ts';
import { keys } from './redis-keys.ts';
import { PostponeError, runWorker } from './run-worker.ts';

const { redis, server } = useRedis();
const { queue, work, add, end, fresh, closeLater } = useJobs({ redis, server });

const broken = () => new QuorumError('internal', 'it broke');

describe('a job', () => {
  it('completes with what its handler returns', async () => {
    const { metrics } = work({ handle: async ({ n }) => ({ doubled: n * 2 }) });
    expect(await end(await add({ n: 21 }))).toEqual({ doubled: 42 });
    expect(await counted(metrics)).toEqual({ completed: 1 });
    expect((await metrics.jobsInFlight.get()).values).toEqual([{ labels: { queue: 'decide' }, value: 0 }]);
    const durations = await metrics.jobDuration.get();
    expect(durations.values.find(({ metricName }) => metricName?.endsWith('_count'))).toMatchObject({
      labels: { queue: 'decide', result: 'completed' },
      value: 1,
    });
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
      timeoutMs: 20,
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
      queue: 'decide',
      connection: redis(),
      concurrency: 1,
      log,
      metrics: createMetrics('test'),
      handlers: {
        decide: handler(
          { ...JOB, payload },
          {
            handle: async () => {
              throw broken();
            },
          },
        ),
      },
    });
    closeLater(worker);
    const job = await add({ run_id: 'run-1', text: 'whispered' }, 1);
    await expect(end(job)).rejects.toThrow('it broke');
    const line = lines.find(({ msg }) => msg === 'job attempt failed');
    expect(line).toMatchObject({ run_id: 'run-1', job_id: job.id, queue: 'decide', attempt: 1, last: true });
    expect(JSON.stringify(lines)).not.toContain('whispered');
  });
});

describe('a worker', () => {
  it('works on more jobs at once, once the next of those under way has ended', async () => {
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const began: number[] = [];
    const { worker } = work({
      concurrency: 1,
      handle: async ({ n }) => {
        began.push(n);
        await gates[n]?.promise;
        return { doubled: n * 2 };
      },
    });
    const jobs = [await add({ n: 1 }), await add({ n: 2 }), await add({ n: 3 })];
    try {
      await expect.poll(() => began).toEqual([1]);
      worker.setConcurrency(2);
      gates[1]?.resolve();
      await expect.poll(() => began).toEqual([1, 2, 3]);
    } finally {
      for (const gate of gates) gate.resolve();
    }
    expect(await Promise.all(jobs.map(end))).toEqual([{ doubled: 2 }, { doubled: 4 }, { doubled: 6 }]);
  });
});

describe('a queue of several jobs', () => {
  it('is not worked while a job of it has no handler, and the error says what to do', () => {
    const none = decideHandler({ handle: async () => ({ doubled: 0 }) });
    const common = { connection: redis(), concurrency: 1, log: quiet, metrics: createMetrics('test') };
    const tooMany = { decide: none, vote: none };
    expect(() => runWorker({ ...common, queue: 'decide', handlers: tooMany })).toThrow(
      'vote: no such job on the queue decide. Add it to JOBS, or remove its handler.',
    );
    expect(() => proveHandled('agent-run', ['agent-run', 'turn', 'rank'])).toThrow(
      'Nobody works watchdog: give the worker of the queue agent-run a handler for each.',
    );
  });

  it('fails a job of a name that nobody works, and goes on', async () => {
    work({ handle: async ({ n }) => ({ doubled: n * 2 }) });
    const stranger = await queue().add('dance', { n: 1 }, { attempts: 3 });
    await expect(end(stranger)).rejects.toThrow('Nobody works dance on the queue decide.');
    expect(await end(await add({ n: 2 }))).toEqual({ doubled: 4 });
  });
});

describe('a run that is to stop', () => {
  it('has its job aborted wherever it is worked, and picked up again at no cost', async () => {
    const one = await aRunningRun(redis());
    const gate = Promise.withResolvers<void>();
    const attempts: number[] = [];
    const payload = z.object({ run_id: z.string() });
    const worker = runWorker({
      queue: 'decide',
      connection: redis(),
      concurrency: 1,
      log: quiet,
      metrics: createMetrics('test'),
      handlers: {
        decide: handler(
          { ...JOB, payload },
          {
            handle: async (_payload, attempt, signal) => {
              attempts.push(attempt.number);
              if (attempts.length > 1) return { doubled: 7 };
              gate.resolve();
              return untilStopped(signal);
            },
          },
        ),
      },
    });
    closeLater(worker);
    await vi.waitUntil(async () => Number((await redis().pubsub('NUMSUB', keys.stops()))[1]) > 0, PATIENT);
    const job = await add({ run_id: one.runId }, 1);
    await gate.promise;
    await one.transitions.cancel(one, NOW_MS);
    expect(await end(job)).toEqual({ doubled: 7 });
    expect(attempts).toEqual([1, 1]);
  });
});
