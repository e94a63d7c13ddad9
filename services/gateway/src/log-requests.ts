/**
 * Names each request, and writes a line when it was answered. The line holds what stands here and nothing else: no header, no query,
 * no body. So it does without a search of its fields by name, which took longer than all the rest of it; that of the finished line,
 * by name, by form and by value (`redact.ts`), is made all the same.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from '@quorum/shared/log';
import type { Express, Request, RequestHandler, Response } from 'express';
import { requestIdOf, setRequestId } from './problem.ts';

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- how express is told of what its requests have
  namespace Express {
    interface Request {
      /** Names it, in the log and in its answer. */
      readonly id: string;
      /** Writes lines that name the request. */
      readonly log: Logger;
    }
  }
}

/** Has every request of the application named and, but for probes and scrapes, logged. */
export function logRequests(app: Express, log: Logger): RequestHandler {
  // Of all requests at once: few of them are ever asked.
  Object.defineProperties(app.request, {
    id: { get: idOf },
    log: {
      get(this: Request): Logger {
        return log.child({ request_id: idOf.call(this) });
      },
    },
  });
  // Without the search by name. Which lines are written the other one says, whose level changes while it runs.
  const lines = log.child({}, { redact: [], level: 'trace' });

  return (request, response, next) => {
    setRequestId(response, randomUUID());
    const began = Date.now();
    let isTold = false;
    const tell = (error?: Error): void => {
      if (isTold) return;
      isTold = true;
      const { method, originalUrl } = request;
      const { statusCode: status } = response;
      const level = status >= 500 ? 'warn' : 'info';
      if (!log.isLevelEnabled(level)) return;
      const told = {
        request_id: requestIdOf(response),
        req: { method, path: pathToLog(originalUrl) },
        // Until it is sent it is what an answer would begin with.
        res: response.headersSent ? { status } : {},
      };
      const duration_ms = Date.now() - began;
      const err = error ?? faultOf(response);
      if (err === null) lines[level]({ ...told, duration_ms }, 'request answered');
      else log[level]({ ...told, err, duration_ms }, 'request not answered');
    };
    response.on('error', tell);
    // Probes and scrapes come every few seconds.
    if (!isProbe(request)) response.on('close', tell).on('finish', tell);
    next();
  };
}

/** Why a request that has ended was not answered; null: it was. */
function faultOf({ headersSent, statusCode }: Response): Error | null {
  if (!headersSent) return new Error('the connection closed before the answer began');
  return statusCode >= 500 ? new Error(`failed with status code ${statusCode}`) : null;
}

function idOf(this: Request): string {
  return this.res === undefined ? 'unknown' : requestIdOf(this.res satisfies Response);
}

function isProbe({ url }: Request): boolean {
  return url === '/metrics' || url.startsWith('/health');
}

/** Longer than the id of a run, shorter than any 256 bits in digits or letters. */
const MAX_LOGGED_SEGMENT = 40;

/** The path of a URL without what may be a key that somebody put there by mistake: no query, no segment that is long enough. */
function pathToLog(url: string): string {
  const [path = ''] = url.split('?');
  return path
    .split('/')
    .map((segment) => (segment.length > MAX_LOGGED_SEGMENT ? '…' : segment))
    .join('/');
}
