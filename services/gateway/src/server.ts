/** The HTTP server around the application: who sends slowly or too much is cut off. */
import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type RequestListener, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { urlOf } from '@quorum/shared/probe';
import { PROBLEM_TYPE, problemOf, type Problem, type ProblemKind } from './problem.ts';

const SECOND_MS = 1_000;
const KB = 1_024;

export type RunningServer = { readonly url: string; close(): Promise<void> };

/** Listens on the address; port 0 takes any free one. Rejects where the address is taken. */
export async function listen(app: RequestListener, host: string, port: number): Promise<RunningServer> {
  const server = createServer(
    {
      headersTimeout: 5 * SECOND_MS,
      requestTimeout: 10 * SECOND_MS,
      keepAliveTimeout: 5 * SECOND_MS,
      connectionsCheckingInterval: SECOND_MS,
      maxHeaderSize: 16 * KB,
    },
    app,
  );
  const latest = new WeakMap<Duplex, ServerResponse>();
  server.on('request', ({ socket }, response) => latest.set(socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = latest.get(socket);
    // What was begun is not to be mixed with anything else.
    const isAnswering = response !== undefined && response.headersSent && !response.writableEnded;
    if (!socket.writable || isAnswering || error.code === 'ECONNRESET') socket.destroy();
    else socket.end(refusalOf(error), () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    url: urlOf(server.address(), host),
    // Answers what is under way, and drops connections that wait for nothing.
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
      }),
  };
}

/** What is said to a request that never got as far as the application, in HTTP as it goes over the line. */
function refusalOf({ code }: NodeJS.ErrnoException): string {
  const said = problemOf(kindOf(code));
  const id = randomUUID();
  const body = JSON.stringify({ ...said, request_id: id } satisfies Problem);
  return [
    `HTTP/1.1 ${said.status} ${STATUS_CODES[said.status] ?? ''}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${id}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

function kindOf(code: string | undefined): ProblemKind {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers-too-large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request-too-slow' : 'malformed-request';
}
