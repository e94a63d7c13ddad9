/**
 * Problem details (RFC 9457): the one shape in which the gateway says no. `type` is stable and meant for programs, `detail` for
 * people; a 500 says nothing of the inside.
 */
import type { ServerResponse } from 'node:http';
import { NotFoundError, type QuorumError, toQuorumError, treatmentOf, ValidationError } from '@quorum/shared/errors';
import { RunId } from '@quorum/shared/ids';
import { FAULTS } from '@quorum/shared/preference-store';
import { UserPreferences } from '@quorum/shared/preferences';
import type { ErrorRequestHandler } from 'express';
import { z } from 'zod';

export const Problem = z.object({
  type: z.string().describe('Which problem: a path that does not change'),
  title: z.string().describe('The problem in a few words, the same for every case of its type'),
  status: z.int().describe('The HTTP status'),
  detail: z.string().optional().describe('This case, and what to do about it'),
  request_id: z.string().describe('Names the request in the log'),
  run_id: RunId.optional().describe('The run that stands in the way'),
  unusable: z
    .object({
      fault: z.enum(FAULTS).describe('What keeps the preferences from being used'),
      last_good: z
        .object({ preferences: UserPreferences, version: z.string() })
        .nullable()
        .describe('The last that were good: to look at and to save again; nothing is voted by them'),
    })
    .optional()
    .describe('Preferences that cannot be used'),
  errors: z
    .array(
      z.object({
        path: z.string().describe('The field'),
        message: z.string().describe('What is wrong with it'),
      }),
    )
    .optional()
    .describe('The fields that do not fit'),
});
export type Problem = z.infer<typeof Problem>;

const REFUSALS = {
  unauthorized: { status: 401, title: 'An API key is needed' },
  'foreign-origin': { status: 403, title: 'Requests from other sites are refused' },
  'role-too-low': { status: 403, title: 'The role of this API key does not include this' },
  'no-such-path': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'This method is not allowed here' },
  'preferences-unusable': { status: 409, title: 'The preferences cannot be used' },
  'run-ended': { status: 409, title: 'The run has ended' },
  'run-conflict': { status: 409, title: 'A run of the other kind is under way' },
  'malformed-body': { status: 400, title: 'The body cannot be read' },
  'version-changed': { status: 412, title: 'The preferences changed meanwhile' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON' },
  'foreign-host': { status: 421, title: 'This host name is not served' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key came before with another body' },
} as const;

export type RefusalKind = keyof typeof REFUSALS;

/** A request that the gateway itself refuses. */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly headers: Readonly<Record<string, string>>;
  readonly runId: RunId | undefined;
  readonly unusable: Problem['unusable'];

  constructor(
    kind: RefusalKind,
    detail: string,
    more: { headers?: Record<string, string>; runId?: RunId; unusable?: Problem['unusable'] } = {},
  ) {
    super(detail);
    this.name = 'Refusal';
    this.kind = kind;
    this.headers = more.headers ?? {};
    this.runId = more.runId;
    this.unusable = more.unusable;
  }
}

const REQUEST_ID = 'x-request-id';

/** Names the request, for its log lines and its answer. */
export function setRequestId(response: ServerResponse, id: string): void {
  response.setHeader(REQUEST_ID, id);
}

function requestIdOf(response: ServerResponse): string {
  const id = response.getHeader(REQUEST_ID);
  return typeof id === 'string' ? id : 'unknown';
}

/** The last handler: turns what was thrown into a problem. */
export const answerProblem: ErrorRequestHandler = (thrown: unknown, request, response, next) => {
  if (response.headersSent) {
    // Too late for another answer; express closes the connection, so that half an answer cannot pass for a whole one.
    next(thrown);
    return;
  }
  const { problem, headers } = describe(thrown, requestIdOf(response));
  if (problem.status >= 500) request.log.error({ err: thrown }, 'request failed');
  response.status(problem.status).set(headers).type('application/problem+json').send(JSON.stringify(problem));
};

type Described = { readonly problem: Problem; readonly headers: Readonly<Record<string, string>> };

function describe(thrown: unknown, requestId: string): Described {
  const error = thrown instanceof Refusal ? thrown : (readError(thrown) ?? toQuorumError(thrown));
  return error instanceof Refusal ? fromRefusal(error, requestId) : fromQuorum(error, requestId);
}

function fromRefusal({ kind, message, headers, runId, unusable }: Refusal, requestId: string): Described {
  const { status, title } = REFUSALS[kind];
  const more = { ...(runId === undefined ? {} : { run_id: runId }), ...(unusable === undefined ? {} : { unusable }) };
  return {
    problem: { type: `/problems/${kind}`, title, status, detail: message, request_id: requestId, ...more },
    headers,
  };
}

function fromQuorum(error: QuorumError, requestId: string): Described {
  const { httpStatus: status, words: title } = treatmentOf(error.category);
  const problem: Problem = {
    type: `/problems/${error.category.replaceAll('_', '-')}`,
    title,
    status,
    ...(status === 500 ? {} : { detail: error.message }),
    request_id: requestId,
    ...(error instanceof ValidationError && error.issues.length > 0 ? { errors: [...error.issues] } : {}),
  };
  return { problem, headers: error.retryAfterS === undefined ? {} : { 'retry-after': String(error.retryAfterS) } };
}

const KB = 1_024;

/** The body parser's error names the limit of the route. */
function limitOf(error: Error): number {
  return 'limit' in error && typeof error.limit === 'number' ? error.limit / KB : 16;
}

/** What express and its body parser throw at a request that they cannot read; undefined for everything else. */
function readError(thrown: unknown): Refusal | NotFoundError | undefined {
  if (!(thrown instanceof Error) || !('status' in thrown)) return undefined;
  switch (thrown.status) {
    case 400:
      // A path with a broken escape names nothing.
      return thrown instanceof URIError
        ? new NotFoundError('path')
        : new Refusal('malformed-body', 'The body is not a JSON object of the length that was announced.');
    case 413:
      return new Refusal('body-too-large', `Send at most ${limitOf(thrown)} kB.`);
    case 415:
      return new Refusal('unsupported-media-type', 'Send plain JSON in UTF-8, not compressed.');
    default:
      return undefined;
  }
}
