/** The line of a request: what it holds, and what it never does. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultOfLine } from '@quorum/shared/log-events';
import { createLogger, type Logger } from '@quorum/shared/log';
import express, { Router } from 'express';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { PATIENT } from '../../../test/patience.ts';
import { ask } from '../test/stand.ts';
import { foreignApp } from './foreign-app.ts';
import { logRequests } from './log-requests.ts';
import { answerProblem } from './problem.ts';
import { listen, type RunningServer } from './server.ts';

const SECRET = 'a-secret-of-the-settings';
let folder: string;
let fd: number;
let log: Logger;
let server: RunningServer;
let seen = 0;
let came: () => void;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quorum-log-requests-'));
  fd = openSync(join(folder, 'log'), 'a', 0o600);
  log = createLogger('gateway', 'info', { fd, secrets: [SECRET] });
  const app = express();
  app.use(logRequests(app, log));
  app.get('/broken', () => {
    throw new Error('broken');
  });
  const foreign = express().get('/foreign', () => {
    throw new Error('broken');
  });
  app.use(Router().use(foreignApp(foreign)));
  app.get('/slow', () => came());
  app.use((request, response) => {
    if (request.query['says'] !== undefined) request.log.info('settings are unchanged');
    response.json({ id: request.id });
  });
  app.use(answerProblem);
  server = await listen(app, '127.0.0.1', 0);
});
afterAll(async () => {
  await server.close();
  closeSync(fd);
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  log.level = 'info';
  seen = all().length;
});

const Line = z.record(z.string(), z.unknown());
const all = (): string[] =>
  readFileSync(join(folder, 'log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '');

/** What is written of a request, once there are so many lines. */
async function linesOf(path: string, lines: number, headers: Record<string, string> = {}) {
  const answer = await ask(`${server.url}${path}`, { headers });
  await expect.poll(() => all().length - seen, PATIENT).toBe(lines);
  const texts = all().slice(seen);
  for (const text of texts) expect(faultOfLine(text)).toBeNull();
  return { answer, text: texts.join('\n'), written: texts.map((text) => Line.parse(JSON.parse(text))) };
}

test('names the request as its answer does, and says what was asked and answered', async () => {
  const { answer, written } = await linesOf('/a/b?key=hunter2', 1, { authorization: 'Bearer hunter2' });
  const id = answer.headers['x-request-id'];
  expect(answer.json).toEqual({ id });
  expect(written).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      service: 'gateway',
      request_id: id,
      req: { method: 'GET', path: '/a/b' },
      res: { status: 200 },
      duration_ms: expect.any(Number),
      msg: 'request answered',
    },
  ]);
});

test.each([
  ['a long segment', `/${'k'.repeat(41)}/x`, '/…/x'],
  ['a key', '/qk_0123456789/x', '/[redacted]/x'],
  ['a secret setting', `/${SECRET}`, '/[redacted]'],
  ['what names a secret', '/password=hunter2/x', '/password=[redacted]'],
])('shows nothing of a path that may be one: %s', async (_what, path, shown) => {
  const { written } = await linesOf(path, 1);
  expect(written[0]?.['req']).toEqual({ method: 'GET', path: shown });
});

test.each([
  ['ours', '/broken'],
  ['an application among our routes', '/foreign'],
])('a fault is told with its error, and what is said meanwhile names the request too: %s', async (_whose, path) => {
  const { answer, written } = await linesOf(path, 2);
  expect(answer).toMatchObject({ status: 500, json: { type: '/problems/internal' } });
  const request_id = answer.headers['x-request-id'];
  expect(written).toEqual([
    expect.objectContaining({ level: 'error', request_id, msg: 'request failed' }),
    expect.objectContaining({
      level: 'warn',
      request_id,
      res: { status: 500 },
      err: expect.objectContaining({ message: 'failed with status code 500' }),
      msg: 'request not answered',
    }),
  ]);
});

test('a client that goes before its answer begins was not answered', async () => {
  const gone = new AbortController();
  came = () => gone.abort();
  await expect(fetch(`${server.url}/slow`, { signal: gone.signal })).rejects.toThrow();
  await expect.poll(() => all().length - seen, PATIENT).toBe(1);
  const text = all()[seen] ?? '';
  expect(faultOfLine(text)).toBeNull();
  expect(Line.parse(JSON.parse(text))).toMatchObject({
    level: 'info',
    req: { method: 'GET', path: '/slow' },
    res: {},
    err: { type: 'Error', message: 'the connection closed before the answer began' },
    msg: 'request not answered',
  });
});

test('probes and scrapes are left out, and everything by the level as it is now', async () => {
  for (const path of ['/metrics', '/health', '/health/ready']) await linesOf(path, 0);
  log.level = 'warn';
  await linesOf('/a', 0);
  log.level = 'info';
  const { answer, written } = await linesOf('/b?says', 2);
  expect(written.map(({ msg, request_id }) => [msg, request_id])).toEqual([
    ['settings are unchanged', answer.headers['x-request-id']],
    ['request answered', answer.headers['x-request-id']],
  ]);
});
