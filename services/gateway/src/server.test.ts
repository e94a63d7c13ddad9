/** What is said to requests that never get as far as the application. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Problem } from './problem.ts';
import { listen, type RunningServer } from './server.ts';

let server: RunningServer;

/** Begins an answer, and leaves it to the test to end the connection. */
const app: RequestListener = (_request, response) => void response.writeHead(200).write('begun');

beforeAll(async () => {
  server = await listen(app, '127.0.0.1', 0);
});

afterAll(() => server.close());

function open() {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
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
