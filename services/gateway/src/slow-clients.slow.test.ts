/** The gateway, a process of its own, beside clients that are many, idle, or slow. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { aSpace } from '../../../packages/shared/test/samples.ts';
import { accept, aCase, type Case } from '../../../packages/shared/test/world.ts';
import { PATIENT } from '../../../test/patience.ts';
import { memoryOf } from '../../../test/load/measures.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { UNLIMITED } from '../../../test/unlimited.ts';
import { watchRun, type EventClient } from '../test/event-client.ts';
import { ask, log } from '../test/stand.ts';

const CLIENTS = 1_000;
const MB = 1_024 * 1_024;
const COLLECTS = join(import.meta.dirname, '../../../test/load/collect-garbage.ts');
const SANDBOX = {
  SNAPSHOT_HUB_URL: 'http://127.0.0.1:4010/graphql',
  SNAPSHOT_SEQUENCER_URL: 'http://127.0.0.1:4010/',
  OPENAI_BASE_URL: 'http://127.0.0.1:4010/v1',
};

let server: TestRedis;
let redis: Redis;
let child: ChildProcess;
let url: string;
beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  const env = {
    ...SANDBOX,
    ...UNLIMITED,
    REDIS_URL: server.url,
    PORT: '0',
    ALLOW_ANONYMOUS: '1',
    EVENTS_HEARTBEAT_S: '1',
    // How long an answer may take is said below, by what it took on the same machine.
    ENQUEUE_TIMEOUT_MS: '10000',
  };
  const execArgv = ['--expose-gc', '--import', COLLECTS];
  child = fork(join(import.meta.dirname, 'main.ts'), { env, silent: true, execArgv });
  child.stdout?.resume();
  child.stderr?.resume();
  const [message]: unknown[] = await once(child, 'message');
  ({ url } = z.object({ url: z.url() }).parse(message));
});
afterAll(async () => {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  redis.disconnect();
  await server.stop();
});

async function aRun(): Promise<Case> {
  const one = { ...aCase(redis), owner: OwnerId.parse('owner'), space: aSpace(`${newRunId()}.eth`) };
  await accept(one);
  return one;
}

/** What the gateway holds on to, bytes. What is resident says more of when garbage was last collected than of its clients. */
async function held(): Promise<number> {
  const memory = await memoryOf({ services: new Map([['gateway', { pid: child.pid ?? Number.NaN, url }]]) });
  return memory.get('gateway')?.held ?? Number.NaN;
}

/** The time within which 99 of 100 requests were answered, in milliseconds. */
async function p99(path: string, times: number): Promise<number> {
  const tookMs: number[] = [];
  for (let at = 0; at < times; at += 1) {
    const answer = await ask(`${url}${path}`);
    expect(answer.status).toBe(200);
    tookMs.push(answer.tookMs);
  }
  return tookMs.toSorted((a, b) => a - b)[Math.ceil(times * 0.99) - 1] ?? Infinity;
}

test('a thousand clients that watch and are told nothing leave it serving', async () => {
  const runs = await Promise.all(Array.from({ length: 20 }, aRun));
  const path = `/agent-run/${runs[0]?.runId}`;
  const alone = { p99Ms: await p99(path, 300), bytes: await held() };
  const clients: EventClient[] = [];
  while (clients.length < CLIENTS) {
    const more = Array.from({ length: 50 }, (_, at) => watchRun({ url }, runs[at % runs.length]?.runId ?? ''));
    clients.push(...(await Promise.all(more)));
  }
  for (const client of clients) await client.has(1);

  const beside = { p99Ms: await p99(path, 300), bytes: await held() };
  // What was measured alone, on the same machine in the same minute, is the measure; a quarter of a second is nobody's hang.
  expect(beside.p99Ms).toBeLessThan(10 * alone.p99Ms + 250);
  // 17 KB a client, as measured; its garbage collected, this is the same each time.
  expect(beside.bytes - alone.bytes).toBeLessThan(25 * MB);

  // They live, and are still told.
  for (const client of clients) await expect.poll(() => client.text().includes(': heartbeat'), PATIENT).toBe(true);
  for (const one of runs) await createRecords(redis).deciding(one.runId, one.proposal);
  for (const client of clients) await client.has(2);
  expect(clients.filter((client) => client.isOver())).toEqual([]);
  for (const client of clients) client.close();
  const watching = async (): Promise<string> => (await ask(`${url}/metrics`)).text;
  await expect.poll(watching, PATIENT).toMatch(/^quorum_event_streams\{.*\} 0$/m);
  // What was theirs goes with them: what stays is code that has been compiled since, and the like.
  expect((await held()) - alone.bytes).toBeLessThan(5 * MB);
});

/** A client that sends this and then nothing more. */
function begin(text: string): { readonly socket: Socket; readonly answer: () => string } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  socket.write(text);
  return { socket, answer: () => answer };
}

const HEAD = 'POST /agent-run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

test.each([
  ['does not finish its head', HEAD],
  ['does not finish its body', `${HEAD}Content-Length: 100\r\n\r\n{"space_id":`],
])('two hundred clients each of which %s are cut, and meanwhile others are served', async (_what, text) => {
  const slow = Array.from({ length: 200 }, () => begin(text));
  const cut = Promise.all(slow.map(({ socket }) => once(socket, 'close')));
  expect(await p99('/health/live', 100)).toBeLessThan(1_000);
  await cut;
  for (const { answer } of slow) expect(answer()).toMatch(/^HTTP\/1\.1 408/);
});
