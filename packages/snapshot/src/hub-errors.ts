/**
 * What a failed call to the hub means. The hub's status alone does not say: a resolver's failure is a 200 with `errors`, and
 * our own wrong variables are a 500.
 */
import { ClientError } from 'graphql-request';
import { SnapshotError, type SnapshotErrorKind } from './errors.ts';
import { isTimeout, networkText, refusalText, retryAfterS } from './http-answer.ts';

/** Errors that the hub will repeat for the same query, whatever the status: they speak of the query, not of the hub. */
const OUR_FAULT = [
  /^Variable "\$/,
  /exceeds the maximum number of root selections/,
  /exceeds maximum operation depth/,
  /argument must not be greater than/,
  /^(invalid address|Invalid addresses? in |proposal not found|space not found|missing argument)/,
  // The score API's refusal of our request, passed on; any other code in there is trouble of its own.
  /^Unexpected error value: \{ code: 400\b/,
];

/**
 * The SnapshotError for what `GraphQLClient.request` threw.
 * @param timeoutMs the time-out that the request had, for the message.
 */
export function hubError(error: unknown, timeoutMs: number): SnapshotError {
  if (error instanceof ClientError) return answered(error);
  const upstream = 'hub';
  if (isTimeout(error)) {
    return new SnapshotError({
      kind: 'unavailable',
      upstream,
      description: `no answer within ${timeoutMs} ms`,
      cause: error,
    });
  }
  if (error instanceof TypeError) {
    return new SnapshotError({ kind: 'unavailable', upstream, description: networkText(error), cause: error });
  }
  return new SnapshotError({
    kind: 'malformed',
    upstream,
    description: 'the answer is no GraphQL result',
    cause: error,
  });
}

/** An answer that the protocol does not know. */
export function malformed(description: string): SnapshotError {
  return new SnapshotError({ kind: 'malformed', upstream: 'hub', description });
}

/** Whether the hub works, and refused what was asked. A key that it does not take leaves us without a hub. */
export function isAboutTheQuery({ kind, status }: SnapshotError): boolean {
  return kind === 'rejected' && status !== 401 && status !== 403;
}

function answered({ response }: ClientError): SnapshotError {
  const { status } = response;
  const headers = response['headers'];
  const body = response['body'];
  const errors = messages(response.errors);
  const text = typeof body === 'string' ? refusalText(body) : '';
  return new SnapshotError({
    kind: kindOf(status, errors),
    upstream: 'hub',
    status,
    description: errors.join('; ') || text || 'no reason given',
    retryAfterS: headers instanceof Headers ? retryAfterS(headers) : undefined,
  });
}

function kindOf(status: number, errors: readonly string[]): SnapshotErrorKind {
  if (status === 429) return 'rate_limited';
  if (status === 408) return 'unavailable';
  if (status >= 300 && status < 500) return 'rejected';
  // 200 and 5xx: only the words tell a query that is wrong from a hub that is ill.
  return errors.some((text) => OUR_FAULT.some((pattern) => pattern.test(text))) ? 'rejected' : 'unavailable';
}

function messages(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return errors.map((error: unknown) => {
    const message = typeof error === 'object' && error !== null ? Reflect.get(error, 'message') : error;
    return typeof message === 'string' ? message : JSON.stringify(message ?? error);
  });
}
