/**
 * The fetcher's side of the queues: what it adds, looks up and frees. With worker.ts the only module of this service that knows
 * BullMQ. Everything here may be done twice: ids dedupe.
 */
import type { Appointment } from '@quorum/shared/appointments';
import type { HoldQueue } from '@quorum/shared/hold-jobs';
import type { RunId } from '@quorum/shared/ids';
import { JOBS, jobIds, jobOptions, type QueueName, type RetrySettings } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Notice } from '@quorum/shared/notices';
import type { RunRecord } from '@quorum/shared/records';
import { createFlowProducer } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { releaseRun } from '@quorum/shared/release-run';
import type { ScheduleQueue } from '@quorum/shared/schedules';
import { carriedTrace } from '@quorum/shared/trace-context';
import { Queue, type FlowJob, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ChildTree } from './tree.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Notices that were due and that no gateway has taken go when what they tell is long past. */
const NOTICE_KEPT_MS = 30 * DAY_MS;
const NOTICES_PER_SWEEP = 1_000;

/** Where the root job of a run is. ended: completed or failed. waits: for children. at_work: it comes up by itself. */
export type RootState = 'missing' | 'ended' | 'waits' | 'at_work';

/** Which run, and the request that began it. */
type RunRef = Pick<RunRecord, 'runId' | 'requestId'>;

export type FetcherQueues = ReturnType<typeof openQueues>;

/** The queues on this connection. `retries` is asked for each job that belongs to no run. */
export function openQueues({
  connection,
  retries,
  log,
}: {
  readonly connection: Redis;
  readonly retries: () => Promise<RetrySettings>;
  readonly log: Logger;
}) {
  const flow = createFlowProducer(connection, log);
  const [runs, votes, decides, notices] = [open('agent-run'), open('vote'), open('decide'), open('notify')];

  function open(name: QueueName): Queue {
    const queue = new Queue(name, { connection, prefix: BULL_PREFIX });
    queue.on('error', (error: unknown) => log.error({ err: error, queue: name }, 'queue error'));
    return queue;
  }

  const stateOf = async (job: Job | undefined): Promise<string> => (job === undefined ? 'missing' : job.getState());

  /** Adds trees of which none is there. */
  async function addFirst(trees: readonly ChildTree[], rootId: string): Promise<void> {
    if (trees.length > 0) await flow.addBulk(trees.map((tree) => flowOf(tree, rootId)));
  }

  /** Adds the trees of which no vote job is there: one that has failed would become a dependency that nobody settles. */
  async function addMissing(trees: readonly ChildTree[], rootId: string): Promise<void> {
    const known = await Promise.all(trees.map((tree) => votes.getJob(tree.voteId)));
    await addFirst(
      trees.filter((_, at) => known[at] === undefined),
      rootId,
    );
  }

  /** Puts back the decision that a vote waits for, or frees the vote of it. Returns whether there was something to do. */
  async function mendVote(tree: ChildTree): Promise<boolean> {
    const decide = await decides.getJob(tree.decideId);
    if (decide === undefined) {
      const parent = { id: tree.voteId, queue: `${BULL_PREFIX}:vote` };
      await decides.add('decide', tree.payload, {
        ...tree.decideOptions,
        ...carriedTrace(),
        jobId: tree.decideId,
        parent,
      });
      return true;
    }
    return isSettled(await decide.getState()) && (await decide.removeChildDependency());
  }

  return {
    schedules: runs satisfies ScheduleQueue,
    holds: votes satisfies HoldQueue,
    addFirst,
    addMissing,

    /** Adds the root job of a run; one that is there stays as it is. */
    async addRun({ runId, requestId }: RunRef, settings: RetrySettings): Promise<void> {
      const asked = requestId === null ? {} : { request_id: requestId };
      const payload = JOBS['agent-run'].payload.parse({ ...asked, run_id: runId, step: 'fetch' });
      await runs.add('agent-run', payload, {
        ...jobOptions('agent-run', settings),
        ...carriedTrace(),
        jobId: jobIds.run(runId),
      });
    },

    /**
     * Adds the turn that keeps an appointment, unless it is there. One that has been worked is not, but for the time that the run
     * which it came to is under way, where the caller can say so: the end of that run makes the next appointment. Returns whether
     * it was missing.
     */
    async addTurn(
      appointment: Appointment,
      nowMs: number,
      isUnderWay: (runId: RunId) => Promise<boolean> = async () => false,
    ): Promise<boolean> {
      const { owner, space_id, dry_run, at } = appointment;
      const payload = JOBS.turn.payload.parse({ from: 'appointment', owner, space_id, dry_run, at });
      const jobId = jobIds.appointment(appointment);
      const job = await runs.getJob(jobId);
      if (job !== undefined) {
        if (!isSettled(await job.getState())) return false;
        const runId = JOBS.turn.result.safeParse(job.returnvalue).data?.run_id ?? null;
        if (runId !== null && (await isUnderWay(runId))) return false;
        await runs.remove(jobId);
      }
      const delay = Math.max(0, appointment.at - nowMs);
      await runs.add('turn', payload, { ...jobOptions('turn', await retries()), delay, jobId });
      return true;
    },

    /** Takes away the turn of an appointment that counts no more. */
    async dropTurn(appointment: Appointment): Promise<void> {
      await runs.remove(jobIds.appointment(appointment));
    },

    async notify(told: readonly Notice[]): Promise<void> {
      if (told.length === 0) return;
      const opts = jobOptions('notify', await retries());
      await notices.addBulk(
        told.map(({ payload, delayMs }) => ({
          name: 'notify',
          data: JOBS.notify.payload.parse(payload),
          opts: { ...opts, delay: delayMs, jobId: jobIds.notify(payload) },
        })),
      );
    },

    /**
     * Removes notices that have been due for longer than what they tell can matter. Not by BullMQ's own `clean`, which goes by when a
     * job was added: a notice that waited a month for its time would be gone as it comes.
     */
    async forgetOldNotices(nowMs: number): Promise<void> {
      // The end at which they are taken, where those are that have been due for longest.
      const waiting = await notices.getJobs(['wait'], 0, NOTICES_PER_SWEEP - 1, true);
      const old = waiting.filter((notice) => dueMs(notice) <= nowMs - NOTICE_KEPT_MS);
      // One that somebody has taken meanwhile stays.
      for (const { id } of old) if (id !== undefined) await notices.remove(id);
    },

    async rootState(runId: RunId): Promise<RootState> {
      const state = await stateOf(await runs.getJob(jobIds.run(runId)));
      if (state === 'missing' || state === 'unknown') return 'missing';
      if (isSettled(state)) return 'ended';
      return state === 'waiting-children' ? 'waits' : 'at_work';
    },

    /** Whether a vote of these trees may still come to an outcome. */
    async anyAtWork(trees: readonly ChildTree[]): Promise<boolean> {
      const states = await Promise.all(trees.map(({ voteId }) => votes.getJobState(voteId)));
      return states.some((state) => state !== 'unknown' && !isSettled(state));
    },

    /**
     * Helps a root that waits: children that are gone are put back, those that have settled without its being told are no longer
     * waited for, and a root that waits for nothing goes on. Returns whether there was something to do.
     */
    async mendWaiting(
      run: RunRef & Pick<RunRecord, 'cancelled'>,
      trees: readonly ChildTree[],
      settings: RetrySettings,
    ): Promise<boolean> {
      const { runId } = run;
      const rootId = jobIds.run(runId);
      let mended = false;
      for (const tree of trees) {
        const vote = await votes.getJob(tree.voteId);
        const state = await stateOf(vote);
        if (vote === undefined) {
          // Taken away since nobody had begun it: no vote would come of it.
          if (run.cancelled) continue;
          await addMissing([tree], rootId);
          mended = true;
        } else if (isSettled(state)) mended = (await vote.removeChildDependency()) || mended;
        else if (state === 'waiting-children') mended = (await mendVote(tree)) || mended;
      }
      const root = await runs.getJob(rootId);
      if (root === undefined || (await root.getState()) !== 'waiting-children') return mended;
      const { unprocessed = 0 } = await root.getDependenciesCount({ unprocessed: true });
      if (unprocessed > 0) return mended;
      await root.remove({ removeChildren: false });
      await this.addRun(run, settings);
      return true;
    },

    /** Brings up the root of a run that would come later. */
    async bringUp(runId: RunId): Promise<void> {
      const root = await runs.getJob(jobIds.run(runId));
      if ((await stateOf(root)) === 'delayed') await root?.promote();
    },

    /** Takes away what nobody has begun of a run that has ended, and brings up the rest. */
    release: (runId: RunId): Promise<void> => releaseRun(runId, { runs, votes }),

    async close(): Promise<void> {
      await Promise.all([flow, runs, votes, decides, notices].map((one) => one.close()));
    },
  };
}

/** When it was last tried, else when it was first to be taken; a job that came out of its delay has it in its options alone. */
function dueMs({ processedOn, timestamp, opts }: Pick<Job, 'processedOn' | 'timestamp' | 'opts'>): number {
  return processedOn ?? timestamp + (opts.delay ?? 0);
}

function isSettled(state: string): boolean {
  return state === 'completed' || state === 'failed';
}

function flowOf(tree: ChildTree, rootId: string): FlowJob {
  return {
    name: 'vote',
    queueName: 'vote',
    data: tree.payload,
    opts: {
      ...tree.voteOptions,
      ...carriedTrace(),
      jobId: tree.voteId,
      parent: { id: rootId, queue: `${BULL_PREFIX}:agent-run` },
    },
    children: [
      {
        name: 'decide',
        queueName: 'decide',
        data: tree.payload,
        opts: { ...tree.decideOptions, ...carriedTrace(), jobId: tree.decideId },
      },
    ],
  };
}
