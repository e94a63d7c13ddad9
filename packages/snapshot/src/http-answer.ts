/**
 * What an HTTP exchange with Snapshot's servers says outside the protocol's own words: bodies that may be JSON, an object
 * where a text should be, or a proxy's HTML page; a `Retry-After`; a connection that broke.
 */

/** A server's `error_description` as text: it can be an object, and the body of a proxy's page can be HTML. */
export function refusalText(body: string): string {
  const parsed = parseJson(body);
  if (parsed === undefined) return htmlText(body);
  const description = field(parsed, 'error_description') ?? field(parsed, 'error') ?? parsed;
  return typeof description === 'string' ? description : JSON.stringify(description);
}

/** The words of an HTML page on one line, for an error message. */
function htmlText(body: string): string {
  return body
    .slice(0, 10_000)
    .replace(/<(style|script)\b.*?<\/\1>/gis, ' ')
    .replace(/<[^>]*>/g, ' ')
    .trim();
}

/** The JSON value of a text, or undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: that is an answer of its own kind here, an HTML page mostly.
    return undefined;
  }
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

/**
 * Seconds to wait by a `Retry-After` header, which holds seconds or an HTTP date; undefined where it is absent or unreadable.
 */
export function retryAfterS(headers: Headers, nowMs: number = Date.now()): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

/** True for what AbortSignal.timeout makes fetch throw. */
export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

/**
 * What a failed fetch was about. fetch rejects with a TypeError when a connection cannot be made or breaks, in the middle of
 * the body too; its cause has the system's word for it (ECONNREFUSED, other side closed).
 */
export function networkText(error: TypeError): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** System errors that come before a connection stands: not one byte of the request has left. */
const NEVER_SENT = new Set<unknown>(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

/** True where fetch failed before anything was sent. False says nothing: the request may have arrived. */
export function wasNeverSent(error: TypeError): boolean {
  return NEVER_SENT.has(field(error.cause, 'code'));
}
