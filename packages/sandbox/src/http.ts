/**
 * What an endpoint is here: a function from a request to an answer, so that faults, the in-flight guard and the log can be
 * put around it, and so that "stored, then the line was cut" is an answer like any other.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Response } from 'express';

export type EndpointName = 'hub' | 'sequencer' | 'model';

export type SandboxRequest = {
  readonly method: string;
  /** Path with its query string, as it came. */
  readonly url: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whom the request comes from, as the real servers take it: what a proxy in front says, else the socket's other end. */
  readonly ip: string;
  /** Whoever would rather have HTML than JSON is a person with a browser. */
  readonly prefersPage: boolean;
  /** The text as it came; '' where there was none or its content type is not JSON. A form's fields are in `body` alone. */
  readonly text: string;
  /** `text` parsed, or a form's fields; `{}` where there is neither. */
  readonly body: unknown;
  /** What is to fail in the endpoint itself; set by a fault. */
  readonly fails?: 'pinning' | 'maintenance' | 'database';
};

export type Reply = {
  readonly kind: 'reply';
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as it is (HTML), anything else as JSON. */
  readonly body: unknown;
};
/** The connection ends without an answer. */
type Cut = { readonly kind: 'cut' };
export type Answer = Reply | Cut;

export type Handler = (request: SandboxRequest) => Answer | Promise<Answer>;

/** Anyone's page may read what hub and sequencer answer. */
export const CORS = { 'access-control-allow-origin': '*' };

/** What a browser asks before it sends: answered for every path of hub and sequencer, uncounted. */
export function preflight({ headers }: SandboxRequest): Reply {
  return reply(204, '', {
    ...CORS,
    'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE',
    'access-control-allow-headers': headers['access-control-request-headers'] ?? 'content-type,x-api-key',
    'access-control-max-age': '86400',
    vary: 'Access-Control-Request-Headers',
  });
}

export function reply(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return { kind: 'reply', status, headers, body };
}

/** Waits, but no longer than the sandbox lives. */
export async function pause(ms: number, closing: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal: closing });
  } catch (error) {
    // The sandbox closes: whoever waits here has nobody left to answer.
    if (!closing.aborted) throw error;
  }
}

/** The page that express and body-parser answer with where a body cannot be read: the real servers send HTML there too. */
export function htmlError(status: number, text: string): Reply {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;').replaceAll('"', '&quot;');
  const page = `<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n<pre>${safe}</pre>\n</body>\n</html>\n`;
  return reply(status, page, { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff' });
}

/** Reads what express received; a body that is not JSON is an answer already. */
export function readRequest(request: Request): SandboxRequest | Reply {
  const received: unknown = request.body;
  const text = typeof received === 'string' ? received : '';
  const headers = headersOf(request);
  const ip = addressOf(headers, request.socket.remoteAddress);
  const { method, originalUrl: url, query } = request;
  const prefersPage = request.accepts(['json', 'html']) === 'html';
  const base = { method, url, query, headers, ip, prefersPage, text };
  if (text === '') return { ...base, body: typeof received === 'object' && received !== null ? received : {} };
  // As body-parser's strict mode: an object or an array, no bare value, whose first sign it complains about.
  const first = text.trimStart().charAt(0);
  if (first !== '' && first !== '{' && first !== '[') {
    return htmlError(400, `SyntaxError: Unexpected token '${first}', ${excerpt(text)} is not valid JSON`);
  }
  try {
    const body: unknown = JSON.parse(text);
    return { ...base, body };
  } catch (error) {
    return htmlError(400, String(error));
  }
}

/** As much of a text as the JSON parser's message shows of one that is wrong at its beginning. */
function excerpt(text: string): string {
  return text.length > 20 ? `"${text.slice(0, 10)}"...` : `"${text}"`;
}

function headersOf(request: Request): Record<string, string> {
  const pairs = Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]);
  return Object.fromEntries(pairs);
}

/** The first of these headers that is there wins; of a list of proxies, the first address. */
function addressOf(headers: Readonly<Record<string, string>>, socket: string | undefined): string {
  const said = headers['cf-connecting-ip'] ?? headers['x-real-ip'] ?? headers['x-forwarded-for'] ?? socket ?? '';
  return said.split(',')[0]?.trim() ?? '';
}

/** Sends the answer, or ends the connection. */
export function send(answer: Answer, response: Response): void {
  if (answer.kind === 'cut') {
    response.destroy();
    return;
  }
  response.status(answer.status).set({ ...answer.headers });
  if (typeof answer.body === 'string') response.end(answer.body);
  else response.json(answer.body);
}
