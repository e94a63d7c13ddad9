/**
 * `fetch` for clients that ask the same few servers all the time and read each answer whole. It answers and fails as the platform's
 * own does (a TypeError with its cause, the signal's reason, a `Response`), and takes a third of its CPU: no streams, no request
 * object, no second signal. On `node:http`, whose global agents keep connections for five seconds and go by a proxy where Node is
 * told to.
 *
 * It follows no redirect: `redirect: 'error'` makes one an error, anything else gives it to the caller as it is.
 */
import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';
import { promisify } from 'node:util';
import { brotliDecompress, inflate, unzip } from 'node:zlib';
import { WholeAnswer } from './whole-answer.ts';

/** As long as the platform's own waits for a connection. */
const CONNECT_MS = 10_000;
/** Answers without a body: a `Response` refuses one. */
const EMPTY: ReadonlySet<number> = new Set([204, 205, 304]);

const OPENERS: Readonly<Record<string, (body: Buffer) => Promise<Buffer>>> = {
  gzip: promisify(unzip),
  'x-gzip': promisify(unzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** A request whose body, if any, is text. Rejects with a TypeError for what the network does, and with the signal's reason. */
export async function lightFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  const { method = 'GET', body = null, signal, redirect } = init;
  if (body !== null && typeof body !== 'string') throw new TypeError('The body of this request is no text');
  signal?.throwIfAborted();
  try {
    const { answer, bytes } = await exchange(url, { method, headers: headersOf(init.headers, body), body, signal });
    const status = answer.statusCode ?? 0;
    if (redirect === 'error' && status >= 300 && status < 400 && answer.headers.location !== undefined) {
      throw new Error('unexpected redirect');
    }
    const { statusMessage: statusText = '' } = answer;
    const headers = new Headers(pairs(answer.rawHeaders));
    if (EMPTY.has(status)) return new Response(null, { status, statusText, headers });
    return new WholeAnswer({
      status,
      statusText,
      headers,
      bytes: await open(bytes, answer.headers['content-encoding']),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TypeError('fetch failed', { cause });
  }
}

type Exchange = {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | null;
  readonly signal: AbortSignal | null | undefined;
};

function exchange(
  url: URL,
  { method, headers, body, signal }: Exchange,
): Promise<{ readonly answer: IncomingMessage; readonly bytes: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ answer: IncomingMessage; bytes: Buffer }>();
  const send = url.protocol === 'https:' ? secureRequest : plainRequest;
  const request = send(url, { method, headers }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.once('end', () => resolve({ answer, bytes: Buffer.concat(chunks) }));
    answer.once('error', reject);
  });
  const end = (): void => void request.destroy();
  signal?.addEventListener('abort', end, { once: true });
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    const late = setTimeout(() => {
      request.destroy(Object.assign(new Error('Connect Timeout Error'), { code: 'UND_ERR_CONNECT_TIMEOUT' }));
    }, CONNECT_MS);
    socket.once('connect', () => clearTimeout(late)).once('close', () => clearTimeout(late));
  });
  request.on('error', reject);
  request.end(body ?? undefined);
  return promise.finally(() => signal?.removeEventListener('abort', end));
}

/** With what the platform's own adds: some servers refuse whoever does not say what it is. */
function headersOf(given: RequestInit['headers'], body: string | null): Record<string, string | number> {
  const added = { accept: '*/*', 'user-agent': 'node', 'accept-encoding': 'gzip, deflate, br' };
  const length = body === null ? {} : { 'content-length': Buffer.byteLength(body) };
  return { ...added, ...Object.fromEntries(given instanceof Headers ? given : new Headers(given)), ...length };
}

async function open(bytes: Buffer, encodings: string | undefined): Promise<Buffer> {
  let opened = bytes;
  for (const encoding of (encodings ?? '').toLowerCase().split(',').toReversed()) {
    const opener = OPENERS[encoding.trim()];
    if (opener !== undefined && opened.length > 0) opened = await opener(opened);
  }
  return opened;
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : []));
}
