/**
 * A client that costs next to nothing beside what it asks: a connection that is kept, over which one request goes after the other, as
 * text that was put together before. It knows of HTTP what these two servers answer: a status and a body of a length that is said.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

export type Line = Disposable & {
  /** Sends a request and waits for its answer; rejects where the connection is cut. One at a time. */
  readonly ask: (request: string) => Promise<{ readonly status: number; readonly body: string }>;
  readonly close: () => void;
};

const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;
const HEAD_END = '\r\n\r\n';

export async function openLine({ hostname, port }: URL): Promise<Line> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true }).setEncoding('latin1');
  await once(socket, 'connect');
  let received = '';
  let waiting: PromiseWithResolvers<{ status: number; body: string }> | null = null;
  socket.on('data', (chunk: string) => {
    received += chunk;
    const head = received.indexOf(HEAD_END);
    if (head < 0) return;
    const begins = head + HEAD_END.length;
    const ends = begins + Number(LENGTH.exec(received.slice(0, begins))?.[1] ?? 0);
    if (received.length < ends) return;
    const status = Number(received.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    const body = received.slice(begins, ends);
    received = received.slice(ends);
    waiting?.resolve({ status, body });
  });
  const fail = (): void => waiting?.reject(new Error('The connection was cut.'));
  socket.on('error', fail).on('close', fail);
  return {
    ask(request) {
      waiting = Promise.withResolvers();
      socket.write(request);
      return waiting.promise;
    },
    close: () => socket.destroy(),
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** A `POST` of this JSON. */
export function postOf(path: string, body: unknown, headers: Readonly<Record<string, string>>): string {
  const text = JSON.stringify(body);
  const all = {
    host: '127.0.0.1',
    'content-type': 'application/json',
    'content-length': String(text.length),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}
