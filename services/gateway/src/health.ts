/** The health of the whole: Redis, and a worker for each queue. It says what is missing, and nothing that is secret. */
import { QUEUES, type QueueName } from '@quorum/shared/jobs';
import { z } from 'zod';
import type { Queues } from './queues.ts';

/** Which service works which queue; null: nobody does yet, and its jobs wait. */
const WORKED_BY = {
  'agent-run': 'fetcher',
  decide: 'decider',
  vote: 'voter',
  notify: null,
} as const satisfies Record<QueueName, string | null>;

const PartStatus = z.enum(['ok', 'down']);
const Count = z.int().nonnegative();

export const Health = z.object({
  status: PartStatus.describe('ok: every part is there'),
  redis: z.object({
    status: PartStatus,
    latency_ms: z.number().nullable().describe('How long its answer took; null where there was none in time'),
  }),
  services: z.array(
    z.object({
      service: z.enum(['fetcher', 'decider', 'voter']),
      status: PartStatus.describe('ok: at least one of its workers is connected'),
      workers: Count.nullable().describe('Workers that are connected; null where Redis did not say'),
    }),
  ),
  queues: z.array(
    z.object({
      queue: z.enum(QUEUES),
      waiting: Count.describe('Jobs that nobody has taken yet'),
      active: Count.describe('Jobs being worked on'),
      failed: Count.describe('Jobs that failed within the last hour'),
    }),
  ),
});
export type Health = z.infer<typeof Health>;

/** Asks every part at once; as slow as the slowest answer, bounded by the time limit of the queues. Never throws. */
export async function checkHealth(queues: Queues): Promise<Health> {
  const began = performance.now();
  const latency = settled(queues.ready().then(() => Math.round((performance.now() - began) * 10) / 10));
  const services = Promise.all(
    QUEUES.flatMap((queue) => {
      const service = WORKED_BY[queue];
      return service === null ? [] : [{ queue, service }];
    }).map(async ({ queue, service }) => {
      const workers = await settled(queues.workers(queue));
      return { service, status: statusOf(workers !== null && workers > 0), workers };
    }),
  );
  const counts = Promise.all(
    QUEUES.map(async (queue) => {
      const found = await settled(queues.counts(queue));
      // Jobs with a priority wait in a list of their own.
      const waiting = (found?.['waiting'] ?? 0) + (found?.['prioritized'] ?? 0);
      return found === null ? [] : [{ queue, waiting, active: found['active'] ?? 0, failed: found['failed'] ?? 0 }];
    }),
  );
  const [latency_ms, parts, depths] = await Promise.all([latency, services, counts]);
  const isWhole = latency_ms !== null && parts.every((part) => part.status === 'ok');
  return {
    status: statusOf(isWhole),
    redis: { status: statusOf(latency_ms !== null), latency_ms },
    services: parts,
    queues: depths.flat(),
  };
}

function statusOf(isThere: boolean): 'ok' | 'down' {
  return isThere ? 'ok' : 'down';
}

/** A part that does not answer is down; the health report is where that is said. */
function settled<T>(answer: Promise<T>): Promise<T | null> {
  return answer.catch(() => null);
}
