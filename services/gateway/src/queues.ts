/**
 * The gateway's side of the queues: adding a run or ending it, the schedulers of watches, asking for a ranking, counting, seeing
 * who works. A Redis that is away is an error in time: BullMQ alone would wait for ever for one that was down when the queue was made.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { QuorumError } from '@quorum/shared/errors';
import type { Hold } from '@quorum/shared/hold';
import { addCast, type HoldQueue } from '@quorum/shared/hold-jobs';
import type { OwnerId, RequestId, RunId } from '@quorum/shared/ids';
import {
  JOBS,
  jobIds,
  jobOptions,
  QUEUES,
  type JobResult,
  type QueueName,
  type RetrySettings,
} from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { NoticePayload } from '@quorum/shared/notices';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { releaseRun } from '@quorum/shared/release-run';
import type { Step } from '@quorum/shared/script';
import { carriedTrace } from '@quorum/shared/trace-context';
import { keepSchedule, nextTick, watchSchedule, watchScheduleId } from '@quorum/shared/schedules';
import { waitingJobs, type WaitingJob } from '@quorum/shared/waiting-jobs';
import type { Watch } from '@quorum/shared/watches';
import type { SpaceId } from '@quorum/snapshot/proposal';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { askRedis, redisAway } from './ask-redis.ts';
import { jobStep } from './job-step.ts';

/** The states whose jobs are counted. */
export const COUNTED = [
  'waiting',
  'active',
  'delayed',
  'prioritized',
  'waiting-children',
  'completed',
  'failed',
] as const;

const RANK_LOOK_MS = 50;
const NEXT_LOOKED_AT = 10;

export type NextJobs = {
  readonly paused: boolean;
  /** The next one first. */
  readonly jobs: readonly WaitingJob[];
};

export type JobCounts = Readonly<Record<string, number>>;

export type QueuesOptions = {
  /** A connection that fails fast; it stays the caller's to close. */
  readonly connection: Redis;
  /** Asked for each job. */
  readonly retries: () => RetrySettings;
  /** The time limit of a question, in milliseconds; asked for each. */
  readonly limitMs: () => number;
  readonly log: Logger;
};

export type Queues = ReturnType<typeof openQueues>;

/** The queues of the job catalogue on this connection. Does not wait for Redis. */
export function openQueues({ connection, retries, limitMs, log }: QueuesOptions) {
  const queues = new Map<QueueName, Queue>(QUEUES.map((name) => [name, open(name)]));

  function open(name: QueueName): Queue {
    // Without the version check a queue needs nothing but a ready connection. With it, a Redis that dies between 'ready' and
    // the answer to INFO would leave behind a queue that fails every add for good.
    const queue = new Queue(name, { connection, prefix: BULL_PREFIX, skipVersionCheck: true });
    queue.on('error', (error: unknown) => {
      // A lost connection is told once, by the connection itself.
      if (connection.status === 'ready') log.error({ err: error, queue: name }, 'queue error');
    });
    return queue;
  }

  function queueOf(name: QueueName): Queue {
    const queue = queues.get(name);
    if (queue === undefined) throw new TypeError(`There is no queue ${name}`);
    return queue;
  }

  function rootOf(runId: RunId, requestId?: RequestId) {
    return {
      payload: JOBS['agent-run'].payload.parse({ request_id: requestId, run_id: runId, step: 'fetch' }),
      options: { ...jobOptions('agent-run', retries()), ...carriedTrace(), jobId: jobIds.run(runId) },
    };
  }

  return {
    all: (): readonly Queue[] => [...queues.values()],

    /** Resolves once jobs can be added; throws `redisAway` where that takes too long. */
    async ready(): Promise<void> {
      await askRedis(limitMs(), async () => {
        await Promise.all([...queues.values()].map((queue) => queue.waitUntilReady()));
        await connection.ping();
      });
    },

    /**
     * Adds the root job of a run. A job of this run that is there already stays as it is. Throws `redisAway` whatever went
     * wrong: the run is accepted by then, and the same request again adds what is missing.
     */
    async addRun(runId: RunId, requestId?: RequestId): Promise<void> {
      const { payload, options } = rootOf(runId, requestId);
      try {
        await askRedis(limitMs(), () => queueOf('agent-run').add('agent-run', payload, options));
      } catch (error) {
        throw redisAway(error);
      }
    },

    /** The same as a part of a step in which the run is accepted. */
    runStep(runId: RunId, requestId?: RequestId): Promise<Step<string>> {
      const { payload, options } = rootOf(runId, requestId);
      return jobStep(queueOf('agent-run'), 'agent-run', payload, options);
    },

    /**
     * Takes away what nobody has begun of a run that was cancelled, and brings up the rest. Throws `redisAway` whatever went wrong:
     * the run is cancelled by then, and the same request again does what is left.
     */
    async release(runId: RunId): Promise<void> {
      try {
        await askRedis(limitMs(), () => releaseRun(runId, { runs: queueOf('agent-run'), votes: queueOf('vote') }));
      } catch (error) {
        throw redisAway(error);
      }
    },

    /** Makes the scheduler of a watch what its record says. */
    async keepWatch(watch: Watch): Promise<void> {
      await askRedis(limitMs(), () => keepSchedule(queueOf('agent-run'), watchSchedule(watch, retries()), Date.now()));
    },

    async dropWatch(owner: OwnerId, space: SpaceId): Promise<void> {
      await askRedis(limitMs(), () => queueOf('agent-run').removeJobScheduler(watchScheduleId(owner, space)));
    },

    /** When the next turn of a watch is due, Unix milliseconds; null until its scheduler is there. */
    nextTurn: (owner: OwnerId, space: SpaceId): Promise<number | null> =>
      askRedis(limitMs(), () => nextTick(queueOf('agent-run'), watchScheduleId(owner, space))),

    /**
     * Asks the fetcher what a run would choose, and waits for its answer. Polls: listeners would cost a connection of their own
     * and reject where the job is gone. Throws a `timeout` error where it takes longer than `withinMs`.
     */
    async rank(owner: OwnerId, space: SpaceId, withinMs: number): Promise<JobResult<'rank'>> {
      const queue = queueOf('agent-run');
      const payload = JOBS.rank.payload.parse({ owner, space_id: space });
      const jobId = `rank-${randomUUID()}`;
      const giveUpMs = Date.now() + withinMs;
      const options = { ...jobOptions('rank', retries()), ...carriedTrace(), jobId };
      await askRedis(limitMs(), () => queue.add('rank', payload, options));
      while (Date.now() < giveUpMs) {
        const job = await askRedis(limitMs(), () => queue.getJob(jobId));
        if (job === undefined) break;
        if (job.finishedOn === undefined) {
          await pause(RANK_LOOK_MS);
          continue;
        }
        // Answers are long, and nobody asks for this one again.
        await askRedis(limitMs(), () => queue.remove(jobId));
        if (job.failedReason === undefined) return JOBS.rank.result.parse(job.returnvalue);
        throw new QuorumError('internal', 'The ranking failed; the log of the fetcher has the details.');
      }
      // Nobody waits for it any more. One that is being worked on cannot be removed, and goes by itself.
      await askRedis(limitMs(), () => queue.remove(jobId));
      throw new QuorumError('timeout', `The ranking took longer than ${withinMs / 1_000} s. Try again in a moment.`, {
        retryAfterS: 2,
      });
    },

    /** Has the vote of a hold made. Throws `redisAway` whatever went wrong: the answer is recorded, and the watchdog adds it too. */
    async addCast(hold: Hold, requestId?: RequestId): Promise<void> {
      try {
        await askRedis(limitMs(), () =>
          addCast(queueOf('vote') satisfies HoldQueue, hold, retries(), Date.now(), requestId),
        );
      } catch (error) {
        throw redisAway(error);
      }
    },

    /** Has a notice delivered, unless its job is still to be worked. Throws `redisAway` whatever went wrong: ask again. */
    async addNotice(notice: NoticePayload): Promise<void> {
      const [queue, jobId] = [queueOf('notify'), jobIds.notify(notice)];
      try {
        await askRedis(limitMs(), async () => {
          const state = await (await queue.getJob(jobId))?.getState();
          if (state === 'completed' || state === 'failed') await queue.remove(jobId);
          await queue.add('notify', notice, { ...jobOptions('notify', retries()), jobId });
        });
      } catch (error) {
        throw redisAway(error);
      }
    },

    /** How many jobs of a queue are in each state. */
    counts: (name: QueueName): Promise<JobCounts> => askRedis(limitMs(), () => queueOf(name).getJobCounts(...COUNTED)),

    /** The jobs that would be taken next, ten at most, and whether none is to be taken. */
    next: (name: QueueName): Promise<NextJobs> =>
      askRedis(limitMs(), async () => {
        const queue = queueOf(name);
        const [jobs, paused] = await Promise.all([waitingJobs(queue, connection, NEXT_LOOKED_AT), queue.isPaused()]);
        return { paused, jobs: jobs.slice(0, NEXT_LOOKED_AT) };
      }),

    async close(): Promise<void> {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
