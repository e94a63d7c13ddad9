import { SnapshotError } from '@quorum/snapshot/errors';
import { createHub } from '@quorum/snapshot/hub';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { describe, expect, it, vi } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { samplesOf, sumsBy } from '../../../test/scraped.ts';
import { data } from '../../snapshot/test/hub-answers.ts';
import { playBack } from '../../snapshot/test/play-back.ts';
import { aSpace } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { UpstreamError, ValidationError } from './errors.ts';
import { upstreamId, type UpstreamId } from './ids.ts';
import { createMetrics } from './metrics.ts';
import { keys } from './redis-keys.ts';
import { PostponeError } from './run-worker.ts';
import { createGate, postponedUntilOpen, type Gate } from './upstream-gate.ts';

const { redis } = useRedis();

let upstreams = 0;
const anUpstream = (): UpstreamId => upstreamId(`https://hub${(upstreams += 1)}.example/graphql`, undefined);
const gateOf = (upstream: UpstreamId): Gate => createGate(redis(), upstream, 'hub');

/** What an upstream that asks for a pause makes a caller throw. */
const refused = (retryAfterS?: number) => (): Promise<never> =>
  Promise.reject(
    new SnapshotError({ kind: 'rate_limited', upstream: 'hub', status: 429, description: 'slow down', retryAfterS }),
  );

/** For how long a 429 shuts this gate, in seconds. */
async function shutBy(gate: Gate, retryAfterS?: number): Promise<number> {
  const error: unknown = await gate.pass(refused(retryAfterS)).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect.assert(error instanceof UpstreamError && error.category === 'rate_limited');
  return error.retryAfterS ?? 0;
}

/** Lets the time of a shut gate pass: only its memory of it is left. */
const openAgain = (upstream: UpstreamId): Promise<number> => redis().pexpire(keys.gate(upstream), 60_000);

describe('a gate', () => {
  it('lets everything pass, and every other error, while nobody asked for a pause', async () => {
    const gate = gateOf(anUpstream());
    expect(await gate.pass(async () => 7)).toBe(7);
    const ill = new SnapshotError({ kind: 'unavailable', upstream: 'hub', description: 'ill' });
    await expect(gate.pass(() => Promise.reject(ill))).rejects.toBe(ill);
    expect(await gate.pass(async () => 8)).toBe(8);
  });

  it('is shut for every process at once, by a 429 of one of them, and nobody asks', async () => {
    const upstream = anUpstream();
    await using server = await playBack(() => ({ status: 429, headers: { 'retry-after': '30' }, body: 'slow down' }));
    const hub = () => createHub({ url: server.url, timeoutMs: 5_000, around: gateOf(upstream).pass });
    const space = aSpace();
    await expect(hub().space(space)).rejects.toMatchObject({ category: 'rate_limited', retryAfterS: 30 });
    await expect(hub().space(space)).rejects.toMatchObject({
      category: 'rate_limited',
      upstream: 'hub',
      message: "Snapshot's hub asked for fewer requests; it is asked again in 30 s.",
    });
    expect(server.received).toHaveLength(1);
  });

  const looks = async (): Promise<number> =>
    Number(/cmdstat_pttl:calls=(\d+)/.exec(await redis().info('commandstats'))?.[1] ?? 0);

  it('is looked at once by all who come together, and by each who comes after', async () => {
    const upstream = anUpstream();
    const gate = gateOf(upstream);
    const before = await looks();
    await Promise.all(Array.from({ length: 5 }, () => gate.pass(async () => 1)));
    expect((await looks()) - before).toBe(1);
    await shutBy(gateOf(upstream), 30);
    await expect(gate.pass(async () => 1)).rejects.toThrow(/fewer requests/);
  });

  it('is looked at with what else is asked in the turn, in its order', async () => {
    const upstream = anUpstream();
    const gate = gateOf(upstream);
    await shutBy(gateOf(upstream), 30);
    const held = expect(gate.pass(async () => 1)).rejects.toThrow(/fewer requests/);
    await redis().del(keys.gate(upstream));
    await held;
    expect(await gate.pass(async () => 1)).toBe(1);
  });

  it('that is looked at ahead is looked at no more by who passes as soon as that is answered, and by each who comes after', async () => {
    const upstream = anUpstream();
    const before = await looks();
    const sent = redis().ping();
    const whole = gateOf(upstream);
    const [gate, other] = [whole.ahead(), whole.ahead()];
    await sent;
    const passing = [gate, gate, gate, other, other].map((each) => each.pass(async () => 1));
    expect(await Promise.all(passing)).toEqual([1, 1, 1, 1, 1]);
    expect((await looks()) - before).toBe(1);
    await shutBy(gateOf(upstream), 30);
    await expect(gate.pass(async () => 1)).rejects.toThrow(/fewer requests/);
  });

  it('that is shut when it is looked at ahead lets nobody pass', async () => {
    const upstream = anUpstream();
    await shutBy(gateOf(upstream), 30);
    const ask = vi.fn(async () => 1);
    const thrown = { category: 'rate_limited', message: expect.stringContaining('asked again in 30 s') };
    await expect(gateOf(upstream).ahead().pass(ask)).rejects.toMatchObject(thrown);
    expect(ask).not.toHaveBeenCalled();
  });

  it('that cannot be looked at ahead troubles who passes, and nobody where nobody does', async () => {
    const away = new Redis({ lazyConnect: true, enableOfflineQueue: false });
    const gate = createGate(away, anUpstream(), 'hub');
    gate.ahead();
    await expect(gate.ahead().pass(async () => 1)).rejects.toThrow();
    away.disconnect();
  });

  it('that is shut by one who passed lets nobody pass who comes after in the same turn', async () => {
    // Redis has the script then.
    await shutBy(gateOf(anUpstream()), 1);
    const gate = gateOf(anUpstream());
    const asked = Promise.withResolvers<PromiseWithResolvers<never>>();
    const shutting = gate.pass(() => {
      const answer = Promise.withResolvers<never>();
      asked.resolve(answer);
      return answer.promise;
    });
    const answer = await asked.promise;
    const early = gate.ahead();
    const first = gate.pass(async () => 'let pass');
    refused(30)().catch(answer.reject);
    // In the same turn, after the answer has come to who asked: no timer and no answer of Redis is waited for.
    for (let step = 0; step < 10; step += 1) await Promise.resolve();
    const ask = vi.fn(async () => 'let pass');
    const later = [gate.pass(ask), early.pass(ask)];
    expect(await first).toBe('let pass');
    for (const one of [shutting, ...later]) await expect(one).rejects.toMatchObject({ category: 'rate_limited' });
    expect(ask).not.toHaveBeenCalled();
  });

  it('opens by itself once the time is over', async () => {
    const upstream = anUpstream();
    await using server = await playBack((_, number) =>
      number === 1 ? { status: 429, headers: { 'retry-after': '1' }, body: '' } : data({ space: null }),
    );
    const hub = createHub({ url: server.url, timeoutMs: 5_000, around: gateOf(upstream).pass });
    await expect(hub.space(aSpace())).rejects.toMatchObject({ category: 'rate_limited' });
    await vi.waitFor(async () => expect(await hub.space(aSpace())).toBeNull(), PATIENT);
    expect(server.received).toHaveLength(2);
  });

  it('is one for each upstream and each key', async () => {
    const url = 'https://hub.example/graphql';
    const ids = [upstreamId(url, undefined), upstreamId(url, 'a'), upstreamId(url, 'b'), upstreamId(`${url}2`, 'a')];
    expect(new Set(ids).size).toBe(4);
    await shutBy(gateOf(upstreamId(url, 'a')), 30);
    await expect(gateOf(upstreamId(url, 'a')).pass(async () => 1)).rejects.toThrow(/fewer requests/);
    for (const [at, id] of ids.entries()) if (at !== 1) expect(await gateOf(id).pass(async () => 1)).toBe(1);
  });

  it.for([
    ['what was asked for', 20, 20],
    ['a minute at most', 3_600, 60],
    ['a second at least', 0, 1],
    ['five seconds where nothing was asked for', undefined, 5],
  ] as const)('is shut for %s', async ([, asked, expected]) => {
    expect(await shutBy(gateOf(anUpstream()), asked)).toBe(expected);
  });

  it('is shut twice as long each time where nobody says for how long, up to a minute', async () => {
    const upstream = anUpstream();
    const gate = gateOf(upstream);
    const times: number[] = [];
    for (let time = 0; time < 6; time += 1) {
      times.push(await shutBy(gate));
      await openAgain(upstream);
    }
    expect(times).toEqual([5, 10, 20, 40, 60, 60]);
    // And forgets it in the end.
    expect(await redis().pttl(keys.gate(upstream))).toBeLessThanOrEqual(60_000);
  });

  it('is never opened earlier by a 429 that comes late, and shut no longer by many at once', async () => {
    const gate = gateOf(anUpstream());
    const late = Promise.withResolvers<void>();
    const underWay = [refused(2), refused(), refused(50)].map((refuse) =>
      gate.pass(() => late.promise.then(refuse)).catch((error: unknown) => error),
    );
    await vi.waitFor(() => gate.pass(async () => 1), PATIENT);
    expect(await shutBy(gate, 20)).toBe(20);
    late.resolve();
    await Promise.all(underWay);
    const error: unknown = await gate.pass(async () => 1).catch((thrown: unknown) => thrown);
    expect.assert(error instanceof UpstreamError);
    // More than the 20 s that it was shut for, less what has passed.
    expect(error.retryAfterS).toBeGreaterThan(25);
    expect(error.retryAfterS).toBeLessThanOrEqual(50);
  });

  it('counts how often it was shut, and what it held back, in whichever process', async () => {
    const upstream = anUpstream();
    const [one, other] = [createMetrics('fetcher'), createMetrics('decider')];
    const told = createGate(redis(), upstream, 'hub', one);
    const waiting = createGate(redis(), upstream, 'hub', other);
    await shutBy(told, 30);
    await expect(told.pass(async () => 1)).rejects.toThrow(/fewer requests/);
    await expect(waiting.pass(async () => 1)).rejects.toThrow(/fewer requests/);
    await redis().del(keys.gate(upstream));
    expect(await waiting.pass(async () => 1)).toBe(1);
    const counted = await Promise.all(
      [one, other].map(async ({ registry }) =>
        sumsBy(samplesOf([await registry.metrics()]), 'quorum_upstream_gate_total', ['upstream', 'result']),
      ),
    );
    expect(counted).toEqual([{ 'hub/held_back': 1, 'hub/shut': 1 }, { 'hub/held_back': 1 }]);
  });

  it('says nothing of a key in Redis', async () => {
    const key = 'a-very-secret-key';
    await shutBy(gateOf(upstreamId('https://secret.example/', key)), 30);
    const names = await redis().keys('*');
    const values = await Promise.all(names.map((name) => redis().get(name)));
    expect([...names, ...values].join()).not.toContain(key);
  });
});

describe('a job before a shut gate', () => {
  const shut = (retryAfterS?: number): UpstreamError =>
    new UpstreamError('rate_limited', 'hub', 'slow down', retryAfterS === undefined ? {} : { retryAfterS });

  it('comes back a little after it opened, and never before', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 60, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (left, chance) => {
          const thrown = postponedUntilOpen(shut(left), { nowMs: 0, untilMs: 60_000, random: () => chance });
          expect.assert(thrown instanceof PostponeError);
          expect(thrown.delayMs).toBeGreaterThanOrEqual(left * 1_000);
          expect(thrown.delayMs).toBeLessThanOrEqual(left * 1_000 + Math.max(1_000, left * 200) + 1);
        },
      ),
    );
  });

  it('does not wait for what opens after its time', () => {
    const error = shut(30);
    expect(postponedUntilOpen(error, { nowMs: 10_000, untilMs: 40_000 })).toBeInstanceOf(PostponeError);
    expect(postponedUntilOpen(error, { nowMs: 10_001, untilMs: 40_000 })).toBe(error);
  });

  it('is not put off by any other error', () => {
    for (const error of [new ValidationError('odd'), new Error('odd'), 'odd', shut()]) {
      expect(postponedUntilOpen(error, { nowMs: 0, untilMs: 60_000 })).toBe(error);
    }
  });
});
