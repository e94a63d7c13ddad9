/**
 * The span of a request. Its trace is named by the id of the request, and a run that the request starts has that id too: so one id
 * leads from the answer to the vote.
 *
 * What only reads is not traced: it is asked for again and again, and metrics count it. A ranking is, since it has a job of its own.
 */
import { RunId } from '@quorum/shared/ids';
import { firstSpanOf, parseTraceparent, within } from '@quorum/shared/trace-context';
import type { Traces } from '@quorum/shared/traces';
import type { RequestHandler } from 'express';
import { routeOf } from './metrics.ts';
import { requestIdOf } from './problem.ts';

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
const TRACED_READS = new Set(['/proposals']);
const METHODS = new Set([...READS, 'DELETE', 'PATCH', 'POST', 'PUT']);
const SERVER_ERROR = 500;

/** Puts each request that does something into a span, if traces are on. */
export function traceRequests(traces: Traces | null): RequestHandler {
  return (request, response, next) => {
    if (traces === null || (READS.has(request.method) && !TRACED_READS.has(request.path))) {
      next();
      return;
    }
    // What a client makes up would else become the name of a span.
    const method = METHODS.has(request.method) ? request.method : '_OTHER';
    const about = { name: method, kind: 'server', attributes: { 'http.request.method': method } } as const;
    // A client's trace is linked, not joined: it is another's, and could be sent with every request.
    const span = traces.begin(about, {
      kind: 'first',
      point: firstSpanOf(RunId.parse(requestIdOf(response))),
      link: parseTraceparent(request.headers['traceparent']),
    });
    response.once('close', () => {
      const { statusCode: status } = response;
      const route = routeOf(request);
      span.rename(`${method} ${route}`);
      span.set({ 'http.route': route, 'http.response.status_code': status });
      if (!response.writableFinished) span.fail('closed');
      else if (status >= SERVER_ERROR) span.fail(String(status));
      span.end();
    });
    within(span, next);
  };
}
