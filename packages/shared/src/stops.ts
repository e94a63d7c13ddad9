/**
 * Runs that are to stop: whoever ends one says so on a channel of Redis, and every worker aborts what it does for it. A message
 * that is lost loses nothing but time: each job asks its run's record as well.
 */
import type { Redis } from 'ioredis';
import type { Logger } from './log.ts';
import { keys } from './redis-keys.ts';

/** The work of one job for a run. `done` once it has ended. */
export type StopSignal = { readonly signal: AbortSignal; readonly done: () => void };

export type Stops = {
  /** A signal that is aborted when the run is to stop; null: the job is for no run. */
  of(runId: string | null): StopSignal;
  close(): void;
};

/** Listens on a connection of its own: one that listens can do nothing else. */
export function hearStops(connection: Redis, log: Logger): Stops {
  const working = new Map<string, Set<AbortController>>();
  const listener = connection.duplicate();
  // A lost connection is told once, by the one that this is made from; ioredis listens again once it is back.
  listener.on('error', () => undefined);
  listener.on('message', (_channel: string, runId: string) => {
    for (const controller of working.get(runId) ?? [])
      controller.abort(new DOMException('The run is to stop.', 'AbortError'));
  });
  listener.subscribe(keys.stops()).catch((error: unknown) => {
    if (listener.status !== 'end') log.warn({ err: error }, 'stops of runs are not heard');
  });

  return {
    of(runId) {
      const controller = new AbortController();
      if (runId === null) return { signal: controller.signal, done: () => undefined };
      const all = working.get(runId) ?? new Set();
      working.set(runId, all.add(controller));
      return {
        signal: controller.signal,
        done() {
          all.delete(controller);
          if (all.size === 0 && working.get(runId) === all) working.delete(runId);
        },
      };
    },
    close: () => listener.disconnect(),
  };
}
