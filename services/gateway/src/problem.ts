/**
 * Problem details (RFC 9457): the one shape in which the gateway says no. `type` is stable and meant for programs, `detail` for
 * people; a 500 says nothing of the inside.
 */
import type { ServerResponse } from 'node:http';
import {
  ERROR_CATEGORIES,
  type ErrorCategory,
  NotFoundError,
  type QuorumError,
  toQuorumError,
  treatmentOf,
  ValidationError,
} from '@quorum/shared/errors';
import { RequestId, RunId } from '@quorum/shared/ids';
import { HoldView } from '@quorum/shared/hold-view';
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
  hold: HoldView.optional().describe('The hold as it stands'),
  unusable: z
    .object({
      fault: z.enum(FAULTS).describe('What keeps the preferences from being used'),
      last_good: z
        .object({
          preferences: UserPreferences.describe('What they were'),
          version: z.string().describe('Their version'),
        })
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
  'not-your-hold': { status: 403, title: 'A hold is answered by its owner alone' },
  'hold-answered': { status: 409, title: 'The hold was answered before' },
  'hold-superseded': { status: 409, title: 'Another decision took the place of this hold' },
  'hold-under-way': { status: 409, title: 'The vote of this hold is under way' },
  'hold-expired': { status: 410, title: 'The hold has expired' },
  'choice-needed': { status: 422, title: 'The answers agreed on no ballot' },
  'too-many-watchers': { status: 503, title: 'Too many clients watch runs' },
  'delivery-not-dead': { status: 409, title: 'Only what was given up is sent anew' },
  'webhooks-not-set-up': { status: 503, title: 'Webhooks are not set up' },
  'answers-not-set-up': { status: 503, title: 'Answers to holds are not set up' },
  'preferences-unusable': { status: 409, title: 'The preferences cannot be used' },
  'run-ended': { status: 409, title: 'The run has ended' },
  'run-ending': { status: 409, title: 'The run under way is being cancelled' },
  'run-conflict': { status: 409, title: 'A run of the other kind is under way' },
  'malformed-request': { status: 400, title: 'This is no HTTP' },
  'request-too-slow': { status: 408, title: 'The request did not come in time' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'malformed-body': { status: 400, title: 'The body cannot be read' },
  'version-changed': { status: 412, title: 'The preferences changed meanwhile' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON' },
  'foreign-host': { status: 421, title: 'This host name is not served' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'link-gone': { status: 410, title: 'This link opens nothing any more' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key came before with another body' },
} as const;

export type RefusalKind = keyof typeof REFUSALS;

/** Everything that an answer may be a problem of. */
export type ProblemKind = RefusalKind | ErrorCategory;

/** All of them. */
export const PROBLEM_KINDS: readonly ProblemKind[] = [...Object.keys(REFUSALS).filter(isRefusal), ...ERROR_CATEGORIES];

/** What every problem of a kind says. */
export function problemOf(kind: ProblemKind): {
  readonly type: string;
  readonly title: string;
  readonly status: number;
} {
  if (isRefusal(kind)) return { type: `/problems/${kind}`, ...REFUSALS[kind] };
  const { httpStatus: status, words: title } = treatmentOf(kind);
  return { type: `/problems/${kind.replaceAll('_', '-')}`, title, status };
}

function isRefusal(kind: string): kind is RefusalKind {
  return Object.hasOwn(REFUSALS, kind);
}

/** A request that the gateway itself refuses. */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly headers: Readonly<Record<string, string>>;
  readonly runId: RunId | undefined;
  readonly unusable: Problem['unusable'];
  readonly hold: Problem['hold'];

  constructor(
    kind: RefusalKind,
    detail: string,
    more: { headers?: Record<string, string>; runId?: RunId; unusable?: Problem['unusable']; hold?: HoldView } = {},
  ) {
    super(detail);
    this.name = 'Refusal';
    this.kind = kind;
    this.headers = more.headers ?? {};
    this.runId = more.runId;
    this.unusable = more.unusable;
    this.hold = more.hold;
  }
}

/** The media type of every problem. */
export const PROBLEM_TYPE = 'application/problem+json';

const REQUEST_ID = 'x-request-id';

/** Names the request, for its log lines and its answer. */
export function setRequestId(response: ServerResponse, id: string): void {
  response.setHeader(REQUEST_ID, id);
}

/** The id that `setRequestId` gave it: a UUID. */
export function requestIdOf(response: ServerResponse): string {
  const id = response.getHeader(REQUEST_ID);
  return typeof id === 'string' ? id : 'unknown';
}

/** The request, where it was named by us: for the jobs that it begins. */
export function namedRequest({ id }: { readonly id?: unknown }): RequestId | undefined {
  return RequestId.safeParse(id).data;
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
  response.status(problem.status).set(headers).type(PROBLEM_TYPE).send(JSON.stringify(problem));
};

type Described = { readonly problem: Problem; readonly headers: Readonly<Record<string, string>> };

function describe(thrown: unknown, requestId: string): Described {
  const error = thrown instanceof Refusal ? thrown : (readError(thrown) ?? toQuorumError(thrown));
  return error instanceof Refusal ? fromRefusal(error, requestId) : fromQuorum(error, requestId);
}

function fromRefusal({ kind, message, headers, runId, unusable, hold }: Refusal, requestId: string): Described {
  const more = {
    ...(runId === undefined ? {} : { run_id: runId }),
    ...(unusable === undefined ? {} : { unusable }),
    ...(hold === undefined ? {} : { hold }),
  };
  return {
    problem: { ...problemOf(kind), detail: message, request_id: requestId, ...more },
    headers,
  };
}

function fromQuorum(error: QuorumError, requestId: string): Described {
  const said = problemOf(error.category);
  const problem: Problem = {
    ...said,
    ...(said.status === 500 ? {} : { detail: error.message }),
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
