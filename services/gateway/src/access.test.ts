/** Who may ask, over real HTTP: names, origins, media types and keys. Redis is not needed: what is refused is refused before. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, openGateway, type Gateway } from '../test/stand.ts';

const KEY = randomBytes(32).toString('hex');
let redis: TestRedis;
let folder: string;
let open: Gateway;
let locked: Gateway;

beforeAll(async () => {
  redis = await startTestRedis();
  folder = await mkdtemp(join(tmpdir(), 'quorum-gateway-'));
  const API_KEY_FILE = join(folder, 'api.key');
  await writeFile(API_KEY_FILE, `${KEY}\n`, { mode: 0o600 });
  open = await openGateway(redis.url, { API_KEY_FILE });
  locked = await openGateway(redis.url, { API_KEY_FILE, ALLOW_ANONYMOUS: '0' });
});

afterAll(async () => {
  await Promise.all([open.stop(), locked.stop()]);
  await rm(folder, { recursive: true });
  await redis.stop();
});

/** The port of the gateway in a header. */
const PORT = '<port>';
const JSON_TYPE = { 'content-type': 'application/json' };

function send(gateway: Gateway, method: string, path: string, headers: Record<string, string>) {
  const port = new URL(gateway.url).port;
  const filled = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace(PORT, port)]));
  const body = method === 'GET' ? {} : { body: '{"space_id":"access.eth"}' };
  return ask(`${gateway.url}${path}`, { method, headers: filled, ...body });
}

describe('the name that the gateway is called by', () => {
  test.each([
    ['127.0.0.1:<port>', 200],
    ['127.0.0.1', 200],
    ['localhost:<port>', 200],
    ['LOCALHOST:<port>', 200],
    ['[::1]:<port>', 200],
    ['gateway:3000', 200],
    ['evil.example', 421],
    ['evil.example:<port>', 421],
    ['localhost.evil.example', 421],
    ['localhost.', 421],
    ['127.0.0.1.evil.example', 421],
    ['evil@localhost', 421],
    ['localhost/evil', 421],
    ['localhost:80:80', 421],
    ['0.0.0.0:<port>', 421],
    ['[::1', 421],
  ])('Host: %s → %i', async (host, status) => {
    for (const path of ['/', '/health/live', '/metrics', '/admin/queues']) {
      expect((await send(open, 'GET', path, { host })).status, path).toBe(status);
    }
    const run = await send(open, 'POST', '/agent-run', { host, ...JSON_TYPE });
    expect(run.status).toBe(status === 200 ? 202 : status);
    if (status === 421) expect(run.json).toMatchObject({ type: '/problems/foreign-host' });
  });
});

describe('the page that asks', () => {
  test.each([
    ['no page', {}, true],
    ['its own', { origin: 'http://127.0.0.1:<port>' }, true],
    ['its own, behind TLS', { origin: 'https://127.0.0.1:<port>' }, true],
    ['its own, by the browser', { origin: 'http://127.0.0.1:<port>', 'sec-fetch-site': 'same-origin' }, true],
    ['typed by hand', { 'sec-fetch-site': 'none' }, true],
    ['another site', { origin: 'https://evil.example' }, false],
    ['another port', { origin: 'http://127.0.0.1:1' }, false],
    ['another name of this machine', { origin: 'http://localhost:<port>' }, false],
    ['a file or a sandboxed frame', { origin: 'null' }, false],
    ['no URL', { origin: 'x' }, false],
    ['an extension', { origin: 'chrome-extension://127.0.0.1:<port>' }, false],
    ['another site, without an Origin', { 'sec-fetch-site': 'cross-site' }, false],
  ])('%s', async (_what, headers, isOwn) => {
    for (const path of ['/', '/health/live', '/metrics', '/admin/queues']) {
      expect((await send(open, 'GET', path, headers)).status, path).toBe(isOwn ? 200 : 403);
    }
    const run = await send(open, 'POST', '/agent-run', { ...headers, ...JSON_TYPE });
    expect(run.status).toBe(isOwn ? 202 : 403);
    expect(run.headers).not.toHaveProperty('access-control-allow-origin');
    if (!isOwn) expect(run.json).toMatchObject({ type: '/problems/foreign-origin' });
  });
});

describe('the media type of a body', () => {
  test.each([
    ['application/json', 202],
    ['application/json; charset=utf-8', 202],
    ['Application/JSON', 202],
    ['application/json; charset=latin1', 415],
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['text/json', 415],
    ['application/jsonp', 415],
    ['', 415],
  ])('%s → %i', async (type, status) => {
    const run = await send(open, 'POST', '/agent-run', { 'content-type': type });
    expect(run.status).toBe(status);
    if (status === 415) expect(run.json).toMatchObject({ type: '/problems/unsupported-media-type' });
  });

  test.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s without one is refused too', async (method) => {
    expect((await send(open, method, '/agent-run', {})).status).toBe(415);
  });
});

describe('the key', () => {
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

  test.each([
    ['none', {}, 401],
    ['the right one', bearer(KEY), 202],
    ['the right one, scheme in lower case', { authorization: `bearer ${KEY}` }, 202],
    ['another', bearer(randomBytes(32).toString('hex')), 401],
    ['one digit less', bearer(KEY.slice(1)), 401],
    ['one digit more', bearer(`${KEY}0`), 401],
    ['no key', { authorization: 'Bearer ' }, 401],
    ['basic', { authorization: `Basic ${Buffer.from(`owner:${KEY}`).toString('base64')}` }, 401],
    ['bare', { authorization: KEY }, 401],
  ])('%s', async (_what, headers, status) => {
    const run = await send(locked, 'POST', '/agent-run', { ...headers, ...JSON_TYPE });
    expect(run.status).toBe(status);
    const board = await send(locked, 'GET', '/admin/queues', headers);
    expect(board.status).toBe(status === 202 ? 200 : 401);
    if (status === 401) {
      expect(run.headers['www-authenticate']).toMatch(/^Bearer/);
      expect(run.json).toMatchObject({ type: '/problems/unauthorized' });
      expect(run.text).not.toContain(KEY);
    }
  });

  test('is not needed for health and metrics', async () => {
    for (const path of ['/', '/health/live', '/health/ready', '/metrics']) {
      expect((await send(locked, 'GET', path, {})).status, path).toBe(200);
    }
    expect((await send(locked, 'GET', '/health', {})).status).toBe(503);
  });

  test('that is wrong is never anonymous', async () => {
    expect((await send(open, 'POST', '/agent-run', { ...bearer('wrong'), ...JSON_TYPE })).status).toBe(401);
  });

  test('is asked for before a run is looked for', async () => {
    expect((await send(locked, 'GET', '/agent-run/not-a-run', {})).status).toBe(401);
  });

  test('in a file that others can read is refused', async () => {
    const API_KEY_FILE = join(folder, 'open.key');
    await writeFile(API_KEY_FILE, KEY, { mode: 0o644 });
    await expect(openGateway(redis.url, { API_KEY_FILE })).rejects.toThrow(/chmod 600/);
  });
});
