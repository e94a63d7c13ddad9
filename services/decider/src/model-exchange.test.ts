/** What is told of each request to a model, and the request that is made when nobody asks one. */
import type { Exchange } from '@quorum/snapshot/exchange';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { playBack, type Reply } from '../../../packages/snapshot/test/play-back.ts';
import { preparedLog } from '../test/log.ts';
import { createModelClient } from './ask.ts';
import { callModel } from './model-call.ts';
import { pingModel } from './model-exchange.ts';
import { createModelMetrics } from './model-metrics.ts';

const COMPLETION = { choices: [{ finish_reason: 'stop', message: { content: '{}' } }] };
const ERROR = { error: { message: 'no' } };

/** What was told of one question, each without how long it took. */
async function toldBy(
  reply: Reply,
  ask: (client: ReturnType<typeof createModelClient>) => Promise<unknown>,
): Promise<Omit<Exchange, 'durationMs'>[]> {
  const told: Exchange[] = [];
  await using server = await playBack(() => reply);
  const onExchange = (exchange: Exchange) => void told.push(exchange);
  await ask(createModelClient({ baseUrl: `${server.url}v1`, apiKey: 'secret-key', onExchange })).catch(() => null);
  return told.map(({ durationMs, ...rest }) => {
    expect(durationMs).toBeGreaterThan(0);
    return rest;
  });
}

const call = (timeoutMs: number, signal = new AbortController().signal) => {
  return (client: ReturnType<typeof createModelClient>) =>
    callModel(
      { model: 'small', messages: [{ role: 'user', content: 'A question.' }], schema: {} },
      {
        client,
        timeoutMs,
        settings: { maxOutputTokens: 100 },
        prices: {},
        metrics: createModelMetrics(new Registry()),
        log: preparedLog().logger,
      },
      signal,
    );
};

describe('a question', () => {
  test.each([
    ['an answer', { status: 200, body: COMPLETION }, [[200, true]]],
    ['a key that is refused', { status: 401, body: ERROR }, [[401, false]]],
    ['an account without credit', { status: 402, body: ERROR }, [[402, false]]],
    ['no such model', { status: 404, body: ERROR }, [[404, false]]],
    ['too many requests', { status: 429, body: ERROR }, [[429, false]]],
    ['an error of its own', { status: 500, body: ERROR }, [[500, false]]],
    ['a success that is no completion', { status: 200, body: { hello: 'world' } }, [[200, false]]],
    ['a line that is cut', 'cut', [[null, false]]],
    ['a line that is cut in the body', 'cut in the body', [[null, false]]],
    ['silence', 'silence', [[null, false]]],
  ] satisfies [string, Reply, [number | null, boolean][]][])('%s is told', async (_what, reply, expected) => {
    const told = await toldBy(reply, call(reply === 'silence' ? 50 : PATIENT.timeout));
    expect(told).toEqual(expected.map(([status, ok]) => ({ upstream: 'model', status, ok })));
  });

  test('each form that is refused is an answer of an endpoint that works', async () => {
    const told = await toldBy({ status: 400, body: ERROR }, call(PATIENT.timeout));
    expect(told.length).toBeGreaterThan(0);
    expect(told).toEqual(told.map(() => ({ upstream: 'model', status: 400, ok: true })));
  });

  test('that its caller gave up is not told of', async () => {
    expect(await toldBy('silence', call(PATIENT.timeout, AbortSignal.timeout(50)))).toEqual([]);
  });
});

describe('a ping', () => {
  test.each([
    ['the model', { status: 200, body: { id: 'small', object: 'model' } }, 200, true],
    ['an endpoint that names no models', { status: 404, body: ERROR }, 404, true],
    ['a key that is refused', { status: 401, body: ERROR }, 401, false],
    ['an error of its own', { status: 503, body: ERROR }, 503, false],
    ['silence', 'silence', null, false],
  ] satisfies [string, Reply, number | null, boolean][])('%s is told', async (_what, reply, status, ok) => {
    const timeoutMs = reply === 'silence' ? 50 : PATIENT.timeout;
    expect(await toldBy(reply, (client) => pingModel(client, 'small', timeoutMs))).toEqual([
      { upstream: 'model', status, ok },
    ]);
  });

  test('asks for one model by its name, with the key, and sends nothing', async () => {
    await using server = await playBack(() => ({ status: 200, body: {} }));
    await pingModel(createModelClient({ baseUrl: `${server.url}v1`, apiKey: 'secret-key' }), 'a/b c', 5_000);
    expect(server.received).toMatchObject([{ headers: { authorization: 'Bearer secret-key' }, body: '' }]);
  });
});
