/**
 * Every error that Quorum raises on purpose, and what each category means: `treatmentOf` is the one switch that says whether
 * to try again, which HTTP status to answer, which reason a proposal fails for and which words to use.
 */
import { SnapshotError } from '@quorum/snapshot/errors';
import { assertNever } from './assert-never.ts';
import type { FailedWhy } from './outcome.ts';

export const ERROR_CATEGORIES = [
  'validation',
  'not_found',
  'upstream_unavailable',
  'upstream_rejected',
  'rate_limited',
  'model_output',
  'budget',
  'signing',
  'vote_rejected',
  'preferences',
  'timeout',
  'internal',
] as const;
export type ErrorCategory = (typeof ERROR_CATEGORIES)[number];

/** The base of all. `message` is for logs and owners: it holds no secret and says what to do. */
export class QuorumError extends Error {
  readonly category: ErrorCategory;
  /** Seconds after which trying again makes sense, where the other side said so. */
  readonly retryAfterS: number | undefined;

  constructor(category: ErrorCategory, message: string, options: { cause?: unknown; retryAfterS?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'QuorumError';
    this.category = category;
    this.retryAfterS = options.retryAfterS;
  }
}

/** Input that does not fit. `issues` names each field. */
export class ValidationError extends QuorumError {
  readonly issues: readonly { path: string; message: string }[];

  constructor(message: string, issues: readonly { path: string; message: string }[] = []) {
    super('validation', message);
    this.name = 'ValidationError';
    this.issues = issues;
  }
}

/** Something that was asked for does not exist, or is not the asker's. */
export class NotFoundError extends QuorumError {
  readonly what: string;

  constructor(what: string) {
    super('not_found', `There is no such ${what}.`);
    this.name = 'NotFoundError';
    this.what = what;
  }
}

/** A service that Quorum needs did not answer, or answered that it cannot. */
export class UpstreamError extends QuorumError {
  readonly upstream: string;

  constructor(
    category: 'upstream_unavailable' | 'upstream_rejected' | 'rate_limited',
    upstream: string,
    message: string,
    options: { cause?: unknown; retryAfterS?: number } = {},
  ) {
    super(category, message, options);
    this.name = 'UpstreamError';
    this.upstream = upstream;
  }
}

/** What is done about an error of a category. */
export type Treatment = {
  readonly retry: boolean;
  readonly httpStatus: number;
  /** The reason that a proposal fails for, where the error ends it. */
  readonly why: FailedWhy;
  /** The words for the owner; the error's own message follows where it is fit for them. */
  readonly words: string;
};

/** The one place that decides what becomes of an error. */
export function treatmentOf(category: ErrorCategory): Treatment {
  switch (category) {
    case 'validation':
      return { retry: false, httpStatus: 400, why: 'internal', words: 'The request does not fit' };
    case 'not_found':
      return { retry: false, httpStatus: 404, why: 'internal', words: 'Not found' };
    case 'upstream_unavailable':
      return {
        retry: true,
        httpStatus: 503,
        why: 'upstream_unavailable',
        words: 'A service that Quorum needs does not answer',
      };
    case 'upstream_rejected':
      return {
        retry: false,
        httpStatus: 502,
        why: 'upstream_unavailable',
        words: 'A service that Quorum needs refused the request',
      };
    case 'rate_limited':
      return { retry: true, httpStatus: 429, why: 'upstream_unavailable', words: 'Too many requests' };
    case 'model_output':
      return { retry: true, httpStatus: 502, why: 'model_output', words: 'The model gave no usable answer' };
    case 'budget':
      return { retry: false, httpStatus: 403, why: 'internal', words: 'The spending limit is reached' };
    case 'signing':
      return { retry: false, httpStatus: 500, why: 'signing', words: 'The vote could not be signed' };
    case 'vote_rejected':
      return { retry: false, httpStatus: 502, why: 'vote_rejected', words: 'Snapshot refused the vote' };
    case 'preferences':
      return { retry: false, httpStatus: 409, why: 'internal', words: 'The preferences cannot be used' };
    case 'timeout':
      return { retry: true, httpStatus: 504, why: 'timeout', words: 'It took too long' };
    case 'internal':
      return { retry: true, httpStatus: 500, why: 'internal', words: 'Something broke inside Quorum' };
    default:
      return assertNever(category);
  }
}

/** Any thrown value as one of ours. What Quorum did not raise itself is `internal`, with the original as its cause. */
export function toQuorumError(thrown: unknown): QuorumError {
  if (thrown instanceof QuorumError) return thrown;
  if (thrown instanceof SnapshotError) return fromSnapshot(thrown);
  if (thrown instanceof Error && (thrown.name === 'TimeoutError' || thrown.name === 'AbortError')) {
    return new QuorumError('timeout', 'It was stopped before it was done.', { cause: thrown });
  }
  return new QuorumError('internal', 'An unexpected error; the log has the details.', { cause: thrown });
}

function fromSnapshot(error: SnapshotError): UpstreamError {
  const options = {
    cause: error,
    ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }),
  };
  const name = `Snapshot's ${error.upstream}`;
  switch (error.kind) {
    case 'unavailable':
    case 'malformed':
      return new UpstreamError(
        'upstream_unavailable',
        error.upstream,
        `${name} gave no usable answer: ${error.description}`,
        options,
      );
    case 'rate_limited':
      return new UpstreamError('rate_limited', error.upstream, `${name} asks for fewer requests.`, options);
    case 'rejected':
      return new UpstreamError('upstream_rejected', error.upstream, refusalWords(error, name), options);
    default:
      return assertNever(error.kind);
  }
}

/** Only the hub takes a key, and only for a wrong one it answers 401. */
function refusalWords({ upstream, status, description }: SnapshotError, name: string): string {
  if (upstream === 'hub' && status === 401) {
    return `${name} does not know the API key (${description}): mend SNAPSHOT_API_KEY, or leave it out.`;
  }
  return `${name} refused the request: ${description}`;
}
