/** The gateway while Redis is away: 503 within a second, never a hang, and well again by itself. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectPatient } from '@quorum/shared/redis';
import { afterEach, expect, test } from 'vitest';
import { startTestRedis } from '../../../test/redis.ts';
import { ask, log, openGateway, openLine, postRun, type Answer, type Gateway } from '../test/stand.ts';
import { PATIENT } from '../../../test/patience.ts';

const WITHIN_MS = 1_000;
/** The time limit that a gateway has where nobody sets one. */
const USUAL_LIMIT = { ENQUEUE_TIMEOUT_MS: '' } as const;
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
  const gateway = await openGateway(url, USUAL_LIMIT);
  closers.push(() => gateway.stop());
  return gateway;
}

/** The first answer in time: a busy machine makes one late now and then, a gateway that waits too long makes every one late. */
async function inTime(question: () => Promise<Answer>): Promise<Answer> {
  const tookMs: number[] = [];
  while (tookMs.length < 5) {
    const answer = await question();
    if (answer.tookMs < WITHIN_MS) return answer;
    tookMs.push(answer.tookMs);
  }
  throw new Error(`No answer within ${WITHIN_MS} ms: ${tookMs.map(Math.round).join(', ')}`);
}

async function expectAway(gateway: Gateway): Promise<void> {
  const run = await inTime(() => postRun(gateway, { space_id: 'away.eth' }));
  expect(run).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  expect(run.json).toMatchObject({ type: '/problems/upstream-unavailable' });
  const paths = [
    '/agent-run/0198a3f0-0000-7000-8000-000000000000',
    '/health',
    '/health/ready',
    '/admin/queues/api/queues',
  ];
  for (const path of paths) {
    const answer = await inTime(() => ask(`${gateway.url}${path}`));
    expect(answer.status, path).toBe(503);
    expect(answer.headers['retry-after'], path).toMatch(/^[25]$/);
  }
  for (const path of ['/', '/health/live', '/metrics', '/admin/queues']) {
    const answer = await inTime(() => ask(`${gateway.url}${path}`));
    expect(answer.status, path).toBe(200);
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
  const gateway = await openGateway(redis.url, USUAL_LIMIT);
  await redis.kill9();
  await expectAway(gateway);
  await gateway.stop();
  await expect(ask(gateway.url)).rejects.toThrow(/ECONNREFUSED/);
});

test('a gateway that never saw Redis stops', async () => {
  const redis = await redisForTest();
  await redis.kill9();
  const gateway = await openGateway(redis.url, USUAL_LIMIT);
  await gateway.stop();
  await expect(ask(gateway.url)).rejects.toThrow(/ECONNREFUSED/);
});

test('a Redis that is slow is waited for as long as the setting says', async () => {
  const redis = await redisForTest();
  const gateway = await openGateway(redis.url, { ENQUEUE_TIMEOUT_MS: '10000' });
  closers.push(() => gateway.stop());
  await expectBack(gateway);
  const other = connectPatient(redis.url, log);
  closers.push(async () => other.disconnect());
  await other.call('CLIENT', 'PAUSE', '1200', 'ALL');
  expect((await postRun(gateway, { space_id: 'slow.eth' })).status).toBe(202);
});

test('a gateway does not say that it serves while its way to Redis is still being made', async () => {
  const redis = await redisForTest();
  const line = await openLine(redis.url);
  closers.push(() => line.close());
  line.freeze(true);
  let serves = false;
  const starting = openGateway(line.url, { ENQUEUE_TIMEOUT_MS: '50' }).then((gateway) => {
    serves = true;
    closers.push(() => gateway.stop());
  });
  // Longer than the time limit of a request.
  const other = connectPatient(redis.url, log);
  closers.push(async () => other.disconnect());
  await other.blpop('nothing', 0.3);
  expect(serves).toBe(false);
  line.freeze(false);
  await starting;
});

test('a key of Redis is answered 503 while Redis is away or hangs; the key of the file needs none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quorum-away-'));
  closers.push(() => rm(folder, { recursive: true }));
  const [API_KEY_FILE, GATEWAY_MAC_KEY_FILE] = [join(folder, 'api.key'), join(folder, 'mac.key')];
  for (const file of [API_KEY_FILE, GATEWAY_MAC_KEY_FILE]) await writeFile(file, 'ab'.repeat(32), { mode: 0o600 });
  const redis = await redisForTest();
  const line = await openLine(redis.url);
  closers.push(() => line.close());
  const keyed = { API_KEY_FILE, GATEWAY_MAC_KEY_FILE, ALLOW_ANONYMOUS: '0' };
  const gateway = await openGateway(line.url, { ...USUAL_LIMIT, ...keyed });
  closers.push(() => gateway.stop());
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const known = bearer(`qk_${'ab'.repeat(8)}_${'cd'.repeat(32)}`);
  const file = bearer('ab'.repeat(32));

  const expectAnswers = async (): Promise<void> => {
    for (const path of ['/agent-run/0198a3f0-0000-7000-8000-000000000000', '/admin/queues']) {
      const answer = await inTime(() => ask(`${gateway.url}${path}`, { headers: known }));
      expect(answer, path).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    }
    expect((await inTime(() => postRun(gateway, { space_id: 'away.eth' }, known))).status).toBe(503);
    // Nothing of Redis is needed to know this one, nor to refuse that one.
    expect((await ask(`${gateway.url}/admin/queues`, { headers: file })).status).toBe(200);
    expect((await postRun(gateway, { space_id: 'away.eth' }, file)).status).toBe(503);
    expect((await ask(`${gateway.url}/admin/queues`, { headers: bearer('not-a-key') })).status).toBe(401);
    expect((await ask(`${gateway.url}/admin/queues`)).status).toBe(401);
  };
  // Its first answers may come late on a busy machine; then they are 503 as well.
  await expect.poll(async () => (await ask(`${gateway.url}/admin/queues`, { headers: known })).status).toBe(401);
  line.freeze(true);
  await expectAnswers();
  line.freeze(false);
  await redis.kill9();
  await expectAnswers();
});
