/** docs/webhooks.md: its receiver works as it stands there, and its tables say what is so. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { NOTICE_WORDS, NOTICES, WebhookBody } from '@quorum/shared/notices';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../../test/stand.ts';
import { resolveAny } from './address.ts';
import { WAITS_MS } from './notify-job.ts';
import { send } from './send.ts';

const SECRET = 'qws_of-the-example';
let page: string;
let folder: string;
let child: ChildProcess;
let url: string;
const printed: string[] = [];

beforeAll(async () => {
  page = await readFile(join(import.meta.dirname, '../../../../docs/webhooks.md'), 'utf8');
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  folder = await mkdtemp(join(tmpdir(), 'quorum-webhook-docs-'));
  const file = join(folder, 'receiver.mjs');
  await writeFile(file, code);
  const port = await freePort();
  url = `http://127.0.0.1:${port}/`;
  const env = { PATH: process.env['PATH'], PORT: String(port), QUORUM_WEBHOOK_SECRET: SECRET };
  child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once('exit', () => reject(new Error('the receiver of the docs ended')));
  if (child.stdout === null) throw new Error('it has no output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'listening') resolve();
    else printed.push(line);
  });
  await promise;
});
afterAll(async () => {
  if (child.exitCode === null) {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }
  await rm(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const example = (): string => /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
const deps = { allowPrivate: true, resolve: resolveAny, timeoutMs: 10_000, now: Date.now };

test('the receiver takes what is signed with its secret, and does it once', async () => {
  const body = JSON.stringify(JSON.parse(example()));
  const one = { url, secret: SECRET, id: 'hold_created-1', body };
  expect(await send(one, deps)).toEqual({ kind: 'delivered' });
  expect(await send(one, deps)).toEqual({ kind: 'delivered' });
  await expect.poll(() => printed).toEqual(['hold_created: A decision waits for your answer.']);
});

test('the receiver refuses another secret, a body that was changed, what is old, and what is not signed', async () => {
  const one = { url, secret: SECRET, id: 'hold_created-2', body: '{"id":"hold_created-2"}' };
  const refused = { kind: 'failed', why: 'answered 401' };
  expect(await send({ ...one, secret: 'another' }, deps)).toEqual(refused);
  expect(await send(one, { ...deps, now: () => Date.now() - 6 * 60 * 1_000 })).toEqual(refused);
  expect((await ask(url, { method: 'POST', body: one.body })).status).toBe(401);
});

test('the example is a body such as is sent', () => {
  const { proposal_id: id, ...data } = WebhookBody.shape.data.shape;
  expect(id.safeParse('0x2f6e').success).toBe(true);
  const { data: shown, ...rest } = WebhookBody.parse(JSON.parse(example().replaceAll('…', '')));
  expect(Object.keys(shown).toSorted()).toEqual([...Object.keys(data), 'proposal_id'].toSorted());
  expect(rest.id).toBe(`${rest.event}-${shown.hold_id}`);
});

test('the table has every event and what it means', () => {
  const rows = [...page.matchAll(/^\| `([a-z_]+)` +\| (.+?) +\|$/gm)].map(([, event, means]) => [event, means]);
  expect(rows).toEqual(NOTICES.map((event) => [event, NOTICE_WORDS[event]]));
});

test('the waits are those that are told', () => {
  const told = 'about 5 s, 30 s, 3 min, 15 min, 1 h, 6 h and 16 h: eight attempts in a day';
  expect(page.replaceAll('\n', ' ')).toContain(told);
  const HOUR_S = 3_600;
  expect(WAITS_MS.map((ms) => ms / 1_000)).toEqual([5, 30, 180, 900, HOUR_S, 6 * HOUR_S, 16 * HOUR_S]);
});
