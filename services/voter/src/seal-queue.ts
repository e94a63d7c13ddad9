/**
 * The voter service's side of its own queue: what it schedules and adds there. With worker.ts the only module of this service
 * that knows BullMQ.
 */
import { jobOptions, JOBS } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { keepSchedule, sealSchedule } from '@quorum/shared/schedules';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** No job here takes its attempts from the settings. */
const RETRIES = { maxRetryAttempts: 1, retryDelayS: 1 };

/** The queue `vote` on this connection. */
export function openSealQueue(connection: Redis, log: Logger) {
  const queue = new Queue('vote', { connection, prefix: BULL_PREFIX });
  queue.on('error', (error: unknown) => log.error({ err: error, queue: 'vote' }, 'queue error'));

  return {
    /** Sees to it that audit records are sealed once a minute; a tick that was lost is made again. */
    async keepSealing(nowMs: number): Promise<void> {
      await keepSchedule(queue, sealSchedule(MINUTE_MS, RETRIES), nowMs);
    },

    /** Has them sealed in a second. However many ask, there is one such job at a time. */
    async sealSoon(): Promise<void> {
      const options = { ...jobOptions('seal', RETRIES), delay: SECOND_MS, deduplication: { id: 'seal' } };
      await queue.add('seal', JOBS.seal.payload.parse({}), options);
    },

    close: (): Promise<void> => queue.close(),
  };
}
