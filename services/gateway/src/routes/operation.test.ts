/** What anybody may ask, however often; the API's document and its page, in a real browser where there is one. */
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { keys } from '@quorum/shared/redis-keys';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { chromiumPath, openBrowser } from '../../../../test/chromium.ts';
import { PATIENT } from '../../../../test/patience.ts';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, openGateway, type Gateway } from '../../test/stand.ts';
import { PAGE_POLICY } from '../api/page.ts';

let redis: TestRedis;
let gateway: Gateway;

beforeAll(async () => {
  redis = await startTestRedis();
  gateway = await openGateway(redis.url);
});

afterAll(async () => {
  await gateway.stop();
  await redis.stop();
});

describe('asked by many at a time, without a key and without a limit,', () => {
  const ASKING = 200;
  let own: TestRedis;
  let asked: Gateway;
  let saying: Redis;
  let monitor: Redis;
  let seen: string[] = [];
  beforeAll(async () => {
    own = await startTestRedis();
    saying = new Redis(own.url);
    monitor = await saying.monitor();
    monitor.on('monitor', (_time: string, args: readonly string[]) => seen.push(args.join(' ')));
    // Its heartbeat looks at the queues too: at the start, and then for 15 s no more.
    asked = await openGateway(own.url, { HEARTBEAT_S: '15' });
    await vi.waitUntil(() => seen.some((line) => line.startsWith(`set ${keys.heartbeat('gateway', '')}`)), PATIENT);
  });
  afterAll(async () => {
    for (const connection of [saying, monitor]) connection.disconnect();
    await asked.stop();
    await own.stop();
  });

  /** What Redis was asked, during this, of the jobs that are next: a part of each look, and of nothing else. */
  async function looked(during: () => Promise<void>): Promise<number> {
    seen = [];
    await during();
    // What comes to the monitor after a word said now was not asked before.
    const word = randomUUID();
    await saying.echo(word);
    await vi.waitUntil(() => seen.some((line) => line.includes(word)), PATIENT);
    return seen.filter((line) => line.includes('agent-run:prioritized')).length;
  }

  /**
   * Asks on as many connections, each accepted beforehand, in one go: all requests have arrived before the loop turns to what Redis
   * answers, on a machine however slow. Gives the answers as they came.
   */
  async function askAtOnce(path: string): Promise<string[]> {
    const { hostname, port } = new URL(asked.url);
    const accepted = Promise.withResolvers<void>();
    let open = 0;
    const count = (): void => {
      open += 1;
      if (open === ASKING) accepted.resolve();
    };
    subscribe('net.server.socket', count);
    const sockets = Array.from({ length: ASKING }, () => connect(Number(port), hostname));
    const connected = Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await Promise.all([connected, accepted.promise]);
    unsubscribe('net.server.socket', count);
    const answers = sockets.map((socket) => text(socket));
    for (const socket of sockets)
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\n\r\n`);
    return Promise.all(answers);
  }

  test.each(['/health', '/metrics'])('GET %s looks once for all of them', async (path) => {
    const alone = async (): Promise<void> => void (await ask(asked.url + path));
    // What is asked once in a life is asked by now.
    await alone();
    const oneLook = await looked(alone);
    expect(oneLook).toBeGreaterThan(0);
    let answers: string[] = [];
    const looksOfAll = await looked(async () => {
      answers = await askAtOnce(path);
    });
    expect(new Set(answers.map((answer) => /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])).size).toBe(1);
    expect(new Set(answers.map((answer) => /^x-request-id: (.+)\r$/im.exec(answer)?.[1])).size).toBe(ASKING);
    expect(looksOfAll).toBe(oneLook);
    // One that comes later is looked for anew.
    expect(await looked(alone)).toBe(oneLook);
  });
});

test('GET /openapi.json is the document that is committed', async () => {
  const { status, json } = await ask(`${gateway.url}/openapi.json`);
  expect(status).toBe(200);
  expect(json).toEqual(JSON.parse(await readFile(new URL('../../openapi.json', import.meta.url), 'utf8')));
});

test('GET /docs may do nothing but look as it does', async () => {
  const { status, headers, text: page } = await ask(`${gateway.url}/docs`);
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': PAGE_POLICY,
    'x-content-type-options': 'nosniff',
  });
  expect(page).toContain('Start a run');
});

const executable = await chromiumPath();
const title = executable === null ? 'in a browser (skipped: no Chromium; apt-get install chromium)' : 'in a browser';

describe.skipIf(executable === null)(title, () => {
  test('GET /docs is a page with its style, and asks nobody for anything', async () => {
    if (executable === null) throw new Error('There is no browser.');
    const browser = await openBrowser(executable);
    try {
      await browser.goto(`${gateway.url}/docs`);
      // As the style has it, which a policy that does not fit would forbid.
      const display = "getComputedStyle(document.querySelector('code.route')).display";
      expect(await browser.evaluate(display)).toBe('block');
      const asked = "performance.getEntriesByType('resource').map(({ name }) => name)";
      const loaded = z.array(z.string()).parse(await browser.evaluate(asked));
      expect(loaded.filter((url) => !url.endsWith('/favicon.ico'))).toEqual([]);
      await browser.goto(`${gateway.url}/docs#startRun`);
      expect(await browser.evaluate("document.querySelector(':target h3').textContent")).toBe('Start a run');
      const picture = process.env['DOCS_PICTURE'];
      if (picture !== undefined) await browser.screenshot(picture);
    } finally {
      await browser.close();
    }
  });
});
