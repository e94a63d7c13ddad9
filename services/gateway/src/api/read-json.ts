/**
 * Reads the JSON of a request. The plain one, in UTF-8, not compressed and of a length that is said and allowed, is read here. Whatever
 * is anything else, or cannot be read, goes the way of express, which looks at all that a body may be and says what is wrong with it.
 */
import express, { type Request, type RequestHandler } from 'express';

const KB = 1_024;
const PLAIN = /^application\/json(?:; ?charset=utf-8)?$/i;

/** As `express.json` with this limit. */
export function readJson(limitKb: number): RequestHandler {
  const byExpress = express.json({ limit: `${limitKb}kb`, inflate: false });
  return async (request, response, next) => {
    if (!isPlain(request, limitKb * KB)) return byExpress(request, response, next);
    // By a promise, which keeps to the trace of the request.
    request.body = await bodyOf(request);
    next();
  };
}

/** Whether the body needs nothing but to be read. One that is empty is said to be no JSON in one way and an object in another. */
function isPlain({ headers, readableEnded, destroyed }: Request, limit: number): boolean {
  const length = Number(headers['content-length'] ?? 0);
  return (
    length > 0 &&
    length <= limit &&
    headers['content-encoding'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    PLAIN.test(headers['content-type'] ?? '') &&
    !readableEnded &&
    !destroyed
  );
}

async function bodyOf(request: Request): Promise<unknown> {
  const chunks: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // The server sees to it that neither more nor less comes than was announced.
  request
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .once('end', resolve)
    .once('error', reject);
  try {
    await promise;
    return objectOf(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    // As a body parser says that it cannot be read: the request is at fault.
    throw Object.assign(new Error('The body cannot be read', { cause: error }), { status: 400 });
  }
}

/** What begins with neither bracket is no body of ours, though it may be JSON. */
function objectOf(text: string): unknown {
  const bare = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const parsed: unknown = JSON.parse(bare);
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('It is neither an object nor a list');
  return parsed;
}
