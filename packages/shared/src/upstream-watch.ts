/**
 * How an upstream does, as seen by the requests that a process makes anyway. Where it has asked nothing for a while it is pinged, by
 * one process of each service: hub and sequencer count requests by address, and services may have ways out of their own. One request
 * that fails may be unlucky, and is no loss yet: then it is pinged too.
 */
import type { Exchange } from '@quorum/snapshot/exchange';
import type { Redis } from 'ioredis';
import type { SeenUpstream } from './heartbeat.ts';
import type { UpstreamId } from './ids.ts';
import { rounded } from './process-vitals.ts';
import { keys } from './redis-keys.ts';

const SECOND_MS = 1_000;

/** How long a ping may take. Whatever takes longer to say that it is there keeps votes waiting too. */
export const PING_MS = 2.5 * SECOND_MS;

export type WatchedUpstream = {
  readonly upstream: Exchange['upstream'];
  readonly id: UpstreamId;
  /** Asks it for nothing. What comes of it is told as any other exchange; what it throws is not looked at. */
  readonly ping: () => Promise<void>;
  /** For how long it wants to be left alone, in milliseconds. */
  readonly shutForMs: () => Promise<number>;
};

export type UpstreamWatch = {
  readonly see: (exchange: Exchange) => void;
  /** What was seen until now; null: nothing yet. */
  readonly seen: () => Promise<SeenUpstream | null>;
  /** Pings it if it was not asked for this long, or failed once, and no other process of the service pings it. Never throws. */
  readonly pingIfIdle: (idleS: number) => Promise<void>;
};

type Look = {
  readonly ok: boolean;
  /** Whether a failure is more than that of one request, of which a server that is well has some. */
  readonly sure: boolean;
  readonly status: number | null;
  readonly atMs: number;
};

/** What the next request will be answered too: without a good key, or without credit. */
const REFUSES_US: ReadonlySet<number | null> = new Set([401, 402, 403]);

type WatchDeps = {
  /** Whose processes take turns. */
  readonly service: string;
  readonly redis: Redis;
  /** Called where a request ended otherwise than the one before: nobody should have to wait to hear of it. */
  readonly onChange: () => void;
  /** Milliseconds of a clock that only runs forward. */
  readonly now?: () => number;
};

/** Watches one upstream. */
export function watchUpstream(
  { id, ping, shutForMs }: WatchedUpstream,
  { service, redis, onChange, now = () => performance.now() }: WatchDeps,
): UpstreamWatch {
  const since = (ms: number): number => Math.max(0, (now() - ms) / SECOND_MS);
  let last: Look | null = null;
  let failedMs: number | null = null;
  let failingMs: number | null = null;
  let latencyMs: number | null = null;
  let pinging = false;

  return {
    see({ ok, status, durationMs }) {
      const before = last;
      const sure = ok || pinging || before?.ok === false || REFUSES_US.has(status);
      last = { ok, sure, status, atMs: now() };
      failingMs = ok ? null : (failingMs ?? last.atMs);
      if (ok) latencyMs = durationMs;
      else failedMs = last.atMs;
      if (before?.ok !== ok || before.sure !== sure) onChange();
    },

    async seen() {
      const shutS = (await shutForMs()) / SECOND_MS;
      if (last === null) return null;
      return {
        ok: last.ok,
        status: last.status,
        latency_ms: latencyMs === null ? null : rounded(latencyMs),
        asked_s: since(last.atMs),
        failing_s: failingMs === null ? null : since(failingMs),
        failed_s: failedMs === null ? null : since(failedMs),
        sure: last.sure,
        shut_s: shutS,
      };
    },

    async pingIfIdle(idleS) {
      if (pinging || (last?.sure === true && since(last.atMs) < idleS)) return;
      pinging = true;
      try {
        const mine = await redis.set(keys.probing(service, id), '1', 'PX', Math.ceil(idleS * SECOND_MS), 'NX');
        if (mine === 'OK') await ping();
      } catch {
        // An upstream that fails has been told of by its client, a Redis that is away by its connection.
      } finally {
        pinging = false;
      }
    },
  };
}
