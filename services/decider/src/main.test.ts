import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';

let testRedis: TestRedis;
let folder: string;
beforeAll(async () => {
  testRedis = await startTestRedis();
  folder = mkdtempSync(join(tmpdir(), 'quorum-decider-'));
  writeFileSync(join(folder, 'key'), randomBytes(32).toString('hex'), { mode: 0o600 });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await testRedis.stop();
});

function start(env: Record<string, string>) {
  const child = fork(join(import.meta.dirname, 'main.ts'), { env, execArgv: [], silent: true });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, exited: once(child, 'exit'), output: () => output };
}

const environment = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  REDIS_URL: testRedis.url,
  OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
  OPENAI_API_KEY: 'secret-key',
  DECIDER_MODELS: 'small',
  DECIDER_MAC_KEY_FILE: join(folder, 'key'),
});

test('starts, says that it is ready, shows its metrics and stops when told to', async () => {
  const { child, exited, output } = start(environment());
  const [message] = await once(child, 'message');
  const { url } = z.object({ ready: z.literal(true), url: z.url() }).parse(message);
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('quorum_model_calls_total');
  child.kill('SIGTERM');
  expect((await exited)[0]).toBe(0);
  expect(output()).not.toContain('secret-key');
});

test('a setting that is missing is named, and it does not start', async () => {
  const { DECIDER_MODELS: _missing, ...rest } = environment();
  const { exited, output } = start(rest);
  expect((await exited)[0]).toBe(1);
  expect(output()).toContain('DECIDER_MODELS');
});
