/**
 * Requests that wait for the end of a run: `Prefer: wait=20` (RFC 7240). Each end is told on a channel of Redis, which one connection
 * hears for all of them: to read a run's events for it would be some twenty looks a run. A message may be lost with the connection: the
 * record says whether the run has ended, and is asked when the wait begins and whenever the channel is heard anew. A client that goes,
 * and a gateway that stops, ends its wait.
 */
import type { ServerResponse } from 'node:http';
import type { RunId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import { keys } from '@quorum/shared/redis-keys';
import type { Request } from 'express';
import type { Redis } from 'ioredis';

const SECOND_MS = 1_000;
/** Proxies cut an answer that has not begun after a minute. */
export const WAIT_MOST_S = 30;

export type RunWaits = {
  /** Whether no more may wait. */
  isFull(): boolean;
  /**
   * Resolves once the run has ended, or `seconds` later, or when the client is gone. `hasEnded` asks the record; rejects where that does
   * when the wait begins.
   */
  untilEnd(run: RunId, hasEnded: () => Promise<boolean>, seconds: number, response: ServerResponse): Promise<void>;
  close(): void;
};

type Wait = { readonly run: string; readonly hasEnded: () => Promise<boolean>; readonly end: () => void };

/** The connection is the one that its own is made from, once somebody waits. `most` is asked for each time. */
export function createRunWaits(connection: Redis, most: () => number, log: Logger): RunWaits {
  const all = new Set<Wait>();
  let listener: Redis | null = null;
  let isClosed = false;

  function listen(): Redis {
    const opened = connection.duplicate({
      maxRetriesPerRequest: null,
      enableOfflineQueue: true,
      autoResubscribe: false,
    });
    // A lost connection is told once, by the one that this is made from.
    opened.on('error', () => undefined);
    opened.on('message', (_channel: string, run: string) => {
      for (const wait of all) if (wait.run === run) wait.end();
    });
    opened.on('ready', () => {
      opened.subscribe(keys.ends()).then(lookAgain, (error: unknown) => {
        if (opened.status === 'ready') log.warn({ err: error }, 'ends of runs are not heard');
      });
    });
    return opened;
  }

  /** What ended before the channel was heard was told to nobody here. */
  function lookAgain(): void {
    for (const { hasEnded, end } of all) {
      hasEnded().then(
        (ended) => ended && end(),
        // Redis is away again, and so will be the channel.
        () => undefined,
      );
    }
  }

  return {
    isFull: () => isClosed || all.size >= most(),
    async untilEnd(run, hasEnded, seconds, response) {
      const { promise, resolve: end } = Promise.withResolvers<void>();
      const wait = { run, hasEnded, end };
      all.add(wait);
      const timer = setTimeout(end, seconds * SECOND_MS);
      response.once('close', end);
      listener ??= listen();
      try {
        // It may have gone while the run was accepted.
        if (response.destroyed || isClosed || (await hasEnded())) return;
        await promise;
      } finally {
        clearTimeout(timer);
        response.off('close', end);
        all.delete(wait);
      }
    },
    close() {
      isClosed = true;
      listener?.disconnect();
      for (const { end } of all) end();
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
