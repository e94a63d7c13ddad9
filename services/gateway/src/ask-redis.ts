/**
 * Asking Redis within a time limit. A Redis that is away is an error that says when to try again, never a hang and never a
 * fault of ours.
 */
import { answerLimit } from '@quorum/shared/answer-limit';
import { UpstreamError } from '@quorum/shared/errors';

const RETRY_AFTER_S = 2;

const AWAY_CODES: readonly unknown[] = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'];
const AWAY_NAMES: readonly string[] = ['MaxRetriesPerRequestError', 'AbortError', 'ConnectionClosedError'];
/** ioredis has no class for these; then what Redis answers while it starts, is full or is no master. */
const AWAY_MESSAGES =
  /^(Stream isn't writeable|Connection is closed|Command timed out|LOADING |OOM |MISCONF |READONLY |MASTERDOWN |BUSY )/;

/** "Redis does not answer": 503, try again in two seconds. */
export function redisAway(cause: unknown): UpstreamError {
  return new UpstreamError('upstream_unavailable', 'redis', 'Redis does not answer. Try again in a moment.', {
    cause,
    retryAfterS: RETRY_AFTER_S,
  });
}

/**
 * What `ask` resolves to, within `limitMs`. Throws `redisAway` where Redis does not answer in time or at all, and any other
 * error of `ask` as it is.
 */
export async function askRedis<T>(limitMs: number, ask: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const stop = answerLimit(limitMs, () => late.reject(redisAway(new Error(`No answer of Redis within ${limitMs} ms`))));
  try {
    return await Promise.race([ask(), late.promise]);
  } catch (error) {
    throw isAway(error) ? redisAway(error) : error;
  } finally {
    stop();
  }
}

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (AWAY_NAMES.includes(error.name) || AWAY_MESSAGES.test(error.message)) return true;
  return 'code' in error && AWAY_CODES.includes(error.code);
}
