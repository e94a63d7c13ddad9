/** The heartbeat of a process, on a real Redis. */
import type { Exchange } from '@quorum/snapshot/exchange';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { quiet } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { CommonConfig } from './config.ts';
import { createHeart, type Heart, type HeartSettings } from './heart.ts';
import { forgetSilent, readHeartbeats, writeHeartbeat, type Heartbeat } from './heartbeat.ts';
import { newRunId, upstreamId, type UpstreamId } from './ids.ts';
import { connectPatient } from './redis.ts';
import { HEARTBEAT_KEPT_MS, keys } from './redis-keys.ts';

const { redis, server } = useRedis();

const OFTEN: HeartSettings = { everyS: 0.05, pingS: 0 };
/** A beat that comes by itself is too late for any test. */
const NEVER: HeartSettings = { everyS: 3_600, pingS: 0 };
const NEVER_BUT_PINGS: HeartSettings = { ...NEVER, pingS: 3_600 };

function aHeart(service: string, settings: HeartSettings | (() => HeartSettings), working = () => true): Heart {
  const now = typeof settings === 'function' ? settings : () => settings;
  const heart = createHeart({ service, redis: redis(), log: quiet, settings: now, working });
  onTestFinished(() => heart.stop());
  return heart;
}

const heardOf = async (service: string): Promise<Heartbeat[]> =>
  (await readHeartbeats(redis())).map(({ heartbeat }) => heartbeat).filter((one) => one.service === service);
const onlyOf = async (service: string): Promise<Heartbeat | undefined> => (await heardOf(service))[0];

const anUpstream = (): UpstreamId => upstreamId(`https://${newRunId()}.example`, undefined);
const exchange = (ok: boolean, changes: Partial<Exchange> = {}): Exchange => ({
  upstream: 'hub',
  status: ok ? 200 : null,
  ok,
  durationMs: 12.34,
  ...changes,
});

describe('a heart', () => {
  it('says that its process is there, what it uses, and since when', async () => {
    const heart = aHeart('gateway', OFTEN);
    heart.keepsFilesIn('.');
    heart.start();
    await expect
      .poll(() => onlyOf('gateway'), PATIENT)
      .toMatchObject({
        service: 'gateway',
        version: '0.1.0',
        every_s: 0.05,
        working: true,
        memory_bytes: expect.any(Number),
        disk_free_bytes: expect.any(Number),
        upstreams: {},
        parts: {},
      });
    // The second one knows how long Redis took for the first.
    await expect.poll(async () => (await onlyOf('gateway'))?.redis_ms, PATIENT).toEqual(expect.any(Number));
    const found = await onlyOf('gateway');
    expect(Date.parse(found?.started_at ?? '')).toBeLessThanOrEqual(Date.now());
    expect(found?.memory_share).toBeLessThan(1);
    expect(await heardOf('gateway')).toHaveLength(1);
  });

  it('beats again and again, as often as the settings say by then', async () => {
    let settings: HeartSettings = { everyS: 0.05, pingS: 0 };
    let works = false;
    const heart = aHeart(
      'fetcher',
      () => settings,
      () => works,
    );
    heart.start();
    await expect.poll(async () => (await onlyOf('fetcher'))?.working, PATIENT).toBe(false);
    works = true;
    settings = { everyS: 0.1, pingS: 0 };
    await expect.poll(() => onlyOf('fetcher'), PATIENT).toMatchObject({ working: true, every_s: 0.1 });
  });

  it('that stops takes its record away, in whatever it was stopped', async () => {
    const heart = aHeart('decider', OFTEN);
    heart.start();
    // It may be in the middle of its first beat.
    await heart.stop();
    expect(await heardOf('decider')).toEqual([]);
    heart.start();
    expect(await heardOf('decider')).toEqual([]);
  });

  it('is there again as soon as Redis is, and has left no queue of old beats', async () => {
    const own = connectPatient(server().url, quiet);
    onTestFinished(async () => own.disconnect());
    const heart = createHeart({ service: 'voter', redis: own, log: quiet, settings: () => OFTEN, working: () => true });
    onTestFinished(() => heart.stop());
    heart.start();
    await expect.poll(() => heardOf('voter'), PATIENT).toHaveLength(1);
    await server().restart(); // without a memory
    await expect.poll(() => heardOf('voter'), PATIENT).toHaveLength(1);
  });
});

describe('a part', () => {
  it('is looked at for each beat; what throws or hangs is unknown, and holds nothing up', async () => {
    const heart = aHeart('voter', OFTEN);
    const fine = { status: 'ok', detail: null } as const;
    heart.vouch('preferences', async () => fine);
    heart.vouch('signer', () => Promise.reject(new Error('the disk is on fire')));
    heart.vouch('queues', () => new Promise(() => {}));
    heart.start();
    const unknown = { status: 'unknown', detail: expect.any(String) };
    await expect
      .poll(async () => (await onlyOf('voter'))?.parts, PATIENT)
      .toEqual({ preferences: fine, signer: unknown, queues: unknown });
  });
});

describe('an upstream', () => {
  it('is as the exchanges of the process say; who is not watched is not kept', async () => {
    const heart = aHeart('fetcher', OFTEN);
    heart.watch({ upstream: 'hub', id: anUpstream(), ping: async () => {}, shutForMs: async () => 1_500 });
    heart.start();
    heart.onExchange(exchange(true));
    heart.onExchange(exchange(false, { upstream: 'model' }));
    const upstreams = async () => (await onlyOf('fetcher'))?.upstreams;
    const seen = {
      ok: true,
      status: 200,
      latency_ms: 12.3,
      failing_s: null,
      failed_s: null,
      sure: true,
      shut_s: 1.5,
      asked_s: expect.any(Number),
    };
    await expect.poll(upstreams, PATIENT).toEqual({ hub: seen });
    heart.onExchange(exchange(false, { status: 500 }));
    await expect
      .poll(async () => (await upstreams())?.hub, PATIENT)
      .toMatchObject({
        ok: false,
        status: 500,
        latency_ms: 12.3,
        failing_s: expect.any(Number),
        failed_s: expect.any(Number),
      });
  });

  it('is not lost for one request that failed: it is pinged at once, and that is sure', async () => {
    const pings: (() => void)[] = [];
    const heart = aHeart('fetcher', NEVER_BUT_PINGS);
    const ping = (): Promise<void> =>
      new Promise((resolve) => {
        pings.push(() => {
          heart.onExchange(exchange(false));
          resolve();
        });
      });
    heart.watch({ upstream: 'hub', id: anUpstream(), ping, shutForMs: async () => 0 });
    heart.onExchange(exchange(true));
    heart.start();
    const hub = async () => (await onlyOf('fetcher'))?.upstreams.hub;
    await expect.poll(hub, PATIENT).toMatchObject({ ok: true });
    expect(pings).toEqual([]);
    heart.onExchange(exchange(false));
    await expect.poll(hub, PATIENT).toMatchObject({ ok: false, sure: false });
    await expect.poll(() => pings.length, PATIENT).toBe(1);
    pings[0]?.();
    await expect.poll(hub, PATIENT).toMatchObject({ ok: false, sure: true });
  });

  it.each([
    ['fails twice in a row', [null, null]],
    ['refuses the key', [401]],
    ['says that there is no credit', [402]],
  ])('that %s is lost for sure', async (_what, statuses) => {
    const heart = aHeart('fetcher', NEVER);
    heart.watch({ upstream: 'hub', id: anUpstream(), ping: async () => {}, shutForMs: async () => 0 });
    heart.start();
    heart.onExchange(exchange(true));
    for (const status of statuses) heart.onExchange(exchange(false, { status }));
    await expect
      .poll(async () => (await onlyOf('fetcher'))?.upstreams.hub, PATIENT)
      .toMatchObject({ ok: false, sure: true });
    // A good answer begins anew.
    heart.onExchange(exchange(true));
    heart.onExchange(exchange(false, { status: 500 }));
    await expect
      .poll(async () => (await onlyOf('fetcher'))?.upstreams.hub, PATIENT)
      .toMatchObject({ ok: false, sure: false });
  });

  it('that is lost, or back, is told at once', async () => {
    const heart = aHeart('fetcher', NEVER);
    heart.watch({ upstream: 'hub', id: anUpstream(), ping: async () => {}, shutForMs: async () => 0 });
    heart.start();
    const hub = async () => (await onlyOf('fetcher'))?.upstreams.hub?.ok;
    for (const ok of [true, false, true, false]) {
      heart.onExchange(exchange(ok));
      await expect.poll(hub, PATIENT).toBe(ok);
    }
  });

  it('is pinged where nobody asked, by one process of a service', async () => {
    const id = anUpstream();
    const pings: string[] = [];
    const pinged = (name: string, pingS: number): Heart => {
      const heart = aHeart('fetcher', { everyS: 0.02, pingS });
      heart.watch({
        upstream: 'hub',
        id,
        async ping() {
          pings.push(name);
          heart.onExchange(exchange(false));
          throw new Error('it does not answer');
        },
        shutForMs: async () => 0,
      });
      heart.start();
      return heart;
    };
    pinged('first', 3_600);
    pinged('second', 3_600);
    await expect.poll(() => pings.length, PATIENT).toBe(1);
    // Both have looked since: neither pings again before the hour is over.
    const before = await heardOf('fetcher');
    expect(before).toHaveLength(2);
    expect(await redis().pttl(keys.probing('fetcher', id))).toBeGreaterThan(3_500_000);
    await redis().del(keys.probing('fetcher', id));
    // The one that has asked knows; the other does not.
    await expect.poll(() => new Set(pings).size, PATIENT).toBe(2);
    expect(pings).toHaveLength(2);
  });

  it('is pinged again and again while nobody else asks, and never where that is off', async () => {
    const counts = { often: 0, never: 0 };
    for (const [name, pingS] of [
      ['often', 0.02],
      ['never', 0],
    ] as const) {
      const heart = aHeart('fetcher', { everyS: 0.02, pingS });
      const ping = async (): Promise<void> => {
        counts[name] += 1;
        heart.onExchange(exchange(true));
      };
      heart.watch({ upstream: 'hub', id: anUpstream(), ping, shutForMs: async () => 0 });
      heart.start();
    }
    await expect.poll(() => counts.often, PATIENT).toBeGreaterThan(3);
    expect(counts.never).toBe(0);
  });
});

describe('heartbeats', () => {
  const aRecord = async (): Promise<Heartbeat> => {
    const heart = aHeart('gateway', NEVER);
    heart.start();
    await expect.poll(() => onlyOf('gateway'), PATIENT).toBeDefined();
    const found = await onlyOf('gateway');
    await heart.stop();
    if (found === undefined) throw new Error('it has gone');
    return found;
  };

  it('are kept for a minute, and are as old as Redis says', async () => {
    const record = { ...(await aRecord()), instance: 'aaaaaaaaaaaa' };
    await writeHeartbeat(redis(), record);
    await redis().pexpire(keys.heartbeat('gateway', record.instance), 20_000);
    const [found] = await readHeartbeats(redis());
    expect(found?.ageS).toBeGreaterThanOrEqual(40);
    expect(found?.ageS).toBeLessThan(60);
  });

  it('that come as seldom as may be set are missed before they are forgotten', () => {
    // Three of them and a second; the next one is written after a look at each part, a second at most.
    const { HEARTBEAT_S } = CommonConfig.shape;
    const fits = (everyS: number): boolean => HEARTBEAT_S.safeParse(String(everyS)).success;
    const set = Array.from({ length: 100 }, (_, at) => at + 1).filter(fits);
    expect(set.length).toBeGreaterThan(5);
    for (const everyS of set) expect((3 * everyS + 2) * 1_000).toBeLessThan(HEARTBEAT_KEPT_MS);
  });

  it('that do not read count as none', async () => {
    const record = { ...(await aRecord()), instance: 'bbbbbbbbbbbb' };
    await writeHeartbeat(redis(), record);
    for (const text of ['{"service":"gateway"}', 'no JSON']) {
      await redis().set(keys.heartbeat('gateway', record.instance), text, 'KEEPTTL');
      expect((await readHeartbeats(redis())).map(({ heartbeat }) => heartbeat.instance)).not.toContain(record.instance);
    }
  });

  it('of processes that vanished leave no name behind once another starts', async () => {
    const record = { ...(await aRecord()), instance: 'cccccccccccc' };
    await writeHeartbeat(redis(), record);
    await redis().del(keys.heartbeat('gateway', record.instance));
    expect(await redis().smembers(keys.heartbeats())).toContain('gateway:cccccccccccc');
    await forgetSilent(redis());
    expect(await redis().smembers(keys.heartbeats())).not.toContain('gateway:cccccccccccc');
  });
});
