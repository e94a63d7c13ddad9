/**
 * The voter service's side of the queues: the jobs of a hold, sweeps, and what an owner is told. With worker.ts and seal-queue.ts
 * the only module of this service that knows BullMQ. Everything here may be done twice: ids dedupe.
 */
import { addExpiry, noticeOf, noticesOf, type HoldQueue } from '@quorum/shared/hold-jobs';
import { jobIds, jobOptions, JOBS, MAX_PRIORITY, type QueueName, type RetrySettings } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Notice } from '@quorum/shared/notices';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { HoldJobs, Sweeps } from './vote-deps.ts';

/** The queues on this connection. `retries` is asked for each job. */
export function openQueues(options: {
  readonly connection: Redis;
  readonly retries: () => RetrySettings;
  readonly log: Logger;
  readonly now: () => number;
}): {
  readonly holdJobs: HoldJobs;
  readonly sweeps: Sweeps;
  readonly notify: (notices: readonly Notice[]) => Promise<void>;
  readonly close: () => Promise<void>;
} {
  const { connection, retries, log, now } = options;
  const [votes, notices] = [open('vote'), open('notify')];

  function open(name: QueueName): Queue {
    const queue = new Queue(name, { connection, prefix: BULL_PREFIX });
    queue.on('error', (error: unknown) => log.error({ err: error, queue: name }, 'queue error'));
    return queue;
  }

  async function notify(all: readonly Notice[]): Promise<void> {
    const opts = jobOptions('notify', retries());
    await notices.addBulk(
      all.map(({ payload, delayMs }) => ({
        name: 'notify',
        data: payload,
        opts: { ...opts, delay: delayMs, jobId: jobIds.notify(payload) },
      })),
    );
  }

  return {
    notify,
    holdJobs: {
      async keep(hold) {
        await addExpiry(votes satisfies HoldQueue, hold, retries(), now());
        await notify(noticesOf(hold, now()));
      },
      tell: (subject, event) => notify([noticeOf(subject, event, 0)]),
    },
    sweeps: {
      async add(payload, delayMs) {
        const data = JOBS.sweep.payload.parse(payload);
        // After any vote: a sweep can wait, and a job without a priority would go before all that have one.
        const opts = { ...jobOptions('sweep', retries()), priority: MAX_PRIORITY, delay: delayMs };
        const jobId = jobIds.sweep(data);
        // One that has ended is kept for an hour under this id, and BullMQ would add nothing: a secret vote would never be compared.
        const known = await votes.getJob(jobId);
        if (known?.finishedOn !== undefined) await votes.remove(jobId);
        await votes.add('sweep', data, { ...opts, jobId });
      },
      tell: (notice) => notify([{ payload: JOBS.notify.payload.parse(notice), delayMs: 0 }]),
    },
    async close() {
      await Promise.all([votes.close(), notices.close()]);
    },
  };
}
