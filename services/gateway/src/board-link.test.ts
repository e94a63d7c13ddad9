/** The way to the board in a browser: a link that opens once, and the cookie that it becomes. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import { OwnerId } from '@quorum/shared/ids';
import { connectPatient } from '@quorum/shared/redis';
import { keys } from '@quorum/shared/redis-keys';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, log, openGateway, type Gateway } from '../test/stand.ts';

const FILE_KEY = randomBytes(32).toString('hex');
const MAC_KEY = randomBytes(32);

let server: TestRedis;
let redis: Redis;
let folder: string;
let files: { readonly API_KEY_FILE: string; readonly GATEWAY_MAC_KEY_FILE: string };
let at: Gateway;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  folder = await mkdtemp(join(tmpdir(), 'quorum-board-'));
  files = { API_KEY_FILE: join(folder, 'api.key'), GATEWAY_MAC_KEY_FILE: join(folder, 'mac.key') };
  await writeFile(files.API_KEY_FILE, FILE_KEY, { mode: 0o600 });
  await writeFile(files.GATEWAY_MAC_KEY_FILE, MAC_KEY.toString('hex'), { mode: 0o600 });
  at = await openGateway(server.url, { ...files, ALLOW_ANONYMOUS: '0' });
});
afterAll(async () => {
  await at.stop();
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true });
});

const Link = z.strictObject({ url: z.url(), expires_in: z.literal(60) });

async function makeLink(key = FILE_KEY, gateway = at): Promise<string> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const answer = await ask(`${gateway.url}/admin/queues/link`, { method: 'POST', headers });
  expect(answer).toMatchObject({ status: 201, headers: { 'cache-control': 'no-store' } });
  return Link.parse(answer.json).url;
}

/** What a browser would send from now on. */
async function openLink(url: string): Promise<Record<string, string>> {
  const answer = await ask(url);
  expect(answer).toMatchObject({ status: 303, headers: { location: '/admin/queues', 'cache-control': 'no-store' } });
  const cookie = String(answer.headers['set-cookie']);
  return { cookie: cookie.split(';')[0] ?? '' };
}

const board = (headers: Record<string, string>, gateway = at) =>
  ask(`${gateway.url}/admin/queues/api/queues`, { headers });

test('a link opens the board, once, with a cookie for its paths and this site alone', async () => {
  const url = await makeLink();
  expect(url).toMatch(`${at.url}/admin/queues/link?token=`);
  const answer = await ask(url);
  expect(answer.headers['set-cookie']).toEqual([
    expect.stringMatching(
      /^quorum_board=[\w-]{43}; Max-Age=28800; Path=\/admin\/queues; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
    ),
  ]);
  const cookie = String(answer.headers['set-cookie']).split(';')[0] ?? '';
  expect((await board({ cookie })).status).toBe(200);
  expect((await ask(`${at.url}/admin/queues`, { headers: { cookie: `a=b; ${cookie}; c=d` } })).status).toBe(200);
  const again = await ask(url);
  expect(again).toMatchObject({ status: 410, json: { type: '/problems/link-gone' } });
  expect(again.headers).not.toHaveProperty('set-cookie');
});

test('a link that is opened by many at once opens for one of them', async () => {
  const url = await makeLink();
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(url)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([303, ...Array.from({ length: 7 }, () => 410)]);
});

test('a link is there for a minute, a session for eight hours, and neither can be read out of Redis', async () => {
  await redis.flushall();
  const url = await makeLink();
  const ends = async (pattern: string) => {
    const [key = ''] = await redis.keys(pattern);
    return { key, seconds: await redis.ttl(key), text: `${key} ${await redis.get(key)}` };
  };
  const link = await ends('{quorum}:board-link:*');
  expect(link.seconds).toBeGreaterThan(0);
  expect(link.seconds).toBeLessThanOrEqual(60);
  const { cookie = '' } = await openLink(url);
  const session = await ends('{quorum}:board-session:*');
  expect(session.seconds).toBeGreaterThan(8 * 60 * 60 - 60);
  expect(session.seconds).toBeLessThanOrEqual(8 * 60 * 60);
  for (const secret of [new URL(url).searchParams.get('token'), cookie.split('=')[1], FILE_KEY]) {
    expect(`${link.text} ${session.text}`).not.toContain(secret);
  }
  // Its time is over.
  await redis.del(session.key);
  expect((await board({ cookie })).status).toBe(401);
});

test('the cookie opens nothing but the board, and there nothing but looking', async () => {
  const cookie = await openLink(await makeLink());
  for (const path of ['/holds', '/user-preferences', '/audit']) {
    expect((await ask(`${at.url}${path}`, { headers: cookie })).status, path).toBe(401);
  }
  const send = (method: string, path: string) =>
    ask(`${at.url}${path}`, { method, headers: { ...cookie, 'content-type': 'application/json' }, body: '{}' });
  expect((await send('PUT', '/admin/queues/api/queues/vote/pause')).status).toBe(405);
  expect((await send('POST', '/admin/queues/link')).status).toBe(401);
});

test('looking whether a link is there does not use it up, nor does a page of another site', async () => {
  const url = await makeLink();
  expect((await ask(url, { method: 'HEAD' })).status).toBe(405);
  expect((await ask(url, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
  await openLink(url);
});

test('a session ends with the key that its link was made with', async () => {
  const apiKeys = createApiKeys(redis, MAC_KEY);
  const owner = OwnerId.parse('ada');
  const { key, text } = await apiKeys.create({ owner, role: 'admin', name: '', nowMs: Date.now() });
  const cookie = await openLink(await makeLink(text));
  expect((await board(cookie)).status).toBe(200);
  // As whoever can write Redis would: what is not ours is no key.
  const record = z.looseObject({}).parse(JSON.parse((await redis.hget(keys.apiKeys(), key.id)) ?? ''));
  await redis.hset(keys.apiKeys(), key.id, JSON.stringify({ ...record, name: 'another' }));
  expect((await board(cookie)).status).toBe(401);
  await redis.hset(keys.apiKeys(), key.id, JSON.stringify(record));
  expect((await board(cookie)).status).toBe(200);
  await apiKeys.revoke(key.id);
  expect((await board(cookie)).status).toBe(401);
});

test('a session by the key of the file ends when there is another', async () => {
  const cookie = await openLink(await makeLink());
  const API_KEY_FILE = join(folder, 'new.key');
  await writeFile(API_KEY_FILE, randomBytes(32).toString('hex'), { mode: 0o600 });
  const anew = await openGateway(server.url, { ...files, API_KEY_FILE, ALLOW_ANONYMOUS: '0' });
  try {
    expect((await board(cookie, anew)).status).toBe(401);
    expect((await board(cookie)).status).toBe(200);
  } finally {
    await anew.stop();
  }
});

test('a bad key is refused, whatever cookie comes with it', async () => {
  const cookie = await openLink(await makeLink());
  expect((await board({ ...cookie, authorization: 'Bearer guess' })).status).toBe(401);
});

test('behind a trusted proxy that speaks TLS the link is https, and the cookie for https alone', async () => {
  const behind = await openGateway(server.url, { ...files, ALLOW_ANONYMOUS: '0', TRUST_PROXY: '1' });
  try {
    const tls = {
      'x-forwarded-proto': 'https',
      authorization: `Bearer ${FILE_KEY}`,
      'content-type': 'application/json',
    };
    const made = await ask(`${behind.url}/admin/queues/link`, { method: 'POST', headers: tls });
    const { url } = Link.parse(made.json);
    expect(url).toMatch(/^https:/);
    const opened = await ask(url.replace('https:', 'http:'), { headers: { 'x-forwarded-proto': 'https' } });
    expect(String(opened.headers['set-cookie'])).toMatch(/; Secure/);
  } finally {
    await behind.stop();
  }
});
