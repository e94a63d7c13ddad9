/** A real HTTP server on loopback that answers as a test says and keeps what it was asked. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What to do with a request: an answer, which may have no end, a line cut before or in the middle of one, or silence. */
export type Reply =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body: unknown }
  | 'cut'
  | 'cut in the body'
  | 'no end'
  | 'silence';

export interface PlayBack extends AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
  /** How many answers without an end were left by whoever asked. */
  left(): number;
}

/** Serves until disposed of; `reply` is asked for each request. */
export async function playBack(reply: (request: Received, number: number) => Reply): Promise<PlayBack> {
  const received: Received[] = [];
  let left = 0;
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const entry = { headers: request.headers, body };
      received.push(entry);
      const what = reply(entry, received.length);
      if (what === 'no end') response.once('close', () => (left += 1));
      answer(response, what);
    });
  });
  // Who keeps a line open closes it: a line that is closed at the moment at which it is used again loses a request.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    received,
    left: () => left,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, reply: Reply): void {
  if (reply === 'silence') return;
  if (reply === 'cut') {
    response.socket?.destroy();
    return;
  }
  if (reply === 'cut in the body') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"data":', () => response.socket?.destroy());
    return;
  }
  if (reply === 'no end') {
    response.writeHead(200, { 'content-type': 'application/json' });
    writeOn(response);
    return;
  }
  const isBytes = typeof reply.body === 'string' || Buffer.isBuffer(reply.body);
  const text = isBytes ? reply.body : JSON.stringify(reply.body);
  response.writeHead(reply.status, { 'content-type': 'application/json; charset=utf-8', ...reply.headers });
  response.end(text);
}

const BLANKS = Buffer.alloc(65_536, ' ');

/** Writes for as long as somebody reads. */
export function writeOn(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(BLANKS));
  };
  response.on('drain', more).on('error', () => undefined);
  more();
}

/** The variables of a GraphQL request, checked. */
export function variablesOf<T>(request: Received, shape: z.ZodType<T>): T {
  const { variables } = z.object({ variables: z.unknown() }).parse(JSON.parse(request.body));
  return shape.parse(variables);
}
