/** The gateway as a process. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import { OwnerId } from '@quorum/shared/ids';
import { createLogger } from '@quorum/shared/log';
import { keys } from '@quorum/shared/redis-keys';
import { connectPatient } from '@quorum/shared/redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask } from '../test/stand.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
const SANDBOX = {
  SNAPSHOT_HUB_URL: 'http://127.0.0.1:4010/graphql',
  SNAPSHOT_SEQUENCER_URL: 'http://127.0.0.1:4010/',
  OPENAI_BASE_URL: 'http://127.0.0.1:4010/v1',
};
const Ready = z.object({ ready: z.literal(true), url: z.url() });

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

function start(env: Record<string, string>) {
  const child = fork(MAIN, { env: { ...SANDBOX, REDIS_URL: redis.url, PORT: '0', ...env }, silent: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  return { child, output: () => output };
}

test('says when it is ready, serves, and ends in order at SIGTERM', async () => {
  const { child, output } = start({ ALLOW_ANONYMOUS: '1' });
  const [message]: unknown[] = await once(child, 'message');
  const { url } = Ready.parse(message);
  const run = await ask(`${url}/agent-run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"space_id":"main.eth"}',
  });
  expect(run.status).toBe(202);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(output()).toContain('"msg":"service stopped"');
});

test('refuses to start open while an upstream is live', async () => {
  const { child, output } = start({ ALLOW_ANONYMOUS: '1', SNAPSHOT_HUB_URL: 'https://hub.snapshot.org/graphql' });
  const [code]: unknown[] = await once(child, 'exit');
  expect(code).toBe(1);
  expect(output()).toContain('ALLOW_ANONYMOUS: must not be 1: SNAPSHOT_HUB_URL is live');
});

test('each key that is refused is a security event, of which the log says nothing of the key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quorum-main-'));
  const line = connectPatient(redis.url, createLogger('test', 'silent'));
  const macKey = randomBytes(32);
  const GATEWAY_MAC_KEY_FILE = join(folder, 'mac.key');
  await writeFile(GATEWAY_MAC_KEY_FILE, macKey.toString('hex'), { mode: 0o600 });
  const apiKeys = createApiKeys(line, macKey);
  const make = () => apiKeys.create({ owner: OwnerId.parse('alice'), role: 'user', name: '', nowMs: Date.now() });
  const [good, revoked, forged] = [await make(), await make(), await make()];
  await apiKeys.revoke(revoked.key.id);
  await line.hset(keys.apiKeys(), forged.key.id, '{}');
  line.disconnect();

  const { child, output } = start({ GATEWAY_MAC_KEY_FILE, LOG_LEVEL: 'trace' });
  const [message]: unknown[] = await once(child, 'message');
  const { url } = Ready.parse(message);
  const mistyped = `${good.text.slice(0, -1)}${good.text.endsWith('0') ? '1' : '0'}`;
  const status = async (key: string): Promise<number> =>
    (await ask(`${url}/admin/queues`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await status(good.text)).toBe(403);
  for (const key of [mistyped, revoked.text, forged.text, 'hunter2']) expect(await status(key)).toBe(401);
  const metrics = (await ask(`${url}/metrics`)).text;
  child.kill('SIGTERM');
  await once(child, 'exit');
  await rm(folder, { recursive: true });

  expect(metrics).toMatch(/^quorum_security_events_total\{.*event="api_key_refused".*\} 3$/m);
  expect(metrics).toMatch(/^quorum_security_events_total\{.*event="api_key_forged".*\} 1$/m);
  expect(output().match(/security: an API key was refused/g)).toHaveLength(3);
  for (const why of ['wrong_secret', 'unknown', 'malformed']) expect(output()).toContain(`"why":"${why}"`);
  expect(output().match(/security: the record of an API key is not ours/g)).toHaveLength(1);
  const parts = [good, revoked, forged].flatMap(({ key, text }) => [key.id, text.slice(20, 40), text.slice(-8)]);
  for (const part of [...parts, 'hunter2']) expect(output()).not.toContain(part);
});
