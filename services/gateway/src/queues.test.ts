import { newRunId } from '@quorum/shared/ids';
import { connectFailFast } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { afterEach, expect, test } from 'vitest';
import { startTestRedis } from '../../../test/redis.ts';
import { log, openLine } from '../test/stand.ts';
import { openQueues } from './queues.ts';
import { PATIENT } from '../../../test/patience.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

test('a line that breaks while the queues are being opened spoils none of them', async () => {
  const redis = await startTestRedis();
  const line = await openLine(redis.url);
  const connection = connectFailFast(line.url, log);
  closers.push(
    () => redis.stop(),
    () => line.close(),
    async () => connection.disconnect(),
  );
  const isReady = () => expect.poll(() => connection.status, PATIENT).toBe('ready');
  await isReady();

  // INFO is what BullMQ asks first, and a queue whose INFO was lost never adds anything again.
  line.cutAt('info');
  const retries = () => ({ maxRetryAttempts: 3, retryDelayS: 5 });
  const queues = openQueues({ connection, retries, limitMs: () => 800, log });
  closers.push(() => queues.close());
  await queues.ready().catch(() => 'cut off');

  line.cutAt(null);
  await isReady();
  await queues.addRun(newRunId());
  expect(await queues.counts('agent-run')).toMatchObject({ waiting: 1 });
});

test('a job that somebody broke, or one that is gone, keeps no other from being seen', async () => {
  const redis = await startTestRedis();
  const connection = connectFailFast(redis.url, log);
  const retries = () => ({ maxRetryAttempts: 3, retryDelayS: 5 });
  const queues = openQueues({ connection, retries, limitMs: () => 800, log });
  closers.push(
    () => redis.stop(),
    async () => connection.disconnect(),
    () => queues.close(),
  );
  const run = newRunId();
  await queues.ready();
  await queues.addRun(run);
  await connection.lpush(`${BULL_PREFIX}:agent-run:wait`, 'broken', 'gone');
  await connection.hset(`${BULL_PREFIX}:agent-run:broken`, { data: '{', timestamp: '1' });
  const { jobs } = await queues.next('agent-run');
  expect(jobs.map(({ id }) => id)).toEqual([run, 'broken']);
  expect(jobs[0]?.addedAtMs).toBeGreaterThan(Date.now() - 60_000);
});
