/** The runs that are open: a part of `records.ts`, by which it is reached. `accept` and `finish` keep the list. */
import type { Redis } from 'ioredis';
import { RunId } from './ids.ts';
import { keys } from './redis-keys.ts';

export function createOpenRuns(redis: Redis) {
  return {
    /** The runs that are open, oldest first. An entry that is no run's id is none, and stands in the way of no other. */
    async openRuns(): Promise<RunId[]> {
      const ids = await redis.zrange(keys.openRuns(), '0', '-1');
      return ids.flatMap((id) => RunId.safeParse(id).data ?? []);
    },

    /** Drops an entry among the open runs of which there is no record: it would keep a place for ever. */
    async dropOpenRun(runId: RunId): Promise<void> {
      await redis.zrem(keys.openRuns(), runId);
    },
  };
}
