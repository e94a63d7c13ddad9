import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, openGateway, type Ask, type Gateway } from '../test/stand.ts';

const NAMED = 'https://quorum.example';
const OTHER = 'https://other.example';

let redis: TestRedis;
let named: Gateway;
let usual: Gateway;
beforeAll(async () => {
  redis = await startTestRedis();
  named = await openGateway(redis.url, { CORS_ORIGINS: `${NAMED}, http://localhost:8080` });
  usual = await openGateway(redis.url);
});
afterAll(async () => {
  await Promise.all([named.stop(), usual.stop()]);
  await redis.stop();
});

/** As a browser asks for a page of this origin. */
const page = (origin: string, more: Ask = {}): Ask => ({
  ...more,
  headers: { origin, 'sec-fetch-site': 'cross-site', ...more.headers },
});

const preflight = (origin: string): Ask =>
  page(origin, {
    method: 'OPTIONS',
    headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  });

const post = (origin: string): Ask =>
  page(origin, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"space_id":"cors.eth"}' });

const corsHeaders = (headers: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

describe('a page of an origin that is named', () => {
  test('may ask, and may read the answer', async () => {
    for (const question of [page(NAMED), page('http://localhost:8080')]) {
      const { status, headers } = await ask(`${named.url}/`, question);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'access-control-allow-origin': question.headers?.['origin'],
        'access-control-expose-headers': expect.stringMatching(/location.*ratelimit, ratelimit-policy/),
        vary: expect.stringContaining('Origin'),
      });
      // No cookie and no password that the browser knows: a key, or nothing.
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
    expect((await ask(`${named.url}/agent-run`, post(NAMED))).status).toBe(202);
  });

  test('is told before what it may send', async () => {
    const { status, headers, text } = await ask(`${named.url}/agent-run`, preflight(NAMED));
    expect([status, text]).toEqual([204, '']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': NAMED,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': expect.stringMatching(/authorization.*content-type.*last-event-id/),
    });
  });

  test('is told what is wrong in an answer that it may read', async () => {
    const answer = await ask(`${named.url}/nowhere`, page(NAMED));
    expect(answer).toMatchObject({ status: 404, headers: { 'access-control-allow-origin': NAMED } });
  });

  test('does not reach Bull Board', async () => {
    // The board is there in capitals too, as express has it.
    for (const path of ['/admin/queues', '/ADMIN/queues', '/admin/Queues/api/queues', '/admin/queues/']) {
      const answer = await ask(named.url + path, page(NAMED));
      expect(answer.status, path).toBe(403);
      expect(corsHeaders(answer.headers)).toEqual([]);
    }
  });
});

describe('any other page is refused as ever, and told nothing', () => {
  test.each([
    ['of another origin', () => named, OTHER],
    ['of the same host in clear text', () => named, 'http://quorum.example'],
    ['of another port', () => named, 'http://localhost:8081'],
    ['of no origin', () => named, 'null'],
    ['where none is named', () => usual, NAMED],
  ])('%s', async (_what, gateway, origin) => {
    for (const question of [page(origin), preflight(origin), post(origin)]) {
      const answer = await ask(`${gateway().url}/agent-run`, question);
      expect(answer).toMatchObject({ status: 403, json: { type: '/problems/foreign-origin' } });
      expect(corsHeaders(answer.headers)).toEqual([]);
    }
  });
});

test('an origin that is added or taken away while the gateway runs counts from then on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quorum-cors-'));
  const file = join(folder, '.env');
  await writeFile(file, 'CONCURRENCY=1\n');
  const gateway = await openGateway(redis.url, { LOG_LEVEL: 'error' }, file);
  const status = async (): Promise<number> => (await ask(`${gateway.url}/`, page(NAMED))).status;
  try {
    expect(await status()).toBe(403);
    await writeFile(file, `CORS_ORIGINS=${NAMED}\n`);
    await expect.poll(status, PATIENT).toBe(200);
    await writeFile(file, `CORS_ORIGINS=${OTHER}\n`);
    await expect.poll(status, PATIENT).toBe(403);
  } finally {
    await gateway.stop();
    await rm(folder, { recursive: true });
  }
});

test('a program that names no origin is asked for none', async () => {
  const answer = await ask(`${named.url}/`);
  expect(answer.status).toBe(200);
  expect(corsHeaders(answer.headers)).toEqual([]);
});
