/** What is told of each request that comes to an end: hub and sequencer alike. */
import { describe, expect, it } from 'vitest';
import { data } from '../test/hub-answers.ts';
import { playBack, type Reply } from '../test/play-back.ts';
import { recorded } from '../test/recorded.ts';
import { Envelope } from './envelope.ts';
import type { Exchange } from './exchange.ts';
import { createHub } from './hub.ts';
import { SpaceId } from './proposal.ts';
import { createSequencer, pingSequencer } from './sequencer.ts';

const space = SpaceId.parse('localdao.eth');
const vote = Envelope.parse(recorded('vote-single-choice').request.body);
const receipt = recorded('vote-single-choice').response.body;
const HTML = { 'content-type': 'text/html' };
const refused = (error_description: string): Reply => ({
  status: 400,
  body: { error: 'client_error', error_description },
});

/** What was told of one question, each without how long it took. */
async function toldBy(
  reply: Reply,
  ask: (url: string, onExchange: (exchange: Exchange) => void) => Promise<unknown>,
): Promise<Omit<Exchange, 'durationMs'>[]> {
  const told: Exchange[] = [];
  await using server = await playBack(() => reply);
  await ask(server.url, (exchange) => told.push(exchange)).catch(() => null);
  return told.map(({ durationMs, ...rest }) => {
    expect(durationMs).toBeGreaterThan(0);
    return rest;
  });
}

describe.each([
  ['space', (hub: ReturnType<typeof createHub>) => hub.space(space)],
  ['ping', (hub: ReturnType<typeof createHub>) => hub.ping()],
] as const)('of the hub, asked for %s,', (_what, ask) => {
  const replies: [string, Reply, number | null, boolean][] = [
    ['an answer', data({ space: null, proposal: null }), 200, true],
    ['a query that is refused', { status: 400, body: { errors: [{ message: 'Cannot query field' }] } }, 400, true],
    ['a key that is refused', { status: 401, body: { errors: [{ message: 'invalid api key' }] } }, 401, false],
    ['too many requests', { status: 429, body: { error: 'too many requests' } }, 429, false],
    ['a resolver that failed', { status: 200, body: { errors: [{ message: 'boom' }], data: null } }, 200, false],
    ['a page of a proxy', { status: 502, headers: HTML, body: '<html>bad gateway</html>' }, 502, false],
    ['a line that is cut', 'cut', null, false],
    ['a line that is cut in the body', 'cut in the body', null, false],
    ['silence', 'silence', null, false],
  ];
  it.each(replies)('%s is told once', async (_what2, reply, status, ok) => {
    const timeoutMs = reply === 'silence' ? 50 : 5_000;
    const told = await toldBy(reply, (url, onExchange) => ask(createHub({ url, timeoutMs, onExchange })));
    expect(told).toEqual([{ upstream: 'hub', status, ok }]);
  });
});

describe.each(['submit', 'ping'] as const)('of the sequencer, at %s,', (call) => {
  const asked = (timeoutMs: number) => (url: string, onExchange: (exchange: Exchange) => void) => {
    const options = { url, timeoutMs, onExchange };
    return call === 'ping' ? pingSequencer(options) : createSequencer(options).submit(vote);
  };
  const replies: [string, Reply, number | null, boolean][] = [
    ['an answer', { status: 200, body: receipt }, 200, true],
    ['too many requests', { status: 429, body: { error: 'too many' } }, 429, false],
    ['an error of its own', { status: 500, body: { error: 'server_error' } }, 500, false],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1/' }, body: '' }, 302, false],
    ['a line that is cut', 'cut', null, false],
    ['silence', 'silence', null, false],
  ];
  it.each(replies)('%s is told once', async (_what, reply, status, ok) => {
    const told = await toldBy(reply, asked(reply === 'silence' ? 50 : 5_000));
    expect(told).toEqual([{ upstream: 'sequencer', status, ok }]);
  });
});

describe('of the sequencer', () => {
  const replies: [string, Reply, number, boolean][] = [
    ['no voting power', refused('no voting power'), 400, true],
    ['maintenance', refused('update in progress, try later'), 400, false],
    ['a success without a receipt', { status: 200, body: '<html></html>', headers: HTML }, 200, false],
  ];
  it.each(replies)('%s is told as what it is', async (_what, reply, status, ok) => {
    const told = await toldBy(reply, (url, onExchange) =>
      createSequencer({ url, timeoutMs: 5_000, onExchange }).submit(vote),
    );
    expect(told).toEqual([{ upstream: 'sequencer', status, ok }]);
  });

  it('a connection that cannot be made is told, whoever asks', async () => {
    const told: Exchange[] = [];
    const url = await playBack(() => 'cut').then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server.url;
    });
    const options = { url, timeoutMs: 5_000, onExchange: (exchange: Exchange) => told.push(exchange) };
    await createSequencer(options).submit(vote);
    await expect(pingSequencer(options)).rejects.toThrow(/no answer/);
    await expect(createHub(options).ping()).rejects.toThrow(/unavailable/);
    expect(told.map(({ upstream, status, ok }) => [upstream, status, ok])).toEqual([
      ['sequencer', null, false],
      ['sequencer', null, false],
      ['hub', null, false],
    ]);
  });
});

it('what its caller gave up is not told of', async () => {
  const given = AbortSignal.timeout(50);
  const told = await toldBy('silence', async (url, onExchange) => {
    await Promise.allSettled([
      createHub({ url, timeoutMs: 5_000, onExchange }).ping(given),
      pingSequencer({ url, timeoutMs: 5_000, onExchange }, given),
      createSequencer({ url, timeoutMs: 5_000, onExchange }).submit(vote, given),
    ]);
  });
  expect(told).toEqual([]);
});
