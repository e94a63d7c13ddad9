/**
 * The job `agent-run`: the root of a run's tree, a step job.
 *
 *   picked up while as many runs as may be open were accepted before it: delayed; the end of one of them brings it up
 *   picked up with step `fetch`      start the run, open it (pinned: a retry finds the opening), tell of what is too late, add the
 *                                    missing trees, note the next step, wait for the children
 *                                    a run that was cancelled before it opened is closed instead
 *                                    while the hub asks for a pause: delayed, for a quarter of an hour at most
 *   picked up with step `summarise`  close, if every outcome is there; else wait for the children again (a crash may lie between
 *                                    the note and the wait), then close
 *   picked up when the run has ended wait for what still works, and say how it ended
 *   the last attempt fails           end the run as failed, which stops what is not reserved; wait for what still works
 *
 * A child is added only if no job of its id exists, for which one looks unless this pick-up wrote the opening: BullMQ would put one
 * that has already failed back among the dependencies, and the root would wait for it for ever. A root that was lost and put back has
 * children that are not its own: it asks again until they have settled.
 */
import type { Appointments } from '@quorum/shared/appointments';
import { NotFoundError, QuorumError } from '@quorum/shared/errors';
import type { Logger } from '@quorum/shared/log';
import { RunId } from '@quorum/shared/ids';
import type { JobHandling, StepJob } from '@quorum/shared/job-handler';
import type { JobPayload, JobResult, RetrySettings } from '@quorum/shared/jobs';
import type { Opening, RunRecord } from '@quorum/shared/records';
import type { Keeps } from '@quorum/shared/run-fields';
import { PostponeError } from '@quorum/shared/run-worker';
import type { RunStatus } from '@quorum/shared/run';
import type { Finished } from '@quorum/shared/transitions';
import { nextTick, watchScheduleId } from '@quorum/shared/schedules';
import { postponedUntilOpen } from '@quorum/shared/upstream-gate';
import type { Watches } from '@quorum/shared/watches';
import { z } from 'zod';
import { closeRun, failRun, type CloseDeps } from './close.ts';
import { openRun, type OpenDeps } from './open.ts';
import type { FetcherQueues } from './queues.ts';
import { unopened } from './summarise.ts';
import { childTrees } from './tree.ts';

/** For how long a run waits for a hub that asks for a pause; then it is an error like any other. */
const PATIENCE_MS = 15 * 60 * 1_000;
const LOOK_AGAIN_MS = 1_000;
/** A run that waits for its place is brought up; it looks by itself in case that was missed. */
const LOOK_FOR_PLACE_MS = 5_000;
/** A run that comes with less than the time to vote left could only say that it is too late: the lead is twice that at least. */
const LEADS_LEAST = 2;
/** For a run whose own settings cannot be read any more: it is to end all the same. */
const USUAL_LEAD_S = 60 * 60;

/** What a run keeps to from its first job on, whatever the operator changes meanwhile. */
export type RunTerms = Pick<OpenDeps, 'hub' | 'minTimeToVoteS'> & {
  readonly deadlineLeadS: number;
  readonly retries: RetrySettings;
};

export type RunDeps = Omit<OpenDeps, keyof RunTerms> &
  Omit<CloseDeps, 'watchOf' | 'keepAppointment' | 'bringUp' | 'tell' | 'leadS'> & {
    readonly appointments: Appointments;
    readonly watches: Watches;
    readonly termsOf: (run: RunRecord) => Promise<RunTerms>;
    /** What a run keeps that starts now, so that asking for its terms costs no trip. */
    readonly keeps: () => Keeps;
  };

type Handling = JobHandling<JobPayload<'agent-run'>, JobResult<'agent-run'>>;

export type RunJob = Required<Handling> & {
  readonly readToEnd: (runId: RunId) => Promise<RunRecord | null>;
  /** Ends a run as failed. */
  readonly fail: (run: RunRecord, error: QuorumError) => Promise<RunStatus>;
};

export function runJob(deps: RunDeps, queues: FetcherQueues): RunJob {
  const { records, transitions, appointments, watches, log } = deps;

  async function readRun(runId: RunId): Promise<RunRecord> {
    const run = await records.run(runId);
    if (run === null) throw new NotFoundError(`run ${runId}`);
    return run;
  }

  /** Starts a run and reads it: both go out together, so that it costs one trip. What is read is as it is once started. */
  async function begin(runId: RunId): Promise<{ readonly status: RunStatus; readonly read: () => Promise<RunRecord> }> {
    const starting = transitions.start(runId, deps.now(), deps.openRunsMost(), deps.keeps());
    const reading = readRun(runId);
    // Nobody may want it: a run that has ended, or cannot be read whole, is ended by other means.
    reading.catch(() => undefined);
    const status = await starting;
    if (status === 'missing') throw new NotFoundError(`run ${runId}`);
    return {
      status,
      async read() {
        const run = await reading;
        // A Redis that was restarted is given the script first, and the reading has gone before it.
        return run.state === status ? run : await readRun(runId);
      },
    };
  }

  /** The run as far as it can be read: one that cannot be read whole must end all the same. */
  async function readToEnd(runId: RunId): Promise<RunRecord | null> {
    try {
      return await records.run(runId);
    } catch (error) {
      log.error({ err: error, run_id: runId }, 'run record cannot be read whole');
      return records.runHead(runId);
    }
  }

  /** Opens a run; while the hub asks for a pause it is put off, which costs no attempt. */
  async function openUnhurried(
    run: RunRecord,
    given: RunTerms & { readonly log: Logger },
    signal: AbortSignal,
    onFirst: () => void,
  ): Promise<Opening> {
    try {
      return await openRun(run, { ...deps, ...given }, signal, onFirst);
    } catch (error) {
      const nowMs = deps.now();
      throw postponedUntilOpen(error, { nowMs, untilMs: (run.startedAtMs ?? nowMs) + PATIENCE_MS });
    }
  }

  /** What a run is closed with; its lines name it, whoever closes it. */
  async function closeDeps(run: RunRecord): Promise<CloseDeps> {
    const asked = run.requestId === null ? {} : { request_id: run.requestId };
    return {
      ...deps,
      log: log.child({ ...asked, run_id: run.runId, owner: run.owner, space_id: run.space }),
      leadS: await deps.termsOf(run).then(
        ({ deadlineLeadS, minTimeToVoteS }) => Math.max(deadlineLeadS, LEADS_LEAST * minTimeToVoteS),
        () => USUAL_LEAD_S,
      ),
      async watchOf({ owner, space }) {
        const watch = await watches.get(owner, space);
        const nextMs = watch === null ? null : await nextTick(queues.schedules, watchScheduleId(owner, space));
        return watch === null || nextMs === null ? null : { nextMs, dryRun: watch.dry_run };
      },
      keepAppointment,
      bringUp: (next) => queues.bringUp(next),
      tell: (notices) => queues.notify(notices),
    };
  }

  /** Adds the turn of the appointment that stands, and takes away that of the one before. */
  async function keepAppointment(
    { owner, space, dryRun }: Pick<RunRecord, 'owner' | 'space' | 'dryRun'>,
    { appointedMs: at, replacedMs: before }: Pick<Finished, 'appointedMs' | 'replacedMs'>,
  ): Promise<void> {
    const common = { owner, space_id: space, dry_run: dryRun };
    if (at !== null) await queues.addTurn({ ...common, at }, deps.now());
    if (before !== null && before !== at) await queues.dropTurn({ ...common, at: before });
  }

  /** A run that has ended may still have children at work: a root that completes before them would be refused. */
  async function ended(step: StepJob, runId: RunId, status: JobResult<'agent-run'>['status']) {
    await step.waitForChildren();
    // It may have died between its end and the turn that was to follow.
    const run = await readToEnd(runId);
    if (run !== null) {
      const appointedMs = await appointments.at(run.owner, run.space, run.dryRun);
      await keepAppointment(run, { appointedMs, replacedMs: null });
    }
    return { run_id: runId, status };
  }

  /** Tells of what nobody can vote on in time any more; once for each, however often a run sees it. */
  async function tell(run: RunRecord, { closing_too_soon: closing }: Opening): Promise<void> {
    const { owner, space: space_id, runId: run_id } = run;
    const event = 'closing_too_soon' as const;
    const about = { owner, space_id, run_id, event };
    await queues.notify(closing.map((proposal_id) => ({ payload: { ...about, proposal_id }, delayMs: 0 })));
  }

  /** Closes a run of which every outcome was there when it was read: its children can change nothing. Null where one is missing. */
  async function closeSettled(run: RunRecord, step: StepJob): Promise<JobResult<'agent-run'> | null> {
    const { opening, outcomes, runId } = run;
    if (opening?.selected.every(({ proposal_id: id }) => outcomes.has(id)) !== true) return null;
    const status = await closeRun(run, opening, await closeDeps(run));
    // Only now: whoever waits for the end of the run need not wait for this.
    await step.waitForChildren();
    return { run_id: runId, status };
  }

  async function close(runId: RunId): Promise<JobResult<'agent-run'>> {
    const run = await readRun(runId);
    const { opening } = run;
    if (opening === null) throw new NotFoundError(`opening of run ${runId}`);
    const { retries } = await deps.termsOf(run);
    const unsettled = childTrees(run, opening, retries, deps.now());
    if (await queues.anyAtWork(unsettled)) throw new PostponeError(LOOK_AGAIN_MS, 'children of this run are at work');
    return { run_id: runId, status: await closeRun(run, opening, await closeDeps(run)) };
  }

  async function fail(run: RunRecord, error: QuorumError): Promise<RunStatus> {
    return failRun(run, error, await closeDeps(run));
  }

  return {
    readToEnd,
    fail,

    async handle(payload, attempt, signal, step) {
      const { run_id: runId } = payload;
      const { status, read } = await begin(runId);
      if (status === 'queued') throw new PostponeError(LOOK_FOR_PLACE_MS, 'as many runs are open as may be');
      if (status !== 'running') return ended(step, runId, status);

      if (payload.step === 'fetch') {
        const run = await read();
        const scoped = attempt.log.child({ owner: run.owner, space_id: run.space });
        if (attempt.pickups === 1) scoped.info({ dry_run: run.dryRun }, 'agent start');
        if (run.cancelled && run.opening === null) {
          return { run_id: runId, status: await closeRun(run, unopened(run), await closeDeps(run)) };
        }
        const terms = await deps.termsOf(run);
        let isFirst = false;
        const onFirst = (): void => {
          isFirst = true;
        };
        const opening = run.opening ?? (await openUnhurried(run, { ...terms, log: scoped }, signal, onFirst));
        await tell(run, opening);
        // One that is to stop gets no child that it had not: those that were taken away would be put back.
        // Trees come after an opening alone, so that whoever wrote it need not look for them.
        const add = isFirst ? queues.addFirst : queues.addMissing;
        if (!run.cancelled) await add(childTrees(run, opening, terms.retries, deps.now()), step.id);
        // Only now: writing a line takes time, and the decider need not wait for it.
        const { ranked: _ranked, ...filter_metrics } = opening.filter_metrics;
        scoped.info({ filter_metrics }, 'proposals selected');
        await step.waitForChildren({ ...payload, step: 'summarise' });
      } else {
        const closed = await closeSettled(await read(), step);
        if (closed !== null) return closed;
        await step.waitForChildren();
      }
      return close(runId);
    },

    async onFinalError(payload, error, _attempt, step) {
      const run = await readToEnd(payload.run_id);
      if (run === null) throw error;
      return ended(step, run.runId, await fail(run, error));
    },

    async onLost(data, error) {
      const { run_id: runId } = z.object({ run_id: RunId }).parse(data);
      log.error({ err: error, run_id: runId }, 'job of a run lost');
      const run = await readToEnd(runId);
      const lost = 'The job of this run was lost; the log has the details.';
      if (run !== null) await fail(run, new QuorumError('internal', lost, { cause: error }));
    },
  };
}
