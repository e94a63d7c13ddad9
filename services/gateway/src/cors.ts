/**
 * Pages of other origins, which are refused unless the operator names them (CORS_ORIGINS). One that is named may do what its key
 * may; the pages of Bull Board are for this origin alone.
 */
import type { RequestHandler } from 'express';
import { refuseForeignPages } from './access.ts';
import { isOfBoard } from './board.ts';

const METHODS = 'DELETE, GET, HEAD, PATCH, POST, PUT';
const REQUEST_HEADERS = 'authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, prefer';
const ANSWER_HEADERS =
  'content-location, etag, location, preference-applied, ratelimit, ratelimit-policy, retry-after, x-request-id';
/** For how long a browser need not ask again. */
const MAX_AGE_S = 600;

/** Lets in what comes from no page, from this gateway's own, or from one of these origins; asked for each request. */
export function admitPages(origins: () => readonly string[]): RequestHandler {
  return (request, response, next) => {
    const { origin } = request.headers;
    // Nothing before says what an answer varies by.
    response.setHeader('vary', 'Origin');
    if (origin === undefined || isOfBoard(request.path) || !origins().includes(origin)) {
      refuseForeignPages(request, response, next);
      return;
    }
    response.set('access-control-allow-origin', origin);
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
      response.set({
        'access-control-allow-methods': METHODS,
        'access-control-allow-headers': REQUEST_HEADERS,
        'access-control-max-age': String(MAX_AGE_S),
      });
      response.status(204).end();
      return;
    }
    response.set('access-control-expose-headers', ANSWER_HEADERS);
    next();
  };
}
