/**
 * The watchdog: every run ends, every appointment is kept, every watch ticks, every hold is answered or expires. It goes over the records, which are the truth, and
 * compares them with the jobs, which may be lost.
 *
 *   a run that is open, and its root job …
 *     is not there, and the run is queued      accepted and never enqueued: enqueue it
 *     is not there, and the run has begun      lost: put it back, once nothing works for it any more
 *     has ended                                it died before it could say so: the run has failed
 *     waits for children that are gone         put them back
 *     waits for children that have ended       let it go on
 *     has no record any more                   its place is free
 *     has been under way for too long          the run has failed; what it did not reserve is not voted
 *   an appointment without its turn            put it back
 *   one whose proposals have closed, while no run that opened is under way
 *                                              tell their owner
 *   a watch without its scheduler, a scheduler without its next tick or its watch
 *                                              make it, mend it and catch up once, remove it
 *   a hold that is open, without the job that ends it; one to be cast while voting is enabled, without the job that does
 *                                              put it back
 *   a notice that has been due for a month, and nobody has fetched, is forgotten
 *
 * It runs as a job on a schedule, and once when a fetcher starts. Everything it does may be done twice.
 */
import type { Appointment, Appointments } from '@quorum/shared/appointments';
import { QuorumError } from '@quorum/shared/errors';
import { keepHoldJobs } from '@quorum/shared/hold-jobs';
import type { OwnerId, RunId } from '@quorum/shared/ids';
import type { JobResult, RetrySettings } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Records, RunRecord } from '@quorum/shared/records';
import { keepSchedule, watchSchedule, watchSchedulers } from '@quorum/shared/schedules';
import type { Watches } from '@quorum/shared/watches';
import type { FetcherQueues } from './queues.ts';
import { overdue } from './left-over.ts';
import { childTrees } from './tree.ts';

const HOUR_MS = 60 * 60 * 1_000;
/** A vote is put off for a quarter of an hour at most, and a run for its hub for as long; the rest is for a queue that is full. */
const LONGEST_RUN_MS = 2 * HOUR_MS;

export type WatchdogDeps = {
  readonly records: Pick<Records, 'openRuns' | 'dropOpenRun' | 'openHolds'>;
  readonly votingOf: (owner: OwnerId) => Promise<{ readonly global: boolean; readonly owner: boolean }>;
  readonly appointments: Appointments;
  readonly watches: Pick<Watches, 'all'>;
  readonly queues: FetcherQueues;
  /** The run as far as it can be read; null: there is none. */
  readonly readToEnd: (runId: RunId) => Promise<RunRecord | null>;
  /** Ends a run as failed. */
  readonly fail: (run: RunRecord, error: QuorumError) => Promise<unknown>;
  readonly retries: () => Promise<RetrySettings>;
  readonly log: Logger;
  readonly now: () => number;
};

type Found = 'fine' | 'put_back' | 'ended' | 'freed';

/** Looks at everything once. What goes wrong with one run is told, and the others are looked at all the same. */
export async function watchdogJob(deps: WatchdogDeps): Promise<JobResult<'watchdog'>> {
  const { records, queues, log } = deps;
  const open = await records.openRuns();
  const found: Found[] = [];
  for (const runId of open) {
    const what = await lookAt(runId, deps).catch((error: unknown): Found => {
      log.error({ err: error, run_id: runId }, 'open run cannot be looked at');
      return 'fine';
    });
    if (what !== 'fine') log.warn({ run_id: runId, what }, 'watchdog helped a run');
    found.push(what);
  }
  const apart = <T>(part: Promise<T>, what: string): Promise<T | null> =>
    part.catch((error: unknown) => {
      log.error({ err: error, what }, 'watchdog could not do a part of its work');
      return null;
    });
  await apart(keepSchedules(deps), 'schedules');
  const turns = (await apart(keepAppointments(deps, open), 'appointments')) ?? 0;
  const forHolds = (await apart(keepHolds(deps), 'holds')) ?? 0;
  await apart(queues.forgetOldNotices(deps.now()), 'notices');
  const count = (what: Found): number => found.filter((one) => one === what).length;
  return {
    open_runs: open.length,
    put_back: count('put_back') + turns + forHolds,
    ended: count('ended'),
    freed: count('freed'),
  };
}

async function lookAt(runId: RunId, deps: WatchdogDeps): Promise<Found> {
  const { queues, now, fail } = deps;
  // The job before the record: a run that ends in between has a record that says so.
  const root = await queues.rootState(runId);
  const run = await deps.readToEnd(runId);
  if (run === null) await deps.records.dropOpenRun(runId);
  if (run === null || (run.state !== 'queued' && run.state !== 'running')) return 'fine';
  if (run.startedAtMs !== null && now() - run.startedAtMs > LONGEST_RUN_MS) {
    await fail(run, new QuorumError('timeout', 'The run was under way for two hours and was ended.'));
    await queues.release(runId);
    return 'ended';
  }
  const retries = await deps.retries();
  switch (root) {
    case 'at_work':
      return 'fine';
    case 'ended':
      await fail(run, new QuorumError('internal', 'The job of this run was lost; the log has the details.'));
      return 'ended';
    case 'waits': {
      // All of them: one that has its outcome may still be waited for.
      const all = { ...run, outcomes: new Map() };
      const trees = run.opening === null ? [] : childTrees(all, run.opening, retries, now());
      return (await queues.mendWaiting(run, trees, retries)) ? 'freed' : 'fine';
    }
    case 'missing':
      await queues.addRun(run, retries);
      return 'put_back';
  }
}

/** Makes the schedulers what the records of watches say. */
async function keepSchedules(deps: Omit<WatchdogDeps, 'records' | 'readToEnd' | 'fail'>): Promise<void> {
  const { watches, queues, appointments, now, log } = deps;
  const retries = await deps.retries();
  const { records: all, odd } = await watches.all();
  if (odd.length > 0) log.error({ fields: odd }, 'watches cannot be read; order them anew, or delete their records');
  const wanted = all.map((watch) => ({ watch, schedule: watchSchedule(watch, retries) }));
  for (const { watch, schedule } of wanted) {
    const { kind, missed } = await keepSchedule(queues.schedules, schedule, now());
    if (kind === 'kept') continue;
    const { owner, space_id: space, dry_run: dryRun } = watch;
    log.warn({ owner, space_id: space, what: kind, missed }, 'scheduler of a watch was not there');
    // The scheduler begins with the next turn; the one that was lost is caught up, once.
    if (missed) await appointments.makeForTick({ owner, space_id: space, dry_run: dryRun, at: now() });
  }
  const ids = new Set(wanted.map(({ schedule }) => schedule.id));
  for (const id of await watchSchedulers(queues.schedules)) {
    if (ids.has(id)) continue;
    // One that was ordered since the records were read has its record by now.
    const still = (await watches.all()).records.some((watch) => watchSchedule(watch, retries).id === id);
    if (!still) await queues.schedules.removeJobScheduler(id);
  }
}

/** Puts back the turns of appointments that have none, and tells of what closed before one was kept. Returns how many it put back. */
async function keepAppointments(deps: WatchdogDeps, open: readonly RunId[]): Promise<number> {
  const { appointments, queues, log, now } = deps;
  let put = 0;
  const { records, odd } = await appointments.all();
  if (odd.length > 0) log.error({ fields: odd }, 'appointments cannot be read');
  const isUnderWay = async (runId: RunId): Promise<boolean> => (await deps.readToEnd(runId))?.finishedAtMs === null;
  for (const appointment of records) if (await queues.addTurn(appointment, now(), isUnderWay)) put += 1;
  await tellOverdue(records, open, deps);
  return put;
}

/** `open` are the runs that were open before the appointments were read: one that has ended since has left its own. */
async function tellOverdue(
  records: readonly Appointment[],
  open: readonly RunId[],
  { appointments, queues, readToEnd, now }: WatchdogDeps,
): Promise<void> {
  const late = records.flatMap((appointment) => {
    const found = overdue(appointment, now());
    return found === null ? [] : [{ appointment, ...found }];
  });
  if (late.length === 0) return;
  const runs = await Promise.all(open.map((runId) => readToEnd(runId)));
  for (const { appointment, notices, rest } of late) {
    const { owner, space_id: space, dry_run: dryRun } = appointment;
    // It has looked at them, or will say at its end that it came too late.
    const isOwn = (run: RunRecord): boolean => run.owner === owner && run.space === space && run.dryRun === dryRun;
    const isSeen = runs.some((run) => run !== null && run.opening !== null && isOwn(run));
    if (isSeen) continue;
    await queues.notify(notices);
    await appointments.replace(appointment, rest);
  }
}

/** Puts back the jobs of holds that are missing. Returns how many. */
async function keepHolds(deps: WatchdogDeps): Promise<number> {
  const { records, queues, votingOf, now, log } = deps;
  const { records: holds, odd } = await records.openHolds();
  if (odd.length > 0) log.error({ holds: odd }, 'open holds cannot be read');
  return await keepHoldJobs(queues.holds, holds, {
    async enabled(owner) {
      const { global, owner: own } = await votingOf(owner);
      return global && own;
    },
    retries: await deps.retries(),
    nowMs: now(),
  });
}
