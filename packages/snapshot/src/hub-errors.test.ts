import { describe, expect, it } from 'vitest';
import { answerOf, data, hubAt } from '../test/hub-answers.ts';
import { playBack, type Reply } from '../test/play-back.ts';
import { createHub } from './hub.ts';
import { SpaceId } from './proposal.ts';

const space = SpaceId.parse('localdao.eth');

describe('a hub that does not answer well', () => {
  const html = { 'content-type': 'text/html; charset=utf-8' };
  const cases: [string, Reply, Record<string, unknown>][] = [
    ['errors in a 200', answerOf('gql-limit-proposal-in-101'), { kind: 'rejected', status: 200 }],
    [
      'a 200 with an unknown error',
      { status: 200, body: { errors: [{ message: 'request failed' }], data: { space: null } } },
      { kind: 'unavailable', status: 200, description: 'request failed' },
    ],
    ['an HTML 400', answerOf('gql-invalid-json'), { kind: 'rejected', status: 400 }],
    ['our bad variables in a 500', answerOf('gql-error-missing-variable'), { kind: 'rejected', status: 500 }],
    [
      'a 500 of its own',
      { status: 500, body: { errors: [{ message: 'oops' }] } },
      { kind: 'unavailable', status: 500 },
    ],
    ['an HTML 502', { status: 502, headers: html, body: '<h1>Bad gateway</h1>' }, { kind: 'unavailable', status: 502 }],
    ['a wrong key', answerOf('apikey-hub-invalid'), { kind: 'rejected', status: 401, description: 'invalid api key' }],
    [
      'too many requests',
      answerOf('apikey-hub-exhausted-and-ip-limited'),
      { kind: 'rate_limited', status: 429, retryAfterS: 60 },
    ],
    ['a redirect', { status: 307, headers: { location: '/elsewhere' }, body: '' }, { kind: 'rejected', status: 307 }],
    ['a page instead of JSON', { status: 200, headers: html, body: '<p>Welcome</p>' }, { kind: 'malformed' }],
    ['JSON that is no result', { status: 200, body: '[1]' }, { kind: 'malformed' }],
    ['null', { status: 200, body: 'null' }, { kind: 'malformed' }],
    ['a result without the answer', { status: 200, body: { data: {} } }, { kind: 'malformed' }],
    ['a cut connection', 'cut', { kind: 'unavailable', status: undefined }],
    ['a connection cut in the body', 'cut in the body', { kind: 'unavailable', status: undefined }],
    [
      'an answer without an end',
      'no end',
      { kind: 'unavailable', description: expect.stringContaining('larger than 33554432 bytes') },
    ],
  ];

  it.for(cases)('says what is wrong: %s', async ([, reply, expected]) => {
    await using server = await playBack(() => reply);
    const asked = hubAt(server).space(space);
    await expect(asked).rejects.toMatchObject({ name: 'SnapshotError', upstream: 'hub', ...expected });
    expect(server.received).toHaveLength(1);
  });

  it('is unavailable when it takes too long', async () => {
    await using server = await playBack(() => 'silence');
    await expect(hubAt(server, 50).space(space)).rejects.toMatchObject({
      kind: 'unavailable',
      description: 'no answer within 50 ms',
    });
  });

  it('is unavailable when nobody listens', async () => {
    const server = await playBack(() => 'cut');
    await server[Symbol.asyncDispose]();
    await expect(hubAt(server).space(space)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('is left with the reason of whoever gave up', async () => {
    const giveUp = new AbortController();
    await using server = await playBack(() => {
      giveUp.abort(new Error('the run was cancelled'));
      return 'silence';
    });
    await expect(hubAt(server).space(space, giveUp.signal)).rejects.toThrow('the run was cancelled');
    await expect(hubAt(server).space(space, giveUp.signal)).rejects.toThrow('the run was cancelled');
    expect(server.received).toHaveLength(1);
  });

  it('gets the key, if there is one', async () => {
    await using server = await playBack(() => data({ space: null }));
    await createHub({ url: server.url, timeoutMs: 5_000, apiKey: 'k' }).space(space);
    await hubAt(server).space(space);
    expect(server.received.map(({ headers }) => headers['x-api-key'])).toEqual(['k', undefined]);
  });
});
