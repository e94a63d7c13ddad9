import { newRunId, type RunId } from '@quorum/shared/ids';
import { jobIds } from '@quorum/shared/jobs';
import { NoticePayload } from '@quorum/shared/notices';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { nextTick, watchScheduleId } from '@quorum/shared/schedules';
import { DelayedError } from 'bullmq';
import { describe, expect, it, vi } from 'vitest';
import { aProposalId } from '../../../packages/shared/test/samples.ts';
import { PATIENT } from '../../../test/patience.ts';
import { useFlow, type Asker } from '../test/flow.ts';

const flow = useFlow();
const HOUR_MS = 3_600_000;

/** Accepts a run and stops there, as a gateway that died would. */
async function accepted(asker: Asker): Promise<RunId> {
  const { owner, space } = asker;
  const nowMs = Date.now();
  const { runId } = await flow().transitions.accept({
    runId: newRunId(),
    owner,
    space,
    dryRun: false,
    idempotency: null,
    nowMs,
  });
  return runId;
}

/** A run whose decisions wait for somebody to make them. */
async function waiting(proposals: number): Promise<Asker & { ids: readonly string[]; runId: RunId }> {
  const asker = await flow().ask(proposals);
  const runId = await flow().start(asker);
  await vi.waitUntil(async () => (await (await flow().job(runId)).getState()) === 'waiting-children', PATIENT);
  return { ...asker, runId };
}

/** Takes a job away as a Redis that lost it would, and leaves everything that points to it. */
async function lose(queue: string, id: string): Promise<void> {
  const { redis } = flow();
  const key = `${BULL_PREFIX}:${queue}`;
  await redis.del(`${key}:${id}`, `${key}:${id}:dependencies`);
  for (const set of ['delayed', 'prioritized', 'waiting-children', 'completed', 'failed']) {
    await redis.zrem(`${key}:${set}`, id);
  }
  await redis.lrem(`${key}:wait`, 0, id);
}

async function endOf(runId: RunId): Promise<string> {
  await vi.waitUntil(async () => (await flow().run(runId)).finishedAtMs !== null, PATIENT);
  return (await flow().run(runId)).state;
}

/** What the watchdog did, as its job says. */
async function watchdog(): Promise<unknown> {
  const job = await flow()
    .queue('agent-run')
    .add('watchdog', {}, { jobId: `watchdog-${newRunId()}` });
  return flow().jobEnd(job);
}

describe('the watchdog', () => {
  it('enqueues a run that was accepted and never enqueued', async () => {
    const asker = await flow().ask(0);
    const runId = await accepted(asker);
    flow().fetcher();
    expect(await watchdog()).toMatchObject({ put_back: 1, ended: 0 });
    expect(await endOf(runId)).toBe('completed');
  });

  it('puts back the root of a run that was lost, and the run comes to its end with what its children did', async () => {
    flow().fetcher();
    const { runId, ids } = await waiting(2);
    await lose('agent-run', runId);
    expect(await watchdog()).toMatchObject({ put_back: 1 });
    const [decided] = [flow().decider(), flow().voter()];
    expect(await endOf(runId)).toBe('completed');
    expect(decided.toSorted()).toEqual(ids.toSorted());
    const { response } = await flow().run(runId);
    expect(response?.votes_cast.map(({ proposal_id: id }) => id).toSorted()).toEqual(ids.toSorted());
  });

  it('puts back the votes and decisions that a run waits for in vain', async () => {
    flow().fetcher();
    const { runId, ids } = await waiting(2);
    const run = await flow().run(runId);
    const [first, second] = run.opening?.selected ?? [];
    if (first === undefined || second === undefined) throw new Error('two are selected');
    await lose('vote', jobIds.vote(runId, first.proposal_id));
    await lose('decide', jobIds.decide(runId, first.proposal_id));
    await lose('decide', jobIds.decide(runId, second.proposal_id));
    expect(await watchdog()).toMatchObject({ freed: 1, ended: 0 });
    flow().decider();
    flow().voter();
    expect(await endOf(runId)).toBe('completed');
    expect((await flow().run(runId)).response?.votes_cast.map(({ proposal_id: id }) => id).toSorted()).toEqual(
      ids.toSorted(),
    );
  });

  it('puts back no vote of a run that is being cancelled, which was taken away since nobody had begun it', async () => {
    flow().fetcher();
    const { runId, owner, space } = await waiting(2);
    const { opening } = await flow().run(runId);
    const [first] = opening?.selected ?? [];
    if (first === undefined) throw new Error('two are selected');
    await flow().transitions.cancel({ runId, owner, space }, Date.now());
    await lose('decide', jobIds.decide(runId, first.proposal_id));
    await lose('vote', jobIds.vote(runId, first.proposal_id));
    expect(await watchdog()).toMatchObject({ put_back: 0, freed: 0, ended: 0 });
  });

  it('lets a run go on that waits for a child which has failed already: the trap of a child that is added twice', async () => {
    const { redis } = flow();
    flow().fetcher();
    flow().decider();
    flow().voter();
    const asker = await flow().ask(1);
    const hung = await flow().start(asker);
    await flow().ended(hung);
    // As a root leaves it that is run once more and adds its child once more.
    const [id = ''] = asker.ids;
    await redis.hset(keys.run(hung), 'state', 'running');
    await redis.hdel(keys.run(hung), 'response', 'finished_at');
    await redis.zadd(keys.openRuns(), Date.now(), hung);
    await redis.persist(keys.run(hung));
    await redis.zrem(`${BULL_PREFIX}:agent-run:completed`, hung);
    await redis.zadd(`${BULL_PREFIX}:agent-run:waiting-children`, Date.now(), hung);
    await redis.hdel(`${BULL_PREFIX}:agent-run:${hung}`, 'finishedOn', 'returnvalue');
    const voteId = `vote-${hung}-${id}`;
    await redis.sadd(`${BULL_PREFIX}:agent-run:${hung}:dependencies`, `${BULL_PREFIX}:vote:${voteId}`);
    expect(await (await flow().job(hung)).getState()).toBe('waiting-children');
    expect(await watchdog()).toMatchObject({ freed: 1 });
    expect(await endOf(hung)).toBe('completed');
  });

  it('ends a run whose root has failed without its record being closed', async () => {
    const asker = await flow().ask(1);
    const runId = await accepted(asker);
    await flow().transitions.start(runId, Date.now());
    await flow().queue('agent-run').add('agent-run', { run_id: runId, step: 'fetch' }, { jobId: runId });
    const worker = flow().bareWorker('agent-run', () => Promise.reject(new Error('it died before it could say so')));
    await vi.waitUntil(async () => (await (await flow().job(runId)).getState()) === 'failed', PATIENT);
    await worker.close();
    flow().fetcher();
    expect(await watchdog()).toMatchObject({ ended: 1, put_back: 0 });
    const { response, state } = await flow().run(runId);
    expect([state, response?.errors.join()]).toEqual(['failed', expect.stringContaining('was lost')]);
    expect(await flow().tryStart(asker.owner, asker.space)).toBe('created');
  });

  it('ends a run that is under way for too long, takes away what nobody has begun, and its owner is free', async () => {
    const { fetcher, tryStart, queue } = flow();
    const first = fetcher();
    const { runId, owner, space } = await waiting(2);
    await first.close(0);
    fetcher({ now: () => Date.now() + 3 * HOUR_MS });
    expect(await watchdog()).toMatchObject({ ended: 1 });
    const { state, response } = await flow().run(runId);
    expect([state, response?.errors.join()]).toEqual(['failed', expect.stringContaining('two hours')]);
    expect(await queue('decide').getJobCountByTypes('waiting', 'prioritized')).toBe(0);
    await vi.waitUntil(async () => (await (await flow().job(runId)).getState()) === 'completed', PATIENT);
    expect(await tryStart(owner, space)).toBe('created');
  });

  it('ends such a run, and leaves a vote that was begun to its job: it may be on the hub', async () => {
    const first = flow().fetcher();
    const { runId } = await waiting(1);
    flow().decider();
    const [id = ''] = (await flow().run(runId)).opening?.selected.map(({ proposal_id: proposal }) => proposal) ?? [];
    const putOff = flow().bareWorker('vote', async (job, token) => {
      await job.moveToDelayed(Date.now() + HOUR_MS, token);
      throw new DelayedError();
    });
    const state = () => flow().queue('vote').getJobState(`vote-${runId}-${id}`);
    await vi.waitUntil(async () => (await state()) === 'delayed', PATIENT);
    await Promise.all([first.close(0), putOff.close()]);
    flow().fetcher({ now: () => Date.now() + 3 * HOUR_MS });
    expect(await watchdog()).toMatchObject({ ended: 1 });
    expect((await flow().run(runId)).state).toBe('failed');
    expect(await state()).toBe('prioritized');
    flow().voter();
    await vi.waitUntil(async () => (await (await flow().job(runId)).getState()) === 'completed', PATIENT);
    // What the run said at its end stays as it was: that vote is told of by the voter.
    const { outcomes, response } = await flow().run(runId);
    expect([...outcomes].map(([of, { outcome }]) => [of, outcome.kind])).toEqual([[id, 'cast']]);
    expect(response?.votes_cast).toEqual([]);
  });

  it('leaves alone what is well', async () => {
    flow().fetcher();
    const { runId } = await waiting(2);
    const before = await flow().tree(runId);
    expect(await watchdog()).toMatchObject({ put_back: 0, ended: 0, freed: 0 });
    expect((await flow().tree(runId)).children?.length).toBe(before.children?.length);
    flow().decider();
    flow().voter();
    expect(await endOf(runId)).toBe('completed');
  });

  it('puts back the turn of an appointment that was lost', async () => {
    const asker = await flow().ask(0);
    await flow().appointments.make({ owner: asker.owner, space_id: asker.space, dry_run: false, at: Date.now() });
    flow().fetcher();
    expect(await watchdog()).toMatchObject({ put_back: 1 });
    const runId = await vi.waitUntil(async () => (await flow().runsOf(asker))[0], PATIENT);
    expect(await endOf(runId)).toBe('completed');
    expect(await flow().appointments.at(asker.owner, asker.space, false)).toBeNull();
  });
});

describe('what a run left over, and no later one looked at before it closed', () => {
  const noticesFor = async ({ owner }: Asker) => {
    const jobs = await flow().queue('notify').getJobs(['waiting', 'delayed']);
    return jobs.map(({ data }) => NoticePayload.parse(data)).filter((notice) => notice.owner === owner);
  };

  /** An appointment that stands in an hour, for one that has closed five minutes ago, one just now and one that has not. */
  async function leftOver({ owner, space }: Asker) {
    const nowS = Math.floor(Date.now() / 1_000);
    const [closed, just, open] = [nowS - 300, nowS - 10, nowS + 7_200].map((end) => ({
      proposal_id: aProposalId(),
      end,
    }));
    if (closed === undefined || just === undefined || open === undefined) throw new Error('there are three');
    const left = { run_id: newRunId(), proposals: [closed, just, open] };
    const at = Date.now() + HOUR_MS;
    const made = { owner, space_id: space, dry_run: false, at, ends: [open.end], left_over: left };
    await flow().appointments.make(made);
    return { made, closed, just, open };
  }

  it('is told of once, as a deadline that was missed, and the appointment stands for the rest', async () => {
    const asker = await flow().ask(0);
    const { made, closed, just, open } = await leftOver(asker);
    flow().fetcher();
    await watchdog();
    const { run_id } = made.left_over;
    const told = { event: 'deadline_missed', owner: asker.owner, space_id: asker.space, run_id };
    expect(await noticesFor(asker)).toEqual([{ ...told, proposal_id: closed.proposal_id }]);
    const rest = { ...made, left_over: { run_id, proposals: [just, open] } };
    expect(await flow().appointments.get(asker.owner, asker.space, false)).toEqual(rest);
    await flow().queue('notify').obliterate({ force: true });
    await watchdog();
    expect(await noticesFor(asker)).toEqual([]);
  });

  it('is left to the run that is under way, which has opened and may have it among its own', async () => {
    flow().fetcher();
    const asker = await waiting(1);
    const { made } = await leftOver(asker);
    await watchdog();
    expect(await noticesFor(asker)).toEqual([]);
    expect(await flow().appointments.get(asker.owner, asker.space, false)).toEqual(made);
  });

  it('is told of while a run waits for its place: it has not opened', async () => {
    const asker = await flow().ask(0);
    flow().fetcher({ openRunsMost: () => 0 });
    await accepted(asker);
    const { closed } = await leftOver(asker);
    await watchdog();
    expect(await noticesFor(asker)).toMatchObject([{ proposal_id: closed.proposal_id }]);
  });
});

describe('a notice', () => {
  const day = 24 * HOUR_MS;

  it('that has been due for a month is forgotten, and a younger one is kept', async () => {
    const notices = flow().queue('notify');
    await notices.add('notify', {}, { jobId: 'old-one', timestamp: Date.now() - 31 * day });
    await notices.add('notify', {}, { jobId: 'young-one', timestamp: Date.now() - 29 * day });
    flow().fetcher();
    await watchdog();
    expect((await notices.getWaiting()).map(({ id }) => id)).toEqual(['young-one']);
  });

  it('that was ordered long before is as old as it is due', async () => {
    const notices = flow().queue('notify');
    const ordered = async (jobId: string, daysAgo: number, delayDays: number): Promise<void> => {
      const timestamp = Date.now() - daysAgo * day;
      const job = await notices.add('notify', {}, { jobId, timestamp, delay: delayDays * day });
      await job.promote();
    };
    await ordered('due-too-long', 70, 35);
    await ordered('due-now', 40, 40);
    await ordered('due-lately', 60, 31);
    flow().fetcher();
    await watchdog();
    const kept = new Set((await notices.getWaiting()).map(({ id }) => id));
    expect(kept).toEqual(new Set(['due-now', 'due-lately']));
  });

  it('that was tried lately is kept, however long it is due', async () => {
    const notices = flow().queue('notify');
    await notices.add('notify', {}, { jobId: 'tried-one', timestamp: Date.now() - 31 * day });
    await flow().redis.hset(`${BULL_PREFIX}:notify:tried-one`, 'processedOn', String(Date.now() - day));
    flow().fetcher();
    await watchdog();
    expect((await notices.getWaiting()).map(({ id }) => id)).toEqual(['tried-one']);
  });
});

describe('an entry among the open runs that is no run', () => {
  it('stands in the way of no other', async () => {
    await flow().redis.zadd(keys.openRuns(), 0, 'not-a-run');
    flow().fetcher();
    const runId = await accepted(await flow().ask(0));
    expect(await watchdog()).toMatchObject({ put_back: 1 });
    expect(await endOf(runId)).toBe('completed');
    await flow().redis.zrem(keys.openRuns(), 'not-a-run');
  });
});

describe('a fetcher that starts', () => {
  it('makes the scheduler of a watch that has none, removes one without a watch, and watches over itself', async () => {
    const { queue, watches, fetcher } = flow();
    const asker = await flow().ask(0);
    const gone = await flow().ask(0);
    const schedule = { kind: 'cron', cron: '0 3 * * *', time_zone: 'Europe/Rome' } as const;
    await watches.put({ owner: asker.owner, space_id: asker.space, schedule, dry_run: false });
    const left = watchScheduleId(gone.owner, gone.space);
    await queue('agent-run').upsertJobScheduler(left, { pattern: '0 3 * * *' }, { name: 'turn', data: {} });
    await fetcher().ready();
    expect(await queue('agent-run').getJobScheduler(left)).toBeUndefined();
    const id = watchScheduleId(asker.owner, asker.space);
    expect(await queue('agent-run').getJobScheduler(id)).toMatchObject({ pattern: '0 3 * * *', tz: 'Europe/Rome' });
    expect(await queue('agent-run').getJobScheduler('watchdog')).toMatchObject({ every: 60_000 });
  });

  it('catches up once on a watch whose tick was lost', async () => {
    const { queue, watches, fetcher, redis } = flow();
    const asker = await flow().ask(0);
    const order = { owner: asker.owner, space_id: asker.space, dry_run: false } as const;
    await watches.put({ ...order, schedule: { kind: 'cron', cron: '0 3 1 1 *', time_zone: 'UTC' } });
    await fetcher().ready();
    await flow().closeWorkers();
    const id = watchScheduleId(asker.owner, asker.space);
    const next = (await nextTick(queue('agent-run'), id)) ?? 0;
    await lose('agent-run', `repeat:${id}:${next}`);
    await redis.zadd(`${BULL_PREFIX}:agent-run:repeat`, Date.now() - 40 * HOUR_MS, id);
    await fetcher().ready();
    const runId = await vi.waitUntil(async () => (await flow().runsOf(asker))[0], PATIENT);
    expect(await endOf(runId)).toBe('completed');
    expect(await nextTick(queue('agent-run'), id)).toBe(next);
  });

  it('catches up once on a watch that runs every so often, and it keeps its rhythm', async () => {
    const { queue, watches, fetcher, redis } = flow();
    const asker = await flow().ask(0);
    const order = { owner: asker.owner, space_id: asker.space, dry_run: false } as const;
    await watches.put({ ...order, schedule: { kind: 'every', every_s: 24 * 3_600 } });
    await fetcher().ready();
    const first = await vi.waitUntil(async () => (await flow().runsOf(asker))[0], PATIENT);
    expect(await endOf(first)).toBe('completed');
    await flow().closeWorkers();
    const id = watchScheduleId(asker.owner, asker.space);
    await lose('agent-run', `repeat:${id}:${(await nextTick(queue('agent-run'), id)) ?? 0}`);
    await redis.zadd(`${BULL_PREFIX}:agent-run:repeat`, Date.now() - 40 * HOUR_MS, id);
    await fetcher().ready();
    await vi.waitUntil(async () => (await flow().runsOf(asker)).length > 1, PATIENT);
    await vi.waitUntil(async () => {
      const { waiting: left, active } = await queue('agent-run').getJobCounts('waiting', 'active');
      const due = (await queue('agent-run').getDelayed()).filter(
        ({ timestamp, delay }) => timestamp + delay <= Date.now(),
      );
      return left === 0 && active === 0 && due.length === 0;
    }, PATIENT);
    expect(await flow().runsOf(asker)).toHaveLength(2);
    expect(await nextTick(queue('agent-run'), id)).toBeGreaterThan(Date.now());
  });
});
