/** One HTTP question, whose answer is looked at and not used: its status, its clock, its words. */
import { lightFetch } from '@quorum/snapshot/light-fetch';
import { printable } from '@quorum/snapshot/printable';
import { ASK_MS } from './finding.ts';

export type Answer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly text: string;
      /** How far our clock is ahead of its `Date`, in seconds, by as much as is certain; null where it says none. */
      readonly aheadS: number | null;
    }
  | { readonly kind: 'silent'; readonly why: string };

/** `Date` counts whole seconds. */
const DATE_STEP_MS = 1_000;
/** The longest is a list of models. */
const fetchAnswer = lightFetch(16 * 2 ** 20);

export async function ask(url: string, init: RequestInit, signal: AbortSignal): Promise<Answer> {
  const sentMs = Date.now();
  try {
    // A redirect would take the key to wherever the answer says.
    const options: RequestInit = {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]),
    };
    const response = await fetchAnswer(url, options);
    const gotMs = Date.now();
    const text = await response.text();
    return { kind: 'answered', status: response.status, text, aheadS: aheadOf(response, sentMs, gotMs) };
  } catch (error) {
    return { kind: 'silent', why: whyOf(error) };
  }
}

/** It was written between the sending and the answer, and stands for any moment of its second. */
function aheadOf(response: Response, sentMs: number, gotMs: number): number | null {
  const dateMs = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(dateMs)) return null;
  const ahead = sentMs - (dateMs + DATE_STEP_MS);
  const behind = dateMs - gotMs;
  if (ahead > 0) return ahead / 1_000;
  return behind > 0 ? -behind / 1_000 : 0;
}

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  if (error.name === 'TimeoutError') return `no answer within ${ASK_MS / 1_000} s`;
  return printable(error.cause instanceof Error ? error.cause.message || error.message : error.message);
}
