/**
 * `fetch` for clients that ask the same few servers all the time and read each answer whole. It answers and fails as the platform's
 * own does (a TypeError with its cause, the signal's reason, a `Response`), and takes a third of its CPU: no streams, no request
 * object, no second signal. On `node:http`, whose global agents keep connections for five seconds and go by a proxy where Node is
 * told to.
 *
 * It follows no redirect: `redirect: 'error'` makes one an error, anything else gives it to the caller as it is. It reads no more than
 * whoever makes it says: a server that is broken or hostile would fill the memory until the time is up.
 */
import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';
import { promisify } from 'node:util';
import { brotliDecompress, inflate, unzip, type BrotliOptions, type ZlibOptions } from 'node:zlib';
import { WholeAnswer } from './whole-answer.ts';

/** As long as the platform's own waits for a connection. */
const CONNECT_MS = 10_000;
/** Answers without a body: a `Response` refuses one. */
const EMPTY: ReadonlySet<number> = new Set([204, 205, 304]);

type Opener = (body: Buffer, limits: { readonly maxOutputLength: number }) => Promise<Buffer>;
const OPENERS: Readonly<Record<string, Opener>> = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(unzip),
  'x-gzip': promisify<Buffer, ZlibOptions, Buffer>(unzip),
  deflate: promisify<Buffer, ZlibOptions, Buffer>(inflate),
  br: promisify<Buffer, BrotliOptions, Buffer>(brotliDecompress),
};

export type LightFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** An answer went on beyond what its reader takes. The cause of a TypeError, as is all that happens on the line. */
class AnswerTooLargeError extends Error {
  override readonly name = 'AnswerTooLargeError';
  readonly code = 'ANSWER_TOO_LARGE';

  constructor(maxBytes: number) {
    super(`the answer is larger than ${maxBytes} bytes, and was not read to its end`);
  }
}

/**
 * Makes a `fetch` that leaves an answer, and closes its connection, where the body has more than `maxBytes`: as it comes, and as it is
 * once it is decompressed. What a header says of its length is not asked.
 */
export function lightFetch(maxBytes: number): LightFetch {
  return (input, init = {}) => fetchWhole(input, init, maxBytes);
}

/** A request whose body, if any, is text. Rejects with a TypeError for what the network does, and with the signal's reason. */
async function fetchWhole(input: string | URL | Request, init: RequestInit, maxBytes: number): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  const { method = 'GET', body = null, signal, redirect } = init;
  if (body !== null && typeof body !== 'string') throw new TypeError('The body of this request is no text');
  signal?.throwIfAborted();
  try {
    const { answer, bytes } = await exchange(url, {
      method,
      headers: headersOf(init.headers, body),
      body,
      signal,
      maxBytes,
    });
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
      bytes: await open(bytes, answer.headers['content-encoding'], maxBytes),
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
  readonly maxBytes: number;
};

function exchange(
  url: URL,
  { method, headers, body, signal, maxBytes }: Exchange,
): Promise<{ readonly answer: IncomingMessage; readonly bytes: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ answer: IncomingMessage; bytes: Buffer }>();
  const send = url.protocol === 'https:' ? secureRequest : plainRequest;
  const request = send(url, { method, headers }, (answer) => {
    const chunks: Buffer[] = [];
    let read = 0;
    answer.on('data', (chunk: Buffer) => {
      read += chunk.length;
      if (read <= maxBytes) return void chunks.push(chunk);
      // Not by the request: nobody hears the socket of an answer that has come whole, and an error of it would end the process.
      reject(new AnswerTooLargeError(maxBytes));
      request.destroy();
    });
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

async function open(bytes: Buffer, encodings: string | undefined, maxBytes: number): Promise<Buffer> {
  let opened = bytes;
  for (const encoding of (encodings ?? '').toLowerCase().split(',').toReversed()) {
    const opener = OPENERS[encoding.trim()];
    if (opener === undefined || opened.length === 0) continue;
    opened = await opener(opened, { maxOutputLength: maxBytes }).catch((error: unknown) => {
      throw isTooLarge(error) ? new AnswerTooLargeError(maxBytes) : error;
    });
  }
  return opened;
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : []));
}
