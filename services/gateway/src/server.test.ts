/** What is said to requests that never get as far as the application, and what becomes of clients that do not read. */
import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { Problem } from './problem.ts';
import { listen, type RunningServer } from './server.ts';

let server: RunningServer;

/** Begins an answer, and leaves it to the test to end the connection. */
const app: RequestListener = (_request, response) => void response.writeHead(200).write('begun');

beforeAll(async () => {
  server = await listen(app, '127.0.0.1', 0);
});

afterAll(() => server.close());

function open({ url }: RunningServer = server) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { socket, text: () => text };
}

const HEAD = 'GET / HTTP/1.1\r\nHost: localhost\r\n';

test.each([
  ['is no HTTP', 'NONSENSE\r\n\r\n', 400, 'malformed-request'],
  ['has a header without a name', `${HEAD}: x\r\n\r\n`, 400, 'malformed-request'],
  ['has two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400, 'malformed-request'],
  ['has too large a header', `${HEAD}X-Large: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
  ['does not end', HEAD, 408, 'request-too-slow'],
] as const)('what %s is a problem as any other', async (_what, sent, status, kind) => {
  const { socket, text } = open();
  socket.write(sent);
  await once(socket, 'close');
  const [head = '', body = ''] = text().split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\\r\\nContent-Type: application/problem\\+json\\r\\n`));
  const problem = Problem.parse(JSON.parse(body));
  expect(problem).toMatchObject({ type: `/problems/${kind}`, status });
  expect(head).toContain(`X-Request-Id: ${problem.request_id}\r\n`);
});

test('an answer that has begun is cut, and nothing is mixed into it', async () => {
  const { socket, text } = open();
  socket.write(`${HEAD}\r\n`);
  await expect.poll(text).toContain('begun');
  socket.write('NONSENSE\r\n\r\n');
  await once(socket, 'close');
  expect(text().match(/HTTP\/1\.1/g)).toHaveLength(1);
});

/** Far more than any buffer of the system takes. */
const MUCH = Buffer.alloc(64 * 1_024 * 1_024, 'x');

/** A server whose answers the test gives, and a client that asks for one: a slow one does not read it. */
async function standOf(unreadMs: number) {
  const waiting: ((response: ServerResponse) => void)[] = [];
  const running = await listen((_request, response) => waiting.shift()?.(response), '127.0.0.1', 0, unreadMs);
  return {
    running,
    async ask({ reads }: { readonly reads: boolean }): Promise<{
      readonly socket: Socket;
      readonly text: () => string;
      readonly response: ServerResponse;
    }> {
      const asked = Promise.withResolvers<ServerResponse>();
      waiting.push(asked.resolve);
      const { socket, text } = open(running);
      // Where it is cut with bytes that it has not read.
      socket.on('error', () => undefined);
      if (!reads) socket.pause();
      socket.write(`${HEAD}\r\n`);
      return { socket, text, response: await asked.promise };
    },
  };
}

test('a client that does not read its answer is cut, one that waits for its answer is not', async () => {
  const { running, ask } = await standOf(100);
  const patient = await ask({ reads: true });
  const slow = await ask({ reads: false });
  slow.response.end(MUCH);
  await once(slow.response, 'close');
  expect(slow.response.writableFinished).toBe(false);
  // It came before the other one, and has waited for longer.
  patient.response.end('at last');
  await expect.poll(patient.text, PATIENT).toContain('at last');
  slow.socket.destroy();
  patient.socket.destroy();
  await running.close();
});

test('a server that stops finishes what is read, and waits for nobody else for longer than it is let', async () => {
  const { running, ask } = await standOf(60_000);
  const good = await ask({ reads: true });
  const slow = await ask({ reads: false });
  // As a long chain of records: there is more to come.
  slow.response.write(MUCH);
  const stopped = running.close(1_000);
  good.response.end('at last');
  await stopped;
  expect(good.text()).toContain('at last');
  expect(slow.response.writableFinished).toBe(false);
  slow.socket.destroy();
});
