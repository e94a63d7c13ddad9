/**
 * Watching runs: one reader for everybody. However many clients watch however many runs, this gateway has one connection on which
 * one XREAD waits for all of those runs.
 *
 *   each run has a cursor: what was read of it so far. Each watcher has one too: what it was told.
 *   a watcher that comes       its run is read from there on; the XREAD that waits is woken if it does not know so
 *   a cursor that was set back what is still being read for it is dropped, and read again; watchers are told only what is new to them
 *   Redis goes away            the XREAD waits for it and goes on from the cursors: nothing is lost, nothing comes twice
 *
 * It is woken by an entry in a stream of this gateway's own, which it reads as well: a message could come before it listens.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import { keys } from '@quorum/shared/redis-keys';
import { Entries, parseEvent, type ToldEvent } from '@quorum/shared/run-events';
import type { Redis } from 'ioredis';
import { z } from 'zod';

/** A wake-up that Redis did not take delays a run by this at most. */
const BLOCK_MS = 5_000;
/** A connection on which even the end of a wait does not come is dead. */
const SILENCE_MS = 3 * BLOCK_MS;
const RETRY_MS = 200;
const WAKING_KEPT_MS = 60_000;

/** Before everything in a stream. */
export const BEGINNING = '0-0';

type Watcher = { at: string; readonly tell: (told: ToldEvent) => void };
type WatchedRun = { cursor: string; readonly watchers: Set<Watcher> };

export type RunWatch = {
  /** Has `tell` told what comes after the event of this id, until the function that comes back is called. */
  watch(run: RunId, after: string, tell: (told: ToldEvent) => void): () => void;
  close(): void;
};

const Reply = z.array(z.tuple([z.string(), Entries])).nullable();

/** Watches runs by this connection, which is asked to wake the reader; the reader has one of its own, made when it is needed. */
export function createRunWatch(connection: Redis, log: Logger): RunWatch {
  const waking = keys.watching(randomUUID());
  const runs = new Map<string, WatchedRun>();
  let wakingAt = BEGINNING;
  let reader: Redis | null = null;
  let isReading = false;
  /** Whether the XREAD that waits now will end at once. */
  let isWoken = false;
  let closed = false;

  function openReader(): Redis {
    const opened = connection.duplicate({
      maxRetriesPerRequest: null,
      enableOfflineQueue: true,
      socketTimeout: SILENCE_MS,
    });
    // A lost connection is told once, by the one that this is made from.
    opened.on('error', () => undefined);
    return opened;
  }

  async function wake(): Promise<void> {
    if (isWoken) return;
    isWoken = true;
    try {
      await connection.multi().xadd(waking, 'MAXLEN', 1, '*', 'wake', '1').pexpire(waking, WAKING_KEPT_MS).exec();
    } catch {
      // Redis is away; the reader looks again by itself.
      isWoken = false;
    }
  }

  async function readAll(from: Redis): Promise<void> {
    while (runs.size > 0) {
      isWoken = false;
      const asked = new Map([...runs].map(([key, { cursor }]) => [key, cursor]));
      try {
        const ids = [...asked.values()];
        const reply = await from.xread('BLOCK', BLOCK_MS, 'STREAMS', waking, ...asked.keys(), wakingAt, ...ids);
        for (const [key, entries] of Reply.parse(reply) ?? []) take(key, entries, asked.get(key));
      } catch (error) {
        if (closed) return;
        log.warn({ err: error }, 'events of runs not read');
        await pause(RETRY_MS);
      }
    }
  }

  function take(key: string, entries: z.infer<typeof Entries>, asked: string | undefined): void {
    const last = entries.at(-1)?.[0];
    if (last === undefined) return;
    if (key === waking) {
      wakingAt = last;
      return;
    }
    const run = runs.get(key);
    // Somebody came meanwhile who was told less: it is read again from there.
    if (run === undefined || run.cursor !== asked) return;
    run.cursor = last;
    for (const entry of entries) {
      const told = parseEvent(entry);
      if (told === null) log.warn({ key, id: entry[0] }, 'entry among the events of a run is none');
      else for (const watcher of run.watchers) tellNew(watcher, told);
    }
  }

  function tellNew(watcher: Watcher, told: ToldEvent): void {
    if (!isAfter(told.id, watcher.at)) return;
    watcher.at = told.id;
    watcher.tell(told);
  }

  function keepReading(): void {
    if (isReading) {
      void wake();
      return;
    }
    isReading = true;
    reader ??= openReader();
    void readAll(reader).finally(() => {
      isReading = false;
      // Somebody may have come between the last look and now.
      if (runs.size > 0) keepReading();
    });
  }

  return {
    watch(runId, after, tell) {
      if (closed) return () => undefined;
      const key = keys.runEvents(runId);
      const known = runs.get(key);
      const run = known ?? { cursor: after, watchers: new Set() };
      const isBehind = isAfter(run.cursor, after);
      if (isBehind) run.cursor = after;
      const watcher = { at: after, tell };
      run.watchers.add(watcher);
      runs.set(key, run);
      if (known === undefined || isBehind) keepReading();
      return () => {
        run.watchers.delete(watcher);
        if (run.watchers.size === 0 && runs.get(key) === run) runs.delete(key);
      };
    },
    close() {
      closed = true;
      runs.clear();
      reader?.disconnect();
    },
  };
}

/** Whether an id of a stream comes after another. */
export function isAfter(id: string, other: string): boolean {
  const [ms = 0, seq = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherSeq = 0] = other.split('-').map(Number);
  return ms === otherMs ? seq > otherSeq : ms > otherMs;
}
