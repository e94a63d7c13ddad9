import type { Appointment } from '@quorum/shared/appointments';
import { newRunId, type RunId } from '@quorum/shared/ids';
import { jobIds, JOBS } from '@quorum/shared/jobs';
import { createMetrics } from '@quorum/shared/metrics';
import { keepSchedule, watchSchedule } from '@quorum/shared/schedules';
import type { Watch } from '@quorum/shared/watches';
import type { Job } from 'bullmq';
import { describe, expect, it, vi } from 'vitest';
import { aResponse } from '../../../packages/shared/test/samples.ts';
import { PATIENT } from '../../../test/patience.ts';
import { samplesOf, sumsBy } from '../../../test/scraped.ts';
import { useFlow, type Asker } from '../test/flow.ts';

const flow = useFlow();
const RETRIES = { maxRetryAttempts: 3, retryDelayS: 0.01 };

/** Orders a watch and makes its scheduler, as the gateway does. */
async function watch(asker: Asker, given: Partial<Watch> = {}): Promise<Watch> {
  const order: Watch = {
    owner: asker.owner,
    space_id: asker.space,
    schedule: { kind: 'every', every_s: 3_600 },
    dry_run: false,
    ...given,
  };
  await flow().watches.put(order);
  await keepSchedule(flow().queue('agent-run'), watchSchedule(order, RETRIES), Date.now());
  return order;
}

async function tick(asker: Asker, jobId = `tick-${newRunId()}`): Promise<Job> {
  const data = { from: 'watch', owner: asker.owner, space_id: asker.space };
  return flow().queue('agent-run').add('turn', data, { jobId, attempts: 3 });
}

async function appoint(asker: Asker, at: number, dryRun = false): Promise<Job> {
  const appointment: Appointment = { owner: asker.owner, space_id: asker.space, dry_run: dryRun, at };
  await flow().appointments.make(appointment);
  return addTurn(appointment);
}

const addTurn = (appointment: Appointment): Promise<Job> =>
  flow()
    .queue('agent-run')
    .add('turn', { from: 'appointment', ...appointment }, { jobId: jobIds.appointment(appointment) });

/** What came of a turn. */
const result = async (job: Job) => JOBS.turn.result.parse(await flow().jobEnd(job));

async function accept(asker: Asker, dryRun: boolean): Promise<RunId> {
  const { runId } = await flow().transitions.accept({
    runId: newRunId(),
    owner: asker.owner,
    space: asker.space,
    dryRun,
    idempotency: null,
    nowMs: Date.now(),
  });
  return runId;
}

async function endedRun(runId: RunId | null) {
  if (runId === null) throw new Error('there is no run');
  await vi.waitUntil(async () => (await flow().run(runId)).finishedAtMs !== null, PATIENT);
  return flow().run(runId);
}

describe('a tick of a watch', () => {
  it('starts a run of the kind that is ordered, for that owner and space, and it runs to its end', async () => {
    const { ask, fetcher, decider, voter, run } = flow();
    const asker = await ask(2);
    await watch(asker);
    fetcher();
    const [decided] = [decider(), voter()];
    // `every` begins at once.
    await vi.waitUntil(() => decided.length === 2, PATIENT);
    const { response, dryRun, owner, space } = await endedRun(await flow().onlyRun(asker));
    expect([owner, space, dryRun, response?.status]).toEqual([asker.owner, asker.space, false, 'completed']);
    const next = Date.parse(response?.next_check_time ?? '') - Date.now();
    expect(next).toBeGreaterThan(3_500_000);
    expect(next).toBeLessThanOrEqual(3_600_000);
    expect(run).toBeDefined();
  });

  it('finds the run of its own kind that is under way, and has joined it', async () => {
    const asker = await flow().ask(0);
    await watch(asker, { schedule: { kind: 'cron', cron: '0 0 1 1 *', time_zone: 'UTC' } });
    const runId = await accept(asker, false);
    flow().fetcher();
    expect(await result(await tick(asker))).toEqual({ kind: 'joined', run_id: runId });
    // That run had been accepted and not enqueued.
    expect((await endedRun(runId)).state).toBe('completed');
  });

  it('that is delivered again after its run has ended starts no second one', async () => {
    const asker = await flow().ask(0);
    await watch(asker, { schedule: { kind: 'cron', cron: '0 0 1 1 *', time_zone: 'UTC' } });
    flow().fetcher();
    const first = await tick(asker, 'tick-twice');
    const { kind, run_id: runId } = await result(first);
    expect(kind).toBe('created');
    await endedRun(runId);
    await first.remove();
    expect(await result(await tick(asker, 'tick-twice'))).toEqual({ kind: 'replayed', run_id: runId });
  });

  it('of a watch that is gone does nothing, and is counted so', async () => {
    const asker = await flow().ask(0);
    const metrics = createMetrics('test');
    flow().fetcher({ metrics });
    expect(await result(await tick(asker))).toEqual({ kind: 'superseded', run_id: null });
    const counts = sumsBy(samplesOf([await metrics.registry.metrics()]), 'quorum_turns_total', ['result']);
    expect(counts).toEqual({ superseded: 1 });
    expect(await flow().tryStart(asker.owner, asker.space)).toBe('created');
  });

  it('that meets a run of the other kind is not lost: many of them become one run once that has ended', async () => {
    const { ask, fetcher, appointments, transitions } = flow();
    const asker = await ask(0);
    await watch(asker, { schedule: { kind: 'cron', cron: '0 0 1 1 *', time_zone: 'UTC' } });
    const dry = await accept(asker, true);
    fetcher();
    const ticks = [await result(await tick(asker)), await result(await tick(asker)), await result(await tick(asker))];
    expect(ticks.map(({ kind }) => kind)).toEqual(['put_off', 'put_off', 'put_off']);
    const at = await appointments.at(asker.owner, asker.space, false);
    expect(at).not.toBeNull();
    const job = await flow().turnAt({ ...asker, at: at ?? 0 });
    await vi.waitUntil(async () => (await job.getState()) === 'delayed', PATIENT);

    await transitions.start(dry, Date.now());
    const run = await flow().run(dry);
    await flow().queue('agent-run').add('agent-run', { run_id: dry, step: 'fetch' }, { jobId: dry });
    await endedRun(dry);
    expect(run.dryRun).toBe(true);
    const { kind, run_id: live } = await result(job);
    expect(kind).toBe('created');
    expect((await endedRun(live)).dryRun).toBe(false);
    expect(await flow().runsOf(asker)).toHaveLength(2);
  });

  /** A live watch whose tick waits for a dry run that is under way; at what time its turn counts. */
  async function waiting(asker: Asker): Promise<{ readonly turn: Job; readonly dry: RunId }> {
    await watch(asker, { schedule: { kind: 'cron', cron: '0 0 1 1 *', time_zone: 'UTC' } });
    const dry = await accept(asker, true);
    flow().fetcher();
    expect(await result(await tick(asker))).toMatchObject({ kind: 'put_off' });
    const at = (await flow().appointments.at(asker.owner, asker.space, false)) ?? 0;
    const turn = await flow().turnAt({ ...asker, at });
    await vi.waitUntil(async () => (await turn.getState()) === 'delayed', PATIENT);
    return { turn, dry };
  }

  it.for(['deleted', 'ordered as a dry run'])('that waits for one is called off when its watch is %s', async (how) => {
    const asker = await flow().ask(0);
    const { turn, dry } = await waiting(asker);
    if (how === 'deleted') await flow().watches.remove(asker.owner, asker.space);
    else await watch(asker, { schedule: { kind: 'cron', cron: '0 0 1 1 *', time_zone: 'UTC' }, dry_run: true });
    await turn.promote();
    expect(await result(turn)).toEqual({ kind: 'superseded', run_id: null });
    expect(await flow().appointments.at(asker.owner, asker.space, false)).toBeNull();
    expect(await flow().runsOf(asker)).toEqual([dry]);
  });

  it('that is called off so leaves the appointment of an earlier run as it was', async () => {
    const asker = await flow().ask(0);
    const { owner, space } = asker;
    const at = Date.now() + 3_600_000;
    const made = { owner, space_id: space, dry_run: false, at, ends: [Math.floor(at / 1_000) + 3_600] };
    await flow().appointments.make(made);
    const { turn } = await waiting(asker);
    // A second tick before that: what it replaces is the first one's, and behind it the run's.
    await result(await tick(asker));
    const waits = (await flow().appointments.at(owner, space, false)) ?? 0;
    await flow().watches.remove(owner, space);
    await turn.promote();
    expect(await result(turn)).toEqual({ kind: 'superseded', run_id: null });
    const second = await flow().turnAt({ ...asker, at: waits });
    if ((await second.getState()) === 'delayed') await second.promote();
    expect(await result(second)).toEqual({ kind: 'superseded', run_id: null });
    expect(await flow().appointments.get(owner, space, false)).toEqual(made);
    expect(await (await flow().turnAt({ ...asker, at })).getState()).toBe('delayed');
  });
});

describe('an appointment', () => {
  it('starts a run, without a watch too, and its end calls it off', async () => {
    const asker = await flow().ask(0);
    flow().fetcher();
    const { kind, run_id: runId } = await result(await appoint(asker, Date.now()));
    expect(kind).toBe('created');
    expect((await endedRun(runId)).response?.next_check_time).toBeNull();
    expect(await flow().appointments.at(asker.owner, asker.space, false)).toBeNull();
  });

  it('that another one has replaced does nothing', async () => {
    const asker = await flow().ask(0);
    const old = await appoint(asker, Date.now() - 1_000);
    await flow().appointments.make({
      owner: asker.owner,
      space_id: asker.space,
      dry_run: false,
      at: Date.now() + 60_000,
    });
    flow().fetcher();
    expect(await result(old)).toEqual({ kind: 'superseded', run_id: null });
    expect(await flow().tryStart(asker.owner, asker.space)).toBe('created');
  });

  it('is made by a run that leaves something over, kept by a delayed job, and said in the response', async () => {
    const { ask, start, fetcher, decider, voter, ended, run, appointments } = flow();
    const asker = await ask(4);
    fetcher();
    decider();
    voter(async () => ({ kind: 'held', why: 'below_confidence' }));
    const runId = await start(asker);
    await ended(runId);
    const at = await appointments.at(asker.owner, asker.space, false);
    const { response } = await run(runId);
    expect(response?.next_check_time).toBe(new Date(at ?? 0).toISOString());
    // The fourth ends in four days; a run starts an hour before.
    expect(at).toBeGreaterThan(Date.now() + 4 * 86_400_000 - 3_600_000 - 60_000);
    const job = await flow().turnAt({ ...asker, at: at ?? 0 });
    expect(await job.getState()).toBe('delayed');
    expect(job.delay).toBeGreaterThan(3 * 86_400_000);

    // It comes: the three that were held are not looked at again, and the fourth is decided.
    await job.promote();
    const [, second] = await vi.waitUntil(async () => {
      const runs = await flow().runsOf(asker);
      return runs.length === 2 ? runs : null;
    }, PATIENT);
    const next = await endedRun(second ?? null);
    expect(next.response?.filter_metrics).toMatchObject({ decided_before: 3, selected: 1, beyond_limit: 0 });
    expect(next.opening?.selected.map(({ proposal_id: id }) => id)).toEqual([asker.ids[3]]);
    expect(next.response?.next_check_time).toBeNull();
  });
});

describe('an appointment for the time at which its turn has been already', () => {
  const watchdog = async (): Promise<unknown> =>
    flow().jobEnd(
      await flow()
        .queue('agent-run')
        .add('watchdog', {}, { jobId: `watchdog-${newRunId()}` }),
    );

  it('starts another run where the end of the one that the turn had joined makes it', async () => {
    const asker = await flow().ask(0);
    const { owner, space } = asker;
    const joined = await accept(asker, false);
    await flow().transitions.start(joined, Date.now());
    const at = Date.now();
    flow().fetcher();
    expect(await result(await appoint(asker, at))).toEqual({ kind: 'joined', run_id: joined });
    // Begun before the turn came, ended after it.
    const appointment = { owner, space_id: space, dry_run: false, at };
    await flow().transitions.finish(
      { owner, dryRun: false },
      aResponse(joined, { space_id: space }),
      Date.now(),
      appointment,
    );
    expect(await watchdog()).toMatchObject({ put_back: 1 });
    const [, second] = await vi.waitUntil(async () => {
      const runs = await flow().runsOf(asker);
      return runs.length === 2 ? runs : null;
    }, PATIENT);
    expect((await endedRun(second ?? null)).state).toBe('completed');
    expect(await flow().appointments.at(owner, space, false)).toBeNull();
    // Nothing stands, and nothing comes any more.
    expect(await watchdog()).toMatchObject({ put_back: 0 });
    expect(await flow().runsOf(asker)).toEqual([joined, second]);
  });

  it('has its turn again at the end of that run', async () => {
    const asker = await flow().ask(1);
    flow().fetcher();
    const runId = await flow().start(asker);
    await vi.waitUntil(async () => (await (await flow().job(runId)).getState()) === 'waiting-children', PATIENT);
    const [proposal] = (await flow().run(runId)).opening?.selected ?? [];
    const at = ((proposal?.end ?? NaN) - 3_600) * 1_000;
    expect(await result(await appoint(asker, at))).toEqual({ kind: 'joined', run_id: runId });
    flow().decider();
    flow().voter(async () => ({ kind: 'failed', why: 'upstream_unavailable' }));
    await flow().ended(runId);
    expect(await flow().appointments.at(asker.owner, asker.space, false)).toBe(at);
    expect(await (await flow().turnAt({ ...asker, at })).getState()).toBe('delayed');
  });

  it('is left alone while the run that the turn has started is under way', async () => {
    const asker = await flow().ask(1);
    flow().fetcher();
    const turn = await appoint(asker, Date.now());
    const { run_id: runId } = await result(turn);
    if (runId === null) throw new Error('there is no run');
    await vi.waitUntil(async () => (await (await flow().job(runId)).getState()) === 'waiting-children', PATIENT);
    expect(await watchdog()).toMatchObject({ put_back: 0 });
    expect(await turn.getState()).toBe('completed');
  });

  it('has it again where that one failed for good', async () => {
    const asker = await flow().ask(0);
    const worker = flow().bareWorker('agent-run', () => Promise.reject(new Error('no Redis')));
    const turn = await appoint(asker, Date.now());
    await vi.waitUntil(async () => (await turn.getState()) === 'failed', PATIENT);
    await worker.close();
    flow().fetcher();
    expect(await watchdog()).toMatchObject({ put_back: 1 });
    const runId = await vi.waitUntil(async () => (await flow().runsOf(asker))[0], PATIENT);
    expect((await endedRun(runId)).state).toBe('completed');
  });
});

describe('a run at once', () => {
  it('decides the fourth proposal behind three held ones where it ends before the next turn, and then it is over', async () => {
    const { ask, fetcher, decider, voter } = flow();
    const asker = await ask(4);
    // The next turn comes after the end of the fourth, in four days.
    await watch(asker, { schedule: { kind: 'every', every_s: 20 * 86_400 } });
    fetcher();
    const [decided] = [decider(), voter(async () => ({ kind: 'held', why: 'risk' }))];
    const [, second] = await vi.waitUntil(async () => {
      const runs = await flow().runsOf(asker);
      return runs.length === 2 ? runs : null;
    }, PATIENT);
    const { response, opening } = await endedRun(second ?? null);
    expect(opening?.selected.map(({ proposal_id: id }) => id)).toEqual([asker.ids[3]]);
    expect(decided).toEqual(expect.arrayContaining(asker.ids));
    // Nothing is left over: the watch alone goes on, and no third run comes.
    expect(await flow().appointments.at(asker.owner, asker.space, false)).toBeNull();
    expect(Date.parse(response?.next_check_time ?? '')).toBeGreaterThan(Date.now() + 19 * 86_400_000);
    expect(await flow().queue('agent-run').getJobCountByTypes('waiting', 'active')).toBe(0);
    expect(await flow().runsOf(asker)).toHaveLength(2);
  });

  it('is never caused by a dry run', async () => {
    const { ask, fetcher, decider, voter } = flow();
    const asker = await ask(4);
    await watch(asker, { schedule: { kind: 'every', every_s: 20 * 86_400 }, dry_run: true });
    fetcher();
    decider();
    voter(async () => ({ kind: 'simulated' }));
    const [only] = await vi.waitUntil(async () => {
      const runs = await flow().runsOf(asker);
      return runs.length > 0 ? runs : null;
    }, PATIENT);
    const { response } = await endedRun(only ?? null);
    expect(response).toMatchObject({ dry_run: true, filter_metrics: { beyond_limit: 1 } });
    expect((await flow().appointments.all()).records).toEqual([]);
  });
});

describe('a lead that leaves less than the time to vote', () => {
  it('is twice that time: a run that comes later could only say that it is too late', async () => {
    const { ask, add, start, fetcher, decider, voter, ended, run } = flow();
    const asker = await ask(0);
    const nowS = Math.floor(Date.now() / 1_000);
    const ends = [1, 2, 3, 4].map((days) => nowS + days * 86_400);
    await add({ proposals: ends.map((end) => flow().proposalIn(asker.space, { nowS, end })) });
    fetcher({ deadlineLeadS: 0 });
    decider();
    voter();
    const runId = await start(asker);
    await ended(runId);
    const { response } = await run(runId);
    expect(response?.filter_metrics).toMatchObject({ selected: 3, beyond_limit: 1 });
    expect(Date.parse(response?.next_check_time ?? '')).toBe(((ends[3] ?? 0) - 240) * 1_000);
  });
});

describe('what closes too soon', () => {
  it('is told of once for each owner, proposal and event, however often runs see it', async () => {
    const { ask, add, start, fetcher, ended, run, queue } = flow();
    const asker = await ask(0);
    const nowS = Math.floor(Date.now() / 1_000);
    const late = flow().proposalIn(asker.space, { nowS, end: nowS + 100 });
    await add({ proposals: [late] });
    fetcher();
    for (let times = 0; times < 2; times += 1) {
      const runId = await start(asker);
      await ended(runId);
      const { response } = await run(runId);
      expect(response?.filter_metrics).toMatchObject({ fetched: 1, closing_too_soon: 1, selected: 0 });
      expect(response?.errors).toEqual([
        `1 proposal closes too soon to be decided and voted on: vote on Snapshot yourself: ${late.id}.`,
      ]);
    }
    const waiting = await queue('notify').getWaiting();
    const own = waiting.filter(({ data }) => data.owner === asker.owner);
    expect(own.map(({ data }) => data)).toEqual([
      expect.objectContaining({ event: 'closing_too_soon', proposal_id: late.id, space_id: asker.space }),
    ]);
  });
});
