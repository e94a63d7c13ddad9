/**
 * Requests that wait for the end of a run: `Prefer: wait=20` (RFC 7240). They watch the run's events as the streams do, so that
 * however many wait, one XREAD does. A client that goes, and a gateway that stops, ends its wait.
 */
import type { ServerResponse } from 'node:http';
import type { RunId } from '@quorum/shared/ids';
import type { Request } from 'express';
import type { RunWatch } from './run-watch.ts';

const SECOND_MS = 1_000;
/** Proxies cut an answer that has not begun after a minute. */
export const WAIT_MOST_S = 30;

export type RunWaits = {
  /** Whether no more may wait. */
  isFull(): boolean;
  /** Resolves once the run has ended that was last told the event `after`, or `seconds` later, or when the client is gone. */
  untilEnd(run: RunId, after: string, seconds: number, response: ServerResponse): Promise<void>;
  close(): void;
};

/** `most` is asked for each time. */
export function createRunWaits(runWatch: Pick<RunWatch, 'watch'>, most: () => number): RunWaits {
  const all = new Set<() => void>();
  let isClosed = false;
  return {
    isFull: () => isClosed || all.size >= most(),
    async untilEnd(run, after, seconds, response) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = runWatch.watch(run, after, ({ event }) => {
        if (event.kind === 'finished') resolve();
      });
      const timer = setTimeout(resolve, seconds * SECOND_MS);
      response.once('close', resolve);
      all.add(resolve);
      // It may have gone while the run was read.
      if (response.destroyed || isClosed) resolve();
      await promise;
      stop();
      clearTimeout(timer);
      response.off('close', resolve);
      all.delete(resolve);
    },
    close() {
      isClosed = true;
      for (const end of all) end();
    },
  };
}

const WAIT = /^wait\s*=\s*(?<quote>"?)(?<seconds>\d{1,9})\k<quote>\s*(;|$)/i;

/** For how many seconds the request would wait; null: it would not. What is no preference that is known is let pass, as RFC 7240 says. */
export function waitOf({ headers }: Pick<Request, 'headers'>): number | null {
  const preferences = [headers['prefer'] ?? []].flat().flatMap((line) => line.split(','));
  // The first one counts.
  const seconds = preferences
    .map((one) => WAIT.exec(one.trim())?.groups?.['seconds'])
    .find((found) => found !== undefined);
  const wanted = Number(seconds ?? 0);
  return wanted > 0 ? Math.min(wanted, WAIT_MOST_S) : null;
}
