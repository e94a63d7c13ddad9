/** Bodies are read as express reads them, whichever way a body goes. */
import { once } from 'node:events';
import { connect } from 'node:net';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listen, type RunningServer } from '../server.ts';
import { readJson } from './read-json.ts';

const LIMIT_KB = 1;
let ours: RunningServer;
let theirs: RunningServer;

beforeAll(async () => {
  ours = await serve(readJson(LIMIT_KB));
  theirs = await serve(express.json({ limit: `${LIMIT_KB}kb`, inflate: false }));
});
afterAll(async () => {
  await ours.close();
  await theirs.close();
});

const JSON_TYPE = 'content-type: application/json';
const UMLAUT = Buffer.from('{"a":"ü"}');
const textOf = (length: number): string => `{"a":"${'a'.repeat(length - 8)}"}`;

test.each<[what: string, headers: string[], body: (string | Buffer)[]]>([
  ['an object', [JSON_TYPE], ['{"a":1}']],
  ['one in UTF-8 by its name', [`${JSON_TYPE}; charset=utf-8`], ['{"a":"ü"}']],
  ['one in UTF-8 by its name in capitals', ['content-type: Application/JSON;Charset=UTF-8'], ['{"a":"ü"}']],
  ['one whose letter comes in halves', [JSON_TYPE], [UMLAUT.subarray(0, 7), UMLAUT.subarray(7)]],
  ['a list, after a space', [JSON_TYPE], [' \r\n[1, {"b": [2]}] ']],
  ['a mark of its order of bytes', [JSON_TYPE], ['\uFEFF{"a":1}']],
  ['bytes that are no UTF-8', [JSON_TYPE], [Buffer.from('{"a":"\xff"}', 'latin1')]],
  ['a prototype', [JSON_TYPE], ['{"__proto__":{"a":1}}']],
  ['the longest', [JSON_TYPE], [textOf(1_024)]],
  ['one that is too long', [JSON_TYPE], [textOf(1_025)]],
  ['a text', [JSON_TYPE], ['"a"']],
  ['a number', [JSON_TYPE], ['1']],
  ['null', [JSON_TYPE], ['null']],
  ['one that breaks off', [JSON_TYPE], ['{"a":']],
  ['a space alone', [JSON_TYPE], [' ']],
  ['nothing', [JSON_TYPE], ['']],
  ['another charset', [`${JSON_TYPE}; charset=latin1`], ['{"a":1}']],
  ['UTF-16', [`${JSON_TYPE}; charset=utf-16le`], [Buffer.from('{"a":1}', 'utf16le')]],
  ['another parameter', [`${JSON_TYPE}; v=1`], ['{"a":1}']],
  ['another type', ['content-type: text/plain'], ['{"a":1}']],
  ['one that is packed', [JSON_TYPE, 'content-encoding: gzip'], ['{"a":1}']],
  ['one that says that it is not packed', [JSON_TYPE, 'content-encoding: identity'], ['{"a":1}']],
])('%s', async (_what, headers, body) => {
  const length = body.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  const sent = [[...headers, `content-length: ${length}`], body] as const;
  const answer = await send(ours, ...sent);
  expect(answer).toEqual(await send(theirs, ...sent));
  expect(answer).toMatch(/^(200|4\d\d) /);
});

test.each([
  ['an object', '7\r\n{"a":1}\r\n0\r\n\r\n'],
  ['one that is too long', `401\r\n${textOf(1_025)}\r\n0\r\n\r\n`],
])('%s in chunks', async (_what, body) => {
  const sent = [[JSON_TYPE, 'transfer-encoding: chunked'], [body]] as const;
  expect(await send(ours, ...sent)).toEqual(await send(theirs, ...sent));
});

async function serve(read: RequestHandler): Promise<RunningServer> {
  const refuse: ErrorRequestHandler = (error: { readonly status?: number }, _request, response, _next) => {
    response.status(error.status ?? 500).end();
  };
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.post('/', read, (request, response) => {
    const body: unknown = request.body;
    response.end(JSON.stringify({ body }));
  });
  app.use(refuse);
  return await listen(app, '127.0.0.1', 0);
}

/** What is answered: the status, and the body. */
async function send({ url }: RunningServer, headers: readonly string[], body: readonly (string | Buffer)[]) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
  const closed = once(socket, 'close');
  socket.write(['POST / HTTP/1.1', 'host: a', 'connection: close', ...headers, '', ''].join('\r\n'));
  for (const piece of body) {
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(piece);
  }
  await closed;
  const [head = '', ...text] = received.split('\r\n\r\n');
  return `${head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)} ${text.join('')}`;
}
