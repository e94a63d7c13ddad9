/** The life of a worker: closing, handing back, waiting for children, and a Redis that goes away. */
import { FlowProducer, Queue } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { counted, JOB, untilStopped, useJobs } from '../test/jobs.ts';
import { quiet } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { handler } from './job-handler.ts';
import { createMetrics } from './metrics.ts';
import { connectPatient } from './redis.ts';
import { BULL_PREFIX } from './redis-keys.ts';
import { runWorker } from './run-worker.ts';

const { redis, server } = useRedis({ appendonly: true });
const { queue, events, work, add, end, fresh, closeLater, closeWorkers } = useJobs({ redis, server });

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
    // Twice, where a fetch that was under way brought it back; never as a failure or a retry.
    expect(Object.keys(await counted(metrics))).toEqual(['delayed']);
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
      queue: 'decide',
      connection: redis(),
      concurrency: 1,
      log: quiet,
      metrics,
      handlers: {
        decide: handler(
          { ...JOB, payload: Step },
          {
            handle: async ({ step }, attempt, _signal, job) => {
              steps.push(`${step} at ${attempt.number}`);
              if (step === 'fetch') {
                await flow.add({
                  name: 'vote',
                  queueName: 'vote',
                  data: { n: 1 },
                  opts: { parent: { id: job.id, queue: queue().qualifiedName }, ignoreDependencyOnFailure: true },
                });
                await job.waitForChildren({ step: 'summarise' });
              }
              return { doubled: steps.length };
            },
          },
        ),
      },
    });
    const child = runWorker({
      queue: 'vote',
      connection: redis(),
      concurrency: 1,
      log: quiet,
      metrics,
      handlers: {
        sweep: handler({ ...JOB, queue: 'vote' }, { handle: async () => ({}) }),
        vote: handler(
          { ...JOB, queue: 'vote' },
          {
            handle: async () => {
              await gate.promise;
              throw new TypeError('it broke');
            },
          },
        ),
        seal: handler({ ...JOB, queue: 'vote' }, { handle: async () => ({ doubled: 0 }) }),
        'cast-hold': handler({ ...JOB, queue: 'vote' }, { handle: async () => ({ doubled: 0 }) }),
        expire: handler({ ...JOB, queue: 'vote' }, { handle: async () => ({ doubled: 0 }) }),
      },
    });
    closeLater(parent, child);
    try {
      const job = await add({ step: 'fetch' }, 1);
      const waiting = new Promise((resolve) => events().once('waiting-children', resolve));
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
    await closeWorkers();
    own.disconnect();
  });

  it('leaves at the deadline although it can hand nothing back, and its job is taken back once Redis is there', async () => {
    const own = connectPatient(server().url, quiet);
    const started = Promise.withResolvers<void>();
    const { worker } = work({
      connection: own,
      lockS: 1,
      handle: async (_payload, _attempt, signal) => {
        started.resolve();
        return untilStopped(signal);
      },
    });
    const job = await add({ n: 3 });
    await started.promise;
    await server().kill9();
    await expect.poll(() => own.status).not.toBe('ready');
    await worker.close(10);
    own.disconnect();
    await server().restart();
    work({ lockS: 1, handle: async ({ n }) => ({ doubled: n }) });
    expect(await end(job)).toEqual({ doubled: 3 });
  });
});
