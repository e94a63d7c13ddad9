import { handler } from '@quorum/shared/job-handler';
import { JOBS, type JobPayload, type JobResult } from '@quorum/shared/jobs';
import { createMetrics } from '@quorum/shared/metrics';
import { NO_PROPOSALS, ProposalRanking } from '@quorum/shared/run';
import { connectPatient } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { runWorker, type RunningWorker } from '@quorum/shared/run-worker';
import { SpaceId } from '@quorum/snapshot/proposal';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, log, openGateway, type Gateway } from '../../test/stand.ts';
import { connectFailFast } from '@quorum/shared/redis';
import { openQueues } from '../queues.ts';
import { OwnerId } from '@quorum/shared/ids';

let testRedis: TestRedis;
let gateway: Gateway;
let redis: Redis;
let worker: RunningWorker | undefined;

beforeAll(async () => {
  testRedis = await startTestRedis();
  gateway = await openGateway(testRedis.url);
  redis = connectPatient(testRedis.url, log);
});
afterEach(async () => {
  await worker?.close(0);
  worker = undefined;
});
afterAll(async () => {
  await gateway.stop();
  redis.disconnect();
  await testRedis.stop();
});

/** Stands where the fetcher does, and answers this. */
function answerWith(rank: (asked: JobPayload<'rank'>) => Promise<JobResult<'rank'>>): void {
  const never = (): Promise<never> => Promise.reject(new Error('There is no job here'));
  worker = runWorker({
    queue: 'agent-run',
    handlers: {
      'agent-run': handler(JOBS['agent-run'], { handle: never }),
      turn: handler(JOBS.turn, { handle: never }),
      rank: handler(JOBS.rank, { handle: rank }),
      watchdog: handler(JOBS.watchdog, { handle: never }),
    },
    connection: redis,
    concurrency: 1,
    log,
    metrics: createMetrics('test'),
  });
}

const get = (query: string) => ask(`${gateway.url}/proposals${query}`);

test('is what the fetcher answers, for the owner who asks', async () => {
  answerWith(async ({ owner, space_id }) => ({
    kind: 'ranked',
    ranking: {
      space_id,
      dry_run: false,
      user_preferences_applied: true,
      errors: [`for ${owner}`],
      filter_metrics: NO_PROPOSALS,
      selected: [],
      dropped: [],
    },
  }));
  const answer = await get('?space_id=harbour.eth');
  expect(answer.status).toBe(200);
  expect(ProposalRanking.parse(answer.json)).toMatchObject({ space_id: 'harbour.eth', errors: ['for owner'] });
});

test('takes its job away once it has the answer, and no run that has ended with it', async () => {
  answerWith(async () => ({ kind: 'failed', category: 'timeout', message: 'Look there.', retry_after_s: null }));
  const queue = new Queue('agent-run', { connection: redis, prefix: BULL_PREFIX });
  try {
    await get('?space_id=harbour.eth');
    const jobs = await queue.getJobs(['completed', 'failed', 'waiting', 'delayed']);
    expect(jobs.filter(({ name }) => name === 'rank')).toEqual([]);
    // BullMQ goes by the age that the job which ends gives, for every finished job of the queue.
    expect(JOBS.rank.keepS).toBe(JOBS['agent-run'].keepS);
  } finally {
    await queue.close();
  }
});

test.each([
  ['validation', null, 400, undefined],
  ['upstream_unavailable', null, 503, undefined],
  ['rate_limited', 7, 429, '7'],
  ['timeout', null, 504, undefined],
] as const)('a fetcher that fails by %s is a problem in its words', async (category, after, status, header) => {
  answerWith(async () => ({ kind: 'failed', category, message: 'Look there.', retry_after_s: after }));
  const answer = await get('?space_id=harbour.eth');
  expect([answer.status, answer.headers['retry-after']]).toEqual([status, header]);
  expect(answer.json).toMatchObject({ detail: 'Look there.' });
});

test.each(['', '?space_id=', '?space_id=Not%20A%20Space', '?space_id=a.eth&space_id=b.eth'])(
  'asked with %j it says which field does not fit',
  async (query) => {
    const answer = await get(query);
    expect([answer.status, answer.json]).toEqual([
      400,
      expect.objectContaining({ errors: [expect.objectContaining({ path: 'space_id' })] }),
    ]);
  },
);

test('a fetcher that is not there is a timeout that says so, and leaves nothing behind', async () => {
  const connection = connectFailFast(testRedis.url, log, () => 10_000);
  const retries = () => ({ maxRetryAttempts: 1, retryDelayS: 1 });
  const queues = openQueues({ connection, retries, limitMs: () => 10_000, log });
  try {
    await queues.ready();
    const asked = queues.rank(OwnerId.parse('owner'), SpaceId.parse('harbour.eth'), 300);
    await expect(asked).rejects.toMatchObject({ category: 'timeout', message: expect.stringContaining('Try again') });
    expect((await queues.counts('agent-run'))['waiting']).toBe(0);
  } finally {
    await queues.close();
    connection.disconnect();
  }
});
