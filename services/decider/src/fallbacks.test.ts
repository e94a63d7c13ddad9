/** What a model does not answer: who is asked instead, and when nobody is asked at all. */
import { upstreamId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { createGate } from '@quorum/shared/upstream-gate';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { askingDeps, FOR, QUESTION, running, type Changes } from '../test/asking-models.ts';
import { startModelServer, type ModelServer, type Reply } from '../test/model-server.ts';
import { ask } from './ask.ts';

let server: ModelServer;
let testRedis: TestRedis;
let redis: Redis;
let from = 0;
beforeAll(async () => {
  [testRedis, server] = await Promise.all([startTestRedis(), startModelServer()]);
  redis = new Redis(testRedis.url);
});
afterAll(async () => {
  redis.disconnect();
  await Promise.all([testRedis.stop(), server.close()]);
});
beforeEach(() => {
  from = server.requests.length;
});

const modelsAsked = (): string[] => server.requests.slice(from).map(({ model }) => model);
const byModel = (replies: Readonly<Record<string, Reply>>): void =>
  server.behave(({ model }) => replies[model] ?? { kind: 'status', status: 500, body: '{}' });
const askWith = (changes: Changes = {}) => ask(QUESTION, askingDeps(server, changes), running());

const FILTERED: Reply = { kind: 'says', content: '', finishReason: 'content_filter' };
const slowDown = (retryAfter?: string): Reply => ({
  kind: 'status',
  status: 429,
  body: '{}',
  ...(retryAfter === undefined ? {} : { headers: { 'retry-after': retryAfter } }),
});

describe('what a model does not answer', () => {
  test.each([
    ['filtered', FILTERED, 1],
    ['refused', { kind: 'refuses' }, 2],
    ['cut off', { kind: 'says', content: '{"a', finishReason: 'length' }, 2],
    ['no ballot', { kind: 'says', content: 'For!' }, 2],
    ['an error', { kind: 'status', status: 503, body: '{}' }, 1],
    ['too many requests', slowDown(), 1],
    ['a cut line', { kind: 'cuts' }, 1],
  ] satisfies [string, Reply, number][])('(%s) is asked of the next, who stands in', async (_what, reply, calls) => {
    byModel({ small: reply, spare: FOR });
    const asked = await askWith({ fallbackModels: ['spare', 'other'] });
    expect(asked.sample).toMatchObject({ kind: 'answer', model: 'small', stand_in: 'spare' });
    expect(modelsAsked()).toEqual([...Array.from({ length: calls }, () => 'small'), 'spare']);
    expect(asked.answeredBy).toBe('spare-2026');
    expect(asked.tries.map(({ model, result }) => [model, result]).at(-1)).toEqual(['spare', 'answer']);
    expect(asked.usage.calls).toBe(calls + 1);
    expect(asked.retryAfterS).toBeNull();
  });

  test('(silence) is asked of the next when its time is over', async () => {
    byModel({ small: { kind: 'silent' }, spare: FOR });
    const asked = await askWith({ timeoutMs: 300, fallbackModels: ['spare'] });
    expect(asked.tries.map(({ model, result }) => `${model} ${result}`)[0]).toBe('small timeout');
  });

  test('is asked of all in order, each once, and then stays no answer', async () => {
    byModel({ small: FILTERED, spare: FILTERED, other: FILTERED });
    const asked = await askWith({ fallbackModels: ['spare', 'small', 'other'] });
    expect(modelsAsked()).toEqual(['small', 'spare', 'other']);
    expect(asked.sample).toEqual({ kind: 'no_answer', model: 'small', why: 'refusal' });
  });

  test('is said to be what time may mend, if anything of it is', async () => {
    byModel({ small: FILTERED, spare: { kind: 'status', status: 503, body: '{}' } });
    expect((await askWith({ fallbackModels: ['spare'] })).sample).toMatchObject({ why: 'unavailable' });
  });

  test('is asked of nobody where the model answers', async () => {
    byModel({ small: FOR });
    const asked = await askWith({ fallbackModels: ['spare'] });
    expect(asked.sample).not.toHaveProperty('stand_in');
    expect(modelsAsked()).toEqual(['small']);
  });

  test('ends when time is up, whoever is left; nobody is asked any more', async () => {
    // Up once the request is there, however long it takes to get there.
    const time = new AbortController();
    server.behave(() => {
      time.abort(new DOMException('Time is up.', 'TimeoutError'));
      return { kind: 'silent' };
    });
    const asked = await askWith({ limit: time.signal, fallbackModels: ['spare'] });
    expect(asked.sample).toMatchObject({ why: 'timeout' });
    expect(modelsAsked()).toEqual(['small']);
    from = server.requests.length;
    const late = await askWith({ limit: AbortSignal.abort(), fallbackModels: ['spare'] });
    expect(late).toMatchObject({ sample: { why: 'timeout' }, usage: { calls: 0 } });
    expect(modelsAsked()).toEqual([]);
  });

  test('a reply that does not fit is not asked for again once time is up', async () => {
    const stop = new AbortController();
    server.behave(() => ({ kind: 'says', content: 'For!' }));
    const deps = askingDeps(server, { limit: stop.signal, fallbackModels: ['spare'] });
    const read = (): ReturnType<typeof QUESTION.read> => {
      stop.abort();
      return { kind: 'invalid', why: 'it is not JSON' };
    };
    expect((await ask({ ...QUESTION, read }, deps, running())).sample).toMatchObject({ why: 'invalid' });
    expect(modelsAsked()).toEqual(['small']);
  });
});

describe('a model that asks for fewer requests', () => {
  let endpoints = 0;
  /** Gates of an endpoint and key that no other test has. */
  function gatesOf(key = 'key') {
    endpoints += 1;
    const url = `${server.url}/${endpoints}`;
    return gatesAt(url, key);
  }
  const gatesAt = (url: string, key: string) => ({
    url,
    gateOf: (model: string) => createGate(redis, upstreamId(url, key, model), 'model'),
    leftMs: (model: string) => redis.pttl(keys.gate(upstreamId(url, key, model))),
  });

  test('is left in peace as long as it says, and the fallback answers at once', async () => {
    const { gateOf } = gatesOf();
    byModel({ small: slowDown('30'), spare: FOR });
    const changes = { gateOf, fallbackModels: ['spare'] };
    expect((await askWith(changes)).sample).toMatchObject({ stand_in: 'spare' });
    expect((await askWith(changes)).sample).toMatchObject({ stand_in: 'spare' });
    expect(modelsAsked()).toEqual(['small', 'spare', 'spare']);
  });

  test('shuts its own gate and no other: not that of another model, nor of another key', async () => {
    const { url, gateOf } = gatesOf();
    byModel({ small: slowDown('30'), large: FOR });
    await askWith({ gateOf });
    server.behave(() => FOR);
    const large = askingDeps(server, { gateOf });
    expect((await ask({ ...QUESTION, model: 'large' }, large, running())).sample.kind).toBe('answer');
    expect((await askWith({ gateOf: gatesAt(url, 'another').gateOf })).sample.kind).toBe('answer');
    expect((await askWith({ gateOf })).sample).toMatchObject({ why: 'rate_limited' });
  });

  test.each([
    ['20', 20],
    ['3600', 60],
    [undefined, 5],
    [new Date(Date.now() + 3_600_000).toUTCString(), 60],
  ])('Retry-After %s: %i s, which whoever waits is told', async (retryAfter, seconds) => {
    const { gateOf, leftMs } = gatesOf();
    byModel({ small: slowDown(retryAfter) });
    const began = performance.now();
    const passedS = (): number => (performance.now() - began) / 1_000;
    const asked = await askWith({ gateOf });
    expect(asked.sample).toMatchObject({ why: 'rate_limited' });
    expect(asked.retryAfterS).toBe(seconds);
    // The gate remembers for a minute on top.
    expect((await leftMs('small')) / 1_000 - 60 + passedS()).toBeGreaterThan(seconds - 1);
    const again = await askWith({ gateOf });
    // A call is one that was made.
    expect([asked.usage.calls, again.usage.calls]).toEqual([1, 0]);
    expect((again.retryAfterS ?? 0) + passedS()).toBeGreaterThan(seconds - 1);
    expect(modelsAsked()).toHaveLength(1);
    expect(again.usage.cost_usd).toBe(null);
  });

  test('and has a fallback that asks for less time: the shorter pause counts', async () => {
    const { gateOf } = gatesOf();
    byModel({ small: slowDown('50'), spare: slowDown('10') });
    expect((await askWith({ gateOf, fallbackModels: ['spare'] })).retryAfterS).toBe(10);
  });

  test('keeps no secret in Redis', async () => {
    const { gateOf } = gatesOf('a-very-secret-key');
    byModel({ small: slowDown('10') });
    await askWith({ gateOf });
    expect((await redis.keys('*')).join()).not.toMatch(/secret|small/);
  });
});
