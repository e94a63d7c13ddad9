/** The HTTP server around the application: who sends slowly or too much, or does not read its answer, is cut off. */
import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type RequestListener, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { urlOf } from '@quorum/shared/probe';
import { PROBLEM_TYPE, problemOf, type Problem, type ProblemKind } from './problem.ts';

const SECOND_MS = 1_000;
const KB = 1_024;

/** For so long nothing of an answer may get on its way. A slow line takes what it was sent in lumps, so this is ample. */
const UNREAD_MS = 60 * SECOND_MS;
/** As long as any answer may wait for Redis. */
const LAST_ANSWERS_MS = 10 * SECOND_MS;

export type RunningServer = {
  readonly url: string;
  /** Answers what is under way, and cuts what is not answered within so many milliseconds. */
  close(withinMs?: number): Promise<void>;
};

/** Listens on the address; port 0 takes any free one. Rejects where the address is taken. */
export async function listen(
  app: RequestListener,
  host: string,
  port: number,
  unreadMs: number = UNREAD_MS,
): Promise<RunningServer> {
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
  server.setTimeout(unreadMs);
  server.on('request', ({ socket }, response) => {
    latest.set(socket, response);
    // One that has read everything may wait for more: for the end of a run, or for events.
    response.on('timeout', () => {
      if (socket.writableLength > 0) socket.destroy();
    });
  });
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
    close: (withinMs = LAST_ANSWERS_MS) =>
      new Promise((resolve, reject) => {
        // A server that is closing looks after slow senders no more.
        const cut = setTimeout(() => server.closeAllConnections(), withinMs);
        server.close((error) => {
          clearTimeout(cut);
          if (error === undefined) resolve();
          else reject(error);
        });
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
