/**
 * Whether the queues move. How long a job waits says little: a parent waits for its children, a job for its backoff, and both come
 * with the time at which they were added. So the gateway remembers which job is the next one, and since when.
 *
 *   paused                                            down
 *   the same job is next for 5 s and nobody works     down
 *   the same job is next for a minute                 degraded: too much to do, or too few to do it
 */
import type { QueueHealth } from '@quorum/shared/health';
import { QUEUES, type QueueName } from '@quorum/shared/jobs';
import type { Queues } from './queues.ts';

const STUCK_MS = 5_000;
const LATE_MS = 60_000;

export type QueueLook = {
  /** How each queue is. Throws `redisAway`. */
  readonly look: () => Promise<QueueHealth[]>;
};

type Next = { readonly id: string; readonly sinceMs: number };

/** Begins to remember. `now`: milliseconds of a clock that only runs forward; `nowMs`: Unix milliseconds. */
export function createQueueLook(
  queues: Pick<Queues, 'counts' | 'next'>,
  { now = () => performance.now(), nowMs = Date.now } = {},
): QueueLook {
  const nextOf = new Map<QueueName, Next>();

  /** For how long the job with this id has been the next one, as far as was looked. */
  function waitsMs(queue: QueueName, id: string | undefined): number {
    const before = nextOf.get(queue);
    if (id === undefined) {
      nextOf.delete(queue);
      return 0;
    }
    const next = before?.id === id ? before : { id, sinceMs: now() };
    nextOf.set(queue, next);
    return now() - next.sinceMs;
  }

  return {
    look: () =>
      Promise.all(
        QUEUES.map(async (queue): Promise<QueueHealth> => {
          const [counts, next] = await Promise.all([queues.counts(queue), queues.next(queue)]);
          // Jobs with a priority wait in a list of their own.
          const waiting = (counts['waiting'] ?? 0) + (counts['prioritized'] ?? 0);
          const active = counts['active'] ?? 0;
          const oldest = next.jobs.length === 0 ? null : Math.min(...next.jobs.map(({ addedAtMs }) => addedAtMs));
          return {
            queue,
            waiting,
            active,
            failed: counts['failed'] ?? 0,
            oldest_s: oldest === null ? null : Math.max(0, Math.round((nowMs() - oldest) / 100) / 10),
            ...stateOf(next.paused, active, waitsMs(queue, next.jobs[0]?.id)),
          };
        }),
      ),
  };
}

function stateOf(paused: boolean, active: number, waitsMs: number): Pick<QueueHealth, 'status' | 'detail'> {
  if (paused) return { status: 'down', detail: 'it is paused' };
  const waitsS = Math.round(waitsMs / 1_000);
  if (waitsMs >= STUCK_MS && active === 0) {
    return { status: 'down', detail: `nobody has taken its next job for ${waitsS} s` };
  }
  if (waitsMs >= LATE_MS) return { status: 'degraded', detail: `its next job has been the next for ${waitsS} s` };
  return { status: 'ok', detail: null };
}
