import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { upstreamId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { createTransitions } from '@quorum/shared/transitions';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { PATIENT } from '../../../test/patience.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { startModelServer, vote } from '../test/model-server.ts';
import { openRun } from '../test/runs.ts';

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
  // What the endpoint is asked is what the test asks.
  UPSTREAM_PING_S: '0',
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

test('asks through the gate of each model, a fallback where it is shut, and in the words of its endpoint', async () => {
  const server = await startModelServer();
  server.behave((request) =>
    request.model === 'small'
      ? { kind: 'status', status: 429, body: '{}', headers: { 'retry-after': '50' } }
      : vote(request, 'For'),
  );
  const redis = new Redis(testRedis.url);
  const stores = { records: createRecords(redis), transitions: createTransitions(redis) };
  const run = await openRun(stores, { end: Math.ceil(Date.now() / 1_000) + 3_600 });
  const { child, exited } = start({
    ...environment(),
    OPENAI_BASE_URL: server.url,
    OPENAI_EXTRAS: 'openrouter',
    DECIDER_FALLBACK_MODELS: 'spare',
    DECIDER_MAX_OUTPUT_TOKENS: '1234',
    DECIDER_SECOND_READING: 'never',
    MODEL_PRICES: 'small=1/4,spare=1/4',
    EVIDENCE_ARCHIVE_DIR: folder,
  });
  await once(child, 'message');
  const queue = new Queue('decide', { connection: redis, prefix: BULL_PREFIX });
  await queue.add('decide', run.payload);
  await vi.waitFor(async () => expect(await run.decision()).toMatchObject({ kind: 'decided' }), PATIENT);
  child.kill('SIGTERM');
  await exited;

  expect(await run.decision()).toMatchObject({
    sealed: { decision: { samples: [1, 2, 3].map(() => ({ model: 'small', stand_in: 'spare' })) } },
  });
  expect(server.requests.at(-1)?.body).toMatchObject({
    max_completion_tokens: 1_234,
    provider: { data_collection: 'deny' },
  });
  const gate = keys.gate(upstreamId(server.url, 'secret-key', 'small'));
  expect(await redis.pttl(gate)).toBeGreaterThan(60_000);
  expect(await redis.exists(keys.gate(upstreamId(server.url, 'secret-key', 'spare')))).toBe(0);
  await queue.close();
  redis.disconnect();
  await server.close();
});

test('a setting that is missing is named, and it does not start', async () => {
  const { DECIDER_MODELS: _missing, ...rest } = environment();
  const { exited, output } = start(rest);
  expect((await exited)[0]).toBe(1);
  expect(output()).toContain('DECIDER_MODELS');
});
