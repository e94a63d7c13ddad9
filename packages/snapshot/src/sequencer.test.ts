import { describe, expect, it } from 'vitest';
import { playBack, type Reply } from '../test/play-back.ts';
import { recorded, recordedRefusals } from '../test/recorded.ts';
import { AliasEnvelope, Envelope } from './envelope.ts';
import { checkReceipt } from './receipt.ts';
import { createSequencer } from './sequencer.ts';

const vote = Envelope.parse(recorded('vote-single-choice').request.body);
const receipt = recorded('vote-single-choice').response.body;

/** A recorded refusal as an answer. */
function refusal(name: string): Reply {
  const found = recordedRefusals().find((entry) => entry.case === name);
  expect.assert(found !== undefined);
  return { status: found.status, body: found.body };
}

const html = { 'content-type': 'text/html; charset=utf-8' };

describe('sending an envelope', () => {
  it('is accepted with a receipt that checks', async () => {
    await using server = await playBack(() => ({ status: 200, body: receipt }));
    const result = await createSequencer({ url: server.url, timeoutMs: 5_000 }).submit(vote);
    expect.assert(result.kind === 'accepted');
    expect(checkReceipt(result.receipt, vote)).toEqual({ ok: true });
  });

  it('sends the envelope and nothing else, as JSON', async () => {
    await using server = await playBack(() => ({ status: 200, body: receipt }));
    await createSequencer({ url: server.url, timeoutMs: 5_000 }).submit(vote);
    const [request] = server.received;
    expect(request?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(request?.body ?? '')).toEqual(recorded('vote-single-choice').request.body);
  });

  it('sends an alias too', async () => {
    const { request, response } = recorded('alias-set');
    const alias = AliasEnvelope.parse(request.body);
    await using server = await playBack(() => ({ status: 200, body: response.body }));
    const result = await createSequencer({ url: server.url, timeoutMs: 5_000 }).submit(alias);
    expect.assert(result.kind === 'accepted');
    expect(checkReceipt(result.receipt, alias)).toEqual({ ok: true });
  });

  const refusals: [string, Reply, Record<string, unknown>][] = [
    ['no voting power', refusal('no-voting-power'), { kind: 'final', code: 'no_voting_power', status: 400 }],
    ['a later vote by the owner', refusal('vote-change-3-earlier-timestamp'), { kind: 'final', code: 'already_voted' }],
    ['an HTML 400', refusal('body-invalid-json'), { kind: 'final', code: 'rejected', status: 400 }],
    ['a pin that failed', refusal('pinning-failure'), { kind: 'retry', code: 'pinning_failed' }],
    [
      'a duplicate',
      { status: 400, body: { error: 'client_error', error_description: 'duplicate message' } },
      { kind: 'read_back', code: 'duplicate', description: 'duplicate message' },
    ],
    [
      'too many requests',
      { status: 429, headers: { 'retry-after': '17' }, body: { error_description: 'too many requests' } },
      { kind: 'retry', code: 'rate_limited', retryAfterS: 17 },
    ],
    [
      'maintenance',
      { status: 503, body: { error: 'client_error', error_description: 'update in progress, try later' } },
      { kind: 'retry', code: 'maintenance' },
    ],
    [
      'a redirect, which would hand the vote to somebody else',
      { status: 307, headers: { location: '/elsewhere' }, body: '' },
      { kind: 'final', code: 'rejected', status: 307 },
    ],
  ];
  it.for(refusals)('is refused: %s', async ([, reply, expected]) => {
    await using server = await playBack(() => reply);
    const result = await createSequencer({ url: server.url, timeoutMs: 5_000 }).submit(vote);
    expect(result).toMatchObject({ kind: 'refused', refusal: expected });
    expect(server.received).toHaveLength(1);
  });

  const unknowns: [string, Reply, RegExp][] = [
    ['a 500 whose description is an object', refusal('vote-eip1271-signature-over-3000-chars'), /^answered 500: \{/],
    ['an HTML 502', { status: 502, headers: html, body: '<h1>Bad gateway</h1>' }, /^answered 502: Bad gateway$/],
    ['a 503 of a proxy', { status: 503, headers: html, body: '' }, /^answered 503: no reason given$/],
    ['a 200 without a receipt', { status: 200, body: {} }, /without a receipt/],
    ['a 200 with a page', { status: 200, headers: html, body: '<p>hello</p>' }, /without a receipt/],
    ['a cut connection', 'cut', /./],
    ['a connection cut in the body', 'cut in the body', /./],
    ['an answer without an end', 'no end', /larger than 1048576 bytes/],
  ];
  it.for(unknowns)('may have been stored after %s', async ([, reply, why]) => {
    await using server = await playBack(() => reply);
    const result = await createSequencer({ url: server.url, timeoutMs: 5_000 }).submit(vote);
    expect(result).toEqual({ kind: 'unknown', why: expect.stringMatching(why) });
    expect(server.received).toHaveLength(1);
  });

  it('may have been stored while it says that it is at work on the same body', async () => {
    await using server = await playBack(() => refusal('maintenance-same-body-again'));
    const result = await createSequencer({ url: server.url, timeoutMs: 5_000 }).submit(vote);
    expect(result).toEqual({ kind: 'unknown', why: expect.stringMatching(/^answered 425: /), inFlight: true });
  });

  it('may have been stored when no answer comes in time', async () => {
    await using server = await playBack(() => 'silence');
    const result = await createSequencer({ url: server.url, timeoutMs: 50 }).submit(vote);
    expect(result).toEqual({ kind: 'unknown', why: 'no answer within 50 ms' });
  });

  it('was certainly not stored when nobody listens', async () => {
    const server = await playBack(() => 'cut');
    await server[Symbol.asyncDispose]();
    const result = await createSequencer({ url: server.url, timeoutMs: 5_000 }).submit(vote);
    expect(result).toMatchObject({ kind: 'refused', refusal: { kind: 'retry', code: 'unavailable', status: 0 } });
  });

  it('may have been stored when the caller gives up after it left, and is not sent when before', async () => {
    const giveUp = new AbortController();
    await using server = await playBack(() => {
      giveUp.abort(new Error('voting was paused'));
      return 'silence';
    });
    const sequencer = createSequencer({ url: server.url, timeoutMs: 5_000 });
    expect(await sequencer.submit(vote, giveUp.signal)).toEqual({ kind: 'unknown', why: 'voting was paused' });
    await expect(sequencer.submit(vote, giveUp.signal)).rejects.toThrow('voting was paused');
    expect(server.received).toHaveLength(1);
  });
});
