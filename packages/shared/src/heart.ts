/**
 * The heartbeat of a process: the only timer that a service has. Every few seconds it looks at what it was told to look at, and
 * writes what it found.
 *
 *   beat ──▶ look at each part, a second at most ──▶ write it ──▶ the next one, `everyS` after this one ended
 *    ▲                                                              │
 *    └── at once, where an upstream was lost or is back ◀───────────┘
 *
 * A Redis that is away makes it wait, and nothing pile up: a beat begins when the last one has ended.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { OnExchange } from '@quorum/snapshot/exchange';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import {
  dropHeartbeat,
  forgetSilent,
  ServiceName,
  writeHeartbeat,
  type Heartbeat,
  type PartState,
  type SeenUpstream,
} from './heartbeat.ts';
import type { Logger } from './log.ts';
import { diskFree, measureProcess, rounded } from './process-vitals.ts';
import { watchUpstream, type UpstreamWatch, type WatchedUpstream } from './upstream-watch.ts';
import { within } from './within.ts';

const SECOND_MS = 1_000;
const LOOK_MS = SECOND_MS;

export type HeartSettings = {
  readonly everyS: number;
  /** Seconds after which an upstream that nobody asked is pinged; 0: never. */
  readonly pingS: number;
};

export type HeartOptions = {
  readonly service: string;
  readonly redis: Redis;
  readonly log: Logger;
  /** Asked for each beat. */
  readonly settings: () => HeartSettings;
  /** Whether the process takes jobs. */
  readonly working: () => boolean;
};

type VouchedPart = keyof Heartbeat['parts'];

export type Heart = {
  /** For the clients of upstreams. What nobody watches is not kept. */
  readonly onExchange: OnExchange;
  readonly watch: (upstream: WatchedUpstream) => void;
  /** Looks at a part for each beat. What it throws, or takes longer than a second over, is `unknown`. */
  readonly vouch: (part: VouchedPart, look: () => Promise<PartState>) => void;
  /** The folder whose disk must have room. */
  readonly keepsFilesIn: (folder: string) => void;
  readonly start: () => void;
  /** Stops, and takes the record away: whoever ends in order is not missed. */
  readonly stop: () => Promise<void>;
};

/** Makes the heart of this process; it does not beat yet. */
export function createHeart({ service: name, redis, log, settings, working }: HeartOptions): Heart {
  const service = ServiceName.parse(name);
  const instance = randomBytes(6).toString('hex');
  const started_at = new Date().toISOString();
  const version = ownVersion();
  const vitals = measureProcess();
  const watches = new Map<string, UpstreamWatch>();
  const looks = new Map<VouchedPart, () => Promise<PartState>>();
  let folder: string | null = null;
  let redisMs: number | null = null;
  let failing = false;
  let state: 'new' | 'beating' | 'waiting' | 'stopped' = 'new';
  let again = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  async function beat(): Promise<void> {
    const { everyS, pingS } = settings();
    if (pingS > 0) for (const watch of watches.values()) void watch.pingIfIdle(pingS);
    const [seen, parts, disk_free_bytes] = await Promise.all([
      readEach(watches, (watch): Promise<SeenUpstream | null> => within(LOOK_MS, watch.seen(), null)),
      readEach(looks, (look): Promise<PartState> => within(LOOK_MS, look(), UNKNOWN)),
      folder === null ? null : within(LOOK_MS, diskFree(folder), null),
    ]);
    const heartbeat: Heartbeat = {
      service,
      instance,
      version,
      started_at,
      every_s: everyS,
      working: working(),
      redis_ms: redisMs,
      ...vitals.read(),
      disk_free_bytes,
      upstreams: Object.fromEntries(seen.flatMap(([upstream, found]) => (found === null ? [] : [[upstream, found]]))),
      parts: Object.fromEntries(parts),
    };
    const began = performance.now();
    await writeHeartbeat(redis, heartbeat);
    redisMs = rounded(performance.now() - began);
  }

  function run(): void {
    if (state === 'beating' || state === 'stopped') return;
    clearTimeout(timer);
    state = 'beating';
    again = false;
    running = beat()
      .then(() => {
        failing = false;
      })
      .catch((error: unknown) => {
        // The connection has told of a Redis that is away; one that refuses to write says so here, once.
        if (!failing && redis.status === 'ready') log.warn({ err: error }, 'heartbeat not written');
        failing = true;
      })
      .finally(() => {
        if (state === 'stopped') return;
        state = 'waiting';
        timer = setTimeout(run, again ? 0 : settings().everyS * SECOND_MS).unref();
      });
  }

  /** What changed during a beat is in the next one. */
  const beatSoon = (): void => {
    if (state === 'beating') again = true;
    if (state === 'waiting') run();
  };

  return {
    onExchange: (exchange) => watches.get(exchange.upstream)?.see(exchange),
    watch(upstream) {
      watches.set(upstream.upstream, watchUpstream(upstream, { service, redis, onChange: beatSoon }));
    },
    vouch: (part, look) => void looks.set(part, look),
    keepsFilesIn: (path) => void (folder = path),
    start() {
      // Not waited for: a process serves before it is seen to.
      void forgetSilent(redis).catch((error: unknown) => log.debug({ err: error }, 'old heartbeats not forgotten'));
      run();
    },
    async stop() {
      state = 'stopped';
      clearTimeout(timer);
      vitals.close();
      // One that is being written must not come after the taking away.
      await within(LOOK_MS, running, undefined);
      if (redis.status === 'ready') await within(LOOK_MS, dropHeartbeat(redis, service, instance), undefined);
    },
  };
}

const UNKNOWN = { status: 'unknown', detail: 'it could not be looked at in time' } as const satisfies PartState;

async function readEach<K, V, R>(all: ReadonlyMap<K, V>, read: (value: V) => Promise<R>): Promise<[K, R][]> {
  return Promise.all([...all].map(async ([key, value]): Promise<[K, R]> => [key, await read(value)]));
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
