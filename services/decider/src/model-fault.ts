/** What a call to a model that was thrown out of means: why there is no answer, whether it costs anything, and what the log may say. */
import { printable } from '@quorum/snapshot/printable';
import type { NoAnswerWhy } from '@quorum/shared/decision';
import { QuorumError } from '@quorum/shared/errors';
import OpenAI, { APIError } from 'openai';

const NEVER_ARRIVED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'];

/** Whether a call costs nothing for certain: it was answered with an error, or never sent. One that was cut off may be charged. */
export function wasTurnedAway(thrown: unknown, why: NoAnswerWhy): boolean {
  if (why === 'rate_limited') return true;
  if (why === 'timeout' || !(thrown instanceof APIError)) return false;
  if (typeof thrown.status === 'number') return true;
  return NEVER_ARRIVED.includes(lineCode(thrown) ?? '');
}

/** What our side calls that which happened on the line: ECONNREFUSED, ANSWER_TOO_LARGE. */
function lineCode(thrown: APIError): string | undefined {
  for (let cause: unknown = thrown.cause; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return undefined;
}

export function faultOf(thrown: unknown): 'rate_limited' | 'timeout' | 'unavailable' {
  if (thrown instanceof QuorumError && thrown.category === 'rate_limited') return 'rate_limited';
  if (!(thrown instanceof APIError)) return 'unavailable';
  if (thrown instanceof OpenAI.APIConnectionTimeoutError || thrown.status === 408 || thrown.status === 504) {
    return 'timeout';
  }
  return 'unavailable';
}

/**
 * For the log: status and code say whether the key, the model's name or the endpoint is wrong. The endpoint's own words stay out:
 * some repeat the question or the key.
 */
export function detailsOf(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof APIError)) return { error: thrown instanceof Error ? thrown.name : typeof thrown };
  const code = thrown.code ?? lineCode(thrown);
  return {
    error: thrown.constructor.name,
    ...(thrown.status === undefined ? {} : { status: thrown.status }),
    ...(typeof code === 'string' ? { code: printable(code.toWellFormed(), 80) } : {}),
  };
}
