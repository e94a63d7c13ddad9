/** The gateway while Redis is away: 503 within a second, never a hang, and well again by itself. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startTestRedis } from '../../../test/redis.ts';
import { ask, openGateway, openLine, postRun, type Gateway } from '../test/stand.ts';
import { PATIENT } from '../../../test/patience.ts';

const WITHIN_MS = 1_000;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function redisForTest() {
  const redis = await startTestRedis({ appendonly: true });
  closers.push(() => redis.stop());
  return redis;
}

async function gatewayOn(url: string): Promise<Gateway> {
  const gateway = await openGateway(url);
  closers.push(() => gateway.stop());
  return gateway;
}

async function expectAway(gateway: Gateway): Promise<void> {
  const run = await postRun(gateway, { space_id: 'away.eth' });
  expect(run).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  expect(run.json).toMatchObject({ type: '/problems/upstream-unavailable' });
  expect(run.tookMs).toBeLessThan(WITHIN_MS);
  const paths = [
    '/agent-run/0198a3f0-0000-7000-8000-000000000000',
    '/health',
    '/health/ready',
    '/admin/queues/api/queues',
  ];
  for (const path of paths) {
    const answer = await ask(`${gateway.url}${path}`);
    expect(answer.status, path).toBe(503);
    expect(answer.tookMs, path).toBeLessThan(WITHIN_MS);
  }
  for (const path of ['/', '/health/live', '/metrics', '/admin/queues']) {
    const answer = await ask(`${gateway.url}${path}`);
    expect(answer.status, path).toBe(200);
    expect(answer.tookMs, path).toBeLessThan(WITHIN_MS);
  }
}

async function expectBack(gateway: Gateway): Promise<void> {
  const status = async (): Promise<number> => (await postRun(gateway, { space_id: 'away.eth' })).status;
  await expect.poll(status, PATIENT).toBe(202);
  expect((await ask(`${gateway.url}/health/ready`)).status).toBe(200);
}

test('Redis dies and comes back', async () => {
  const redis = await redisForTest();
  const gateway = await gatewayOn(redis.url);
  await expectBack(gateway);
  await redis.kill9();
  await expectAway(gateway);
  await redis.restart();
  await expectBack(gateway);
});

test('Redis is down when the gateway starts', async () => {
  const redis = await redisForTest();
  await redis.kill9();
  const gateway = await gatewayOn(redis.url);
  await expectAway(gateway);
  await redis.restart();
  await expectBack(gateway);
});

test('Redis hangs without closing its connections', async () => {
  const redis = await redisForTest();
  const line = await openLine(redis.url);
  closers.push(() => line.close());
  const gateway = await gatewayOn(line.url);
  await expectBack(gateway);
  line.freeze(true);
  await expectAway(gateway);
  line.freeze(false);
  await expectBack(gateway);
});

test('the gateway stops while Redis is down', async () => {
  const redis = await redisForTest();
  const gateway = await openGateway(redis.url);
  await redis.kill9();
  await expectAway(gateway);
  await gateway.stop();
  await expect(ask(gateway.url)).rejects.toThrow(/ECONNREFUSED/);
});

test('a gateway that never saw Redis stops', async () => {
  const redis = await redisForTest();
  await redis.kill9();
  const gateway = await openGateway(redis.url);
  await gateway.stop();
  await expect(ask(gateway.url)).rejects.toThrow(/ECONNREFUSED/);
});

test('a key of Redis is answered 503 while Redis is away or hangs; the key of the file needs none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quorum-away-'));
  closers.push(() => rm(folder, { recursive: true }));
  const [API_KEY_FILE, GATEWAY_MAC_KEY_FILE] = [join(folder, 'api.key'), join(folder, 'mac.key')];
  for (const file of [API_KEY_FILE, GATEWAY_MAC_KEY_FILE]) await writeFile(file, 'ab'.repeat(32), { mode: 0o600 });
  const redis = await redisForTest();
  const line = await openLine(redis.url);
  closers.push(() => line.close());
  const gateway = await openGateway(line.url, { API_KEY_FILE, GATEWAY_MAC_KEY_FILE, ALLOW_ANONYMOUS: '0' });
  closers.push(() => gateway.stop());
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const known = bearer(`qk_${'ab'.repeat(8)}_${'cd'.repeat(32)}`);
  const file = bearer('ab'.repeat(32));

  const expectAnswers = async (): Promise<void> => {
    for (const path of ['/agent-run/0198a3f0-0000-7000-8000-000000000000', '/admin/queues']) {
      const answer = await ask(`${gateway.url}${path}`, { headers: known });
      expect(answer, path).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
      expect(answer.tookMs, path).toBeLessThan(WITHIN_MS);
    }
    const run = await postRun(gateway, { space_id: 'away.eth' }, known);
    expect(run.status).toBe(503);
    expect(run.tookMs).toBeLessThan(WITHIN_MS);
    // Nothing of Redis is needed to know this one, nor to refuse that one.
    expect((await ask(`${gateway.url}/admin/queues`, { headers: file })).status).toBe(200);
    expect((await postRun(gateway, { space_id: 'away.eth' }, file)).status).toBe(503);
    expect((await ask(`${gateway.url}/admin/queues`, { headers: bearer('not-a-key') })).status).toBe(401);
    expect((await ask(`${gateway.url}/admin/queues`)).status).toBe(401);
  };
  expect((await ask(`${gateway.url}/admin/queues`, { headers: known })).status).toBe(401);
  line.freeze(true);
  await expectAnswers();
  line.freeze(false);
  await redis.kill9();
  await expectAnswers();
});
