/** Whether the queues move, on a real Redis. */
import { JOBS, jobOptions } from '@quorum/shared/jobs';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { connectFailFast } from '@quorum/shared/redis';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newRunId } from '@quorum/shared/ids';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { log } from '../test/stand.ts';
import { createQueueLook } from './queue-look.ts';
import { openQueues, type Queues } from './queues.ts';

const RETRIES = { maxRetryAttempts: 1, retryDelayS: 1 };

let server: TestRedis;
let connection: Redis;
let queues: Queues;
let runs: Queue;
beforeAll(async () => {
  server = await startTestRedis();
  connection = connectFailFast(server.url, log, () => 10_000);
  queues = openQueues({ connection, retries: () => RETRIES, limitMs: () => 10_000, log });
  await queues.ready();
  runs = new Queue('agent-run', { connection, prefix: BULL_PREFIX, skipVersionCheck: true });
});
afterAll(async () => {
  await runs.close();
  await queues.close();
  connection.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await connection.flushall();
});

/** A look with a clock of its own, at the queue of runs. */
function aLook() {
  const clock = { ms: 1_000 };
  const look = createQueueLook(queues, { now: () => clock.ms });
  return {
    later: (ms: number) => void (clock.ms += ms),
    runs: async () => (await look.look()).find(({ queue }) => queue === 'agent-run'),
  };
}

async function addRun(more: { timestamp?: number; priority?: number } = {}): Promise<string> {
  const payload = JOBS['agent-run'].payload.parse({ run_id: newRunId(), step: 'fetch' });
  await runs.add('agent-run', payload, { ...jobOptions('agent-run', RETRIES), jobId: payload.run_id, ...more });
  return payload.run_id;
}

describe('a queue', () => {
  test('with nothing in it is well', async () => {
    expect(await aLook().runs()).toEqual({
      queue: 'agent-run',
      status: 'ok',
      waiting: 0,
      active: 0,
      failed: 0,
      oldest_s: null,
      detail: null,
    });
  });

  test('says how long ago the oldest was added, whatever is next', async () => {
    const nowMs = Date.now();
    await addRun({ priority: 5, timestamp: nowMs - 60_000 });
    await addRun({ timestamp: nowMs - 30_000 });
    const found = await aLook().runs();
    expect(found).toMatchObject({ status: 'ok', waiting: 2 });
    expect(found?.oldest_s).toBeGreaterThanOrEqual(60);
    expect(found?.oldest_s).toBeLessThan(90);
  });

  test('is stuck where its next job stays the same and nobody works', async () => {
    await addRun();
    const look = aLook();
    expect(await look.runs()).toMatchObject({ status: 'ok', detail: null });
    look.later(4_999);
    expect(await look.runs()).toMatchObject({ status: 'ok' });
    look.later(1);
    expect(await look.runs()).toMatchObject({ status: 'down', detail: 'nobody has taken its next job for 5 s' });
  });

  test('is not stuck where another job is the next one each time, however many wait', async () => {
    const look = aLook();
    const ids = [await addRun(), await addRun(), await addRun()];
    for (const id of ids) {
      expect(await look.runs()).toMatchObject({ status: 'ok' });
      look.later(4_000);
      await runs.remove(id);
    }
    expect(await look.runs()).toMatchObject({ status: 'ok', waiting: 0 });
  });

  test('takes the jobs without a priority first, in their order', async () => {
    const last = await addRun({ priority: 1 });
    const [first, second] = [await addRun(), await addRun()];
    const { jobs, paused } = await queues.next('agent-run');
    expect(jobs.map(({ id }) => id)).toEqual([first, second, last]);
    expect(paused).toBe(false);
  });

  test('that is paused is down at once, and well when it is resumed', async () => {
    await runs.pause();
    expect(await aLook().runs()).toMatchObject({ status: 'down', detail: 'it is paused' });
    await runs.resume();
    expect(await aLook().runs()).toMatchObject({ status: 'ok' });
  });
});

test('a queue that is worked on, but too slowly, is degraded after a minute', async () => {
  const worker = new Worker('agent-run', null, { connection, prefix: BULL_PREFIX, skipVersionCheck: true });
  try {
    await addRun();
    await addRun();
    await worker.getNextJob('a worker that is busy with it', { block: false });
    const look = aLook();
    expect(await look.runs()).toMatchObject({ status: 'ok', waiting: 1, active: 1 });
    look.later(59_999);
    expect(await look.runs()).toMatchObject({ status: 'ok' });
    look.later(1);
    const detail = 'its next job has been the next for 60 s';
    expect(await look.runs()).toMatchObject({ status: 'degraded', detail });
  } finally {
    await worker.close();
  }
});
