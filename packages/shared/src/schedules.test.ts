import { Queue, Worker, type Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { anOwner, aSpace } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { BULL_PREFIX } from './redis-keys.ts';
import {
  keepSchedule,
  nextTick,
  watchdogSchedule,
  watchSchedule,
  watchSchedulers,
  type Schedule,
} from './schedules.ts';
import type { Watch } from './watches.ts';

const { redis, server } = useRedis();
const RETRIES = { maxRetryAttempts: 3, retryDelayS: 0.01 };
const HOUR_MS = 3_600_000;

let queue: Queue;
const workers: Worker[] = [];
beforeAll(() => {
  queue = new Queue('agent-run', { connection: { url: server().url }, prefix: BULL_PREFIX });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close()));
  await queue.obliterate({ force: true });
});
afterAll(() => queue.close());

function aWatch(schedule: Watch['schedule'] = { kind: 'cron', cron: '0 3 * * *', time_zone: 'UTC' }): Watch {
  return { owner: anOwner(), space_id: aSpace(), schedule, dry_run: false };
}

const scheduleOf = (given?: Watch['schedule']): Schedule => watchSchedule(aWatch(given), RETRIES);
const keep = (schedule: Schedule) => keepSchedule(queue, schedule, Date.now());

/** The job that is to be the next tick. */
async function tickOf({ id }: Schedule): Promise<Job> {
  const job = await queue.getJob(`repeat:${id}:${(await nextTick(queue, id)) ?? 0}`);
  if (job === undefined) throw new Error('there is no next tick');
  return job;
}

/** Makes a scheduler as it was made so long ago, and nobody has worked since. */
async function keptAgo(schedule: Schedule, ms: number): Promise<void> {
  vi.useFakeTimers({ now: Date.now() - ms, toFake: ['Date'] });
  try {
    await keep(schedule);
  } finally {
    vi.useRealTimers();
  }
}

/** Works ticks. Returns those that came. */
function work(handle: (job: Job) => Promise<void> = async () => undefined): string[] {
  const came: string[] = [];
  const worker = new Worker(
    'agent-run',
    async (job) => {
      came.push(job.id ?? '');
      await handle(job);
    },
    { connection: { url: server().url, maxRetriesPerRequest: null }, prefix: BULL_PREFIX },
  );
  worker.on('error', () => undefined);
  workers.push(worker);
  return came;
}

describe('a scheduler', () => {
  it.for([
    ['cron', { kind: 'cron', cron: '30 9 * * 1-5', time_zone: 'Europe/Rome' }],
    ['every', { kind: 'every', every_s: 3_600 }],
  ] as const)('of a watch with %s is made as ordered, and kept as it is afterwards', async ([, ordered]) => {
    const schedule = scheduleOf(ordered);
    expect(await keep(schedule)).toEqual({ kind: 'made', missed: false });
    const found = await queue.getJobScheduler(schedule.id);
    expect(found).toMatchObject({ name: 'turn', ...schedule.repeat, template: { data: schedule.job.data } });
    expect(await keep(schedule)).toEqual({ kind: 'kept', missed: false });
    expect(await queue.getJobScheduler(schedule.id)).toEqual(found);
  });

  it('computes its times in its own time zone', async () => {
    const [rome, tokyo] = ['Europe/Rome', 'Asia/Tokyo'].map((zone) =>
      scheduleOf({ kind: 'cron', cron: '0 9 * * *', time_zone: zone }),
    );
    if (rome === undefined || tokyo === undefined) throw new Error('two zones make two schedules');
    await keep(rome);
    await keep(tokyo);
    const hour = async ({ id }: Schedule, timeZone: string): Promise<string> =>
      new Date((await nextTick(queue, id)) ?? 0).toLocaleTimeString('en-GB', { timeZone, timeStyle: 'short' });
    expect(await hour(rome, 'Europe/Rome')).toBe('09:00');
    expect(await hour(tokyo, 'Asia/Tokyo')).toBe('09:00');
  });

  it('is made anew where the order changed', async () => {
    const order = aWatch();
    await keep(watchSchedule(order, RETRIES));
    const changed = watchSchedule({ ...order, schedule: { kind: 'every', every_s: 60 } }, RETRIES);
    expect((await keep(changed)).kind).toBe('made');
    expect(await queue.getJobScheduler(changed.id)).toMatchObject({ every: 60_000 });
    expect((await keep(watchSchedule(order, RETRIES))).kind).toBe('made');
    const found = await queue.getJobScheduler(changed.id);
    expect([found?.pattern, found?.every]).toEqual(['0 3 * * *', undefined]);
    expect(await queue.getDelayedCount()).toBe(1);
  });

  it('is told from others', async () => {
    const [one, two] = [scheduleOf(), scheduleOf()];
    for (const schedule of [one, two, watchdogSchedule(60_000, RETRIES)]) await keep(schedule);
    expect((await watchSchedulers(queue)).toSorted()).toEqual([one.id, two.id].toSorted());
  });
});

describe('a turn that was missed while everything was down', () => {
  it.for([
    ['cron', { kind: 'cron', cron: '* * * * *', time_zone: 'UTC' }],
    ['every', { kind: 'every', every_s: 60 }],
  ] as const)('is caught up once, not once for each that was missed (%s)', async ([, ordered]) => {
    const schedule = scheduleOf(ordered);
    await keptAgo(schedule, 10 * HOUR_MS);
    // As a fetcher does when it starts: what is unchanged is left alone, or the turn would be gone.
    expect(await keep(schedule)).toEqual({ kind: 'kept', missed: false });
    const came = work();
    await vi.waitUntil(() => came.length === 1, PATIENT);
    // The next one is that of the schedule.
    const next = (await nextTick(queue, schedule.id)) ?? 0;
    expect(next).toBeGreaterThan(Date.now() - 1_000);
    expect(next).toBeLessThanOrEqual(Date.now() + 61_000);
    expect(await queue.getDelayedCount()).toBe(1);
    expect(came).toHaveLength(1);
  });

  it('would be dropped by an upsert of the same cron scheduler: the reason to compare first', async () => {
    const schedule = scheduleOf({ kind: 'cron', cron: '0 3 1 1 *', time_zone: 'UTC' });
    await keptAgo(schedule, 400 * 24 * HOUR_MS);
    expect(await nextTick(queue, schedule.id)).toBeLessThan(Date.now());
    await queue.upsertJobScheduler(schedule.id, schedule.repeat, schedule.job);
    const came = work();
    await workers[0]?.waitUntilReady();
    expect(await queue.getDelayedCount()).toBe(1);
    expect(await (await tickOf(schedule)).getState()).toBe('delayed');
    expect(came).toEqual([]);
  });
});

describe('a scheduler whose next tick is lost', () => {
  it('is mended, and says that a turn was missed where one was', async () => {
    const schedule = scheduleOf();
    await keep(schedule);
    await (await tickOf(schedule)).remove().catch(async () => {
      // BullMQ removes no job of a scheduler: gone it is all the same where Redis lost it.
      const { id = '' } = await tickOf(schedule);
      await redis().del(`${BULL_PREFIX}:agent-run:${id}`);
      await redis().zrem(`${BULL_PREFIX}:agent-run:delayed`, id);
    });
    expect(await keep(schedule)).toEqual({ kind: 'mended', missed: false });
    expect(await (await tickOf(schedule)).getState()).toBe('delayed');

    const { id = '' } = await tickOf(schedule);
    await redis().del(`${BULL_PREFIX}:agent-run:${id}`);
    await redis().zrem(`${BULL_PREFIX}:agent-run:delayed`, id);
    const later = ((await nextTick(queue, schedule.id)) ?? 0) + HOUR_MS;
    expect(await keepSchedule(queue, schedule, later)).toEqual({ kind: 'mended', missed: true });
  });
});

describe('a tick', () => {
  it('that is worked on is no tick that was lost', async () => {
    const schedule = scheduleOf({ kind: 'every', every_s: 3_600 });
    await keep(schedule);
    const gate = Promise.withResolvers<void>();
    const came = work(() => gate.promise);
    try {
      await vi.waitUntil(() => came.length === 1, PATIENT);
      expect((await keep(schedule)).kind).toBe('kept');
    } finally {
      gate.resolve();
    }
  });

  it('of a scheduler has neither the id nor the deduplication of its template: what it starts must be deduplicated', async () => {
    const schedule = scheduleOf({ kind: 'every', every_s: 3_600 });
    const opts = { ...schedule.job.opts, jobId: 'mine', deduplication: { id: 'mine' } };
    await queue.upsertJobScheduler(schedule.id, schedule.repeat, { ...schedule.job, opts });
    expect(await queue.getJob('mine')).toBeUndefined();
    expect(await queue.getDeduplicationJobId('mine')).toBeNull();
    const options = (await tickOf(schedule)).opts;
    expect(options).toMatchObject({ attempts: 10, removeOnComplete: { age: HOUR_MS / 1_000 } });
  });
});
