/**
 * The gateway's side of the queues: adding a run, counting, seeing who works. A Redis that is away is an error in time: BullMQ
 * alone would wait for ever for one that was down when the queue was made.
 */
import { JOBS, jobIds, jobOptions, QUEUES, type JobName, type RetrySettings } from '@quorum/shared/jobs';
import type { RunId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { askRedis, redisAway } from './ask-redis.ts';

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
  const queues = new Map<JobName, Queue>(QUEUES.map((name) => [name, open(name)]));

  function open(name: JobName): Queue {
    // Without the version check a queue needs nothing but a ready connection. With it, a Redis that dies between 'ready' and
    // the answer to INFO would leave behind a queue that fails every add for good.
    const queue = new Queue(name, { connection, prefix: BULL_PREFIX, skipVersionCheck: true });
    queue.on('error', (error: unknown) => {
      // A lost connection is told once, by the connection itself.
      if (connection.status === 'ready') log.error({ err: error, queue: name }, 'queue error');
    });
    return queue;
  }

  function queueOf(name: JobName): Queue {
    const queue = queues.get(name);
    if (queue === undefined) throw new TypeError(`There is no queue ${name}`);
    return queue;
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
    async addRun(runId: RunId): Promise<void> {
      const payload = JOBS['agent-run'].payload.parse({ run_id: runId, step: 'fetch' });
      const options = { ...jobOptions('agent-run', retries()), jobId: jobIds.run(runId) };
      try {
        await askRedis(limitMs(), () => queueOf('agent-run').add('agent-run', payload, options));
      } catch (error) {
        throw redisAway(error);
      }
    },

    /** How many jobs of a queue are in each state. */
    counts: (name: JobName): Promise<JobCounts> => askRedis(limitMs(), () => queueOf(name).getJobCounts(...COUNTED)),

    /** How many workers are connected to a queue. */
    workers: (name: JobName): Promise<number> => askRedis(limitMs(), () => queueOf(name).getWorkersCount()),

    async close(): Promise<void> {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
