/** The gateway as a process. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
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
