/**
 * Which jobs of a queue would be taken next, and since when they are there. Only their times are read: the jobs themselves are long,
 * and one that somebody broke must not keep the others from being seen.
 */
import type { Redis } from 'ioredis';

/** What this asks of a queue of BullMQ's. */
export type AskedQueue = {
  getRanges(types: ('waiting' | 'prioritized')[], start: number, end: number, asc: boolean): Promise<string[]>;
  toKey(id: string): string;
};

/** A job that nobody has taken. `addedAtMs`: Unix milliseconds. */
export type WaitingJob = { readonly id: string; readonly addedAtMs: number };

/** The first `most` jobs of each list, the next one first. One that was taken meanwhile, or says no time, is left out. */
export async function waitingJobs(queue: AskedQueue, redis: Redis, most: number): Promise<WaitingJob[]> {
  // Jobs without a priority come before those with one.
  const lists = await Promise.all([
    queue.getRanges(['waiting'], 0, most - 1, true),
    queue.getRanges(['prioritized'], 0, most - 1, true),
  ]);
  const jobs = lists.flat().map(async (id): Promise<WaitingJob | null> => {
    const addedAtMs = Number((await redis.hget(queue.toKey(id), 'timestamp')) ?? Number.NaN);
    return Number.isFinite(addedAtMs) ? { id, addedAtMs } : null;
  });
  return (await Promise.all(jobs)).flatMap((job) => job ?? []);
}
