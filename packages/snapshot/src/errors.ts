/**
 * What can go wrong with Snapshot's servers, in four kinds, and what the sequencer's refusals mean for a vote.
 */
import { printable } from './printable.ts';

/** Which server. */
export type Upstream = 'hub' | 'sequencer';

/**
 * - `unavailable`: no answer, a cut line, a time-out, or trouble of its own: try again later.
 * - `rate_limited`: asked too often: try again after `retryAfterS`.
 * - `rejected`: it understood and will say the same again: our request is wrong.
 * - `malformed`: it answered what the protocol does not know: do not act on it.
 */
export type SnapshotErrorKind = 'unavailable' | 'rate_limited' | 'rejected' | 'malformed';

export interface SnapshotErrorFields {
  readonly kind: SnapshotErrorKind;
  readonly upstream: Upstream;
  /** Text of any origin; made printable and cut to 300 characters. */
  readonly description: string;
  readonly status?: number | undefined;
  readonly retryAfterS?: number | undefined;
  readonly cause?: unknown;
}

/** A failed call to one of Snapshot's servers. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly kind: SnapshotErrorKind;
  readonly upstream: Upstream;
  /** What the server said: text from outside, without control characters, at most 300 characters. */
  readonly description: string;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** Seconds to wait before the next request, where the server said so. */
  readonly retryAfterS: number | undefined;

  constructor({ kind, upstream, description, status, retryAfterS, cause }: SnapshotErrorFields) {
    const text = printable(description);
    const at = status === undefined ? '' : ` (HTTP ${status})`;
    super(`${upstream} ${kind.replace('_', ' ')}${at}: ${text}`, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.upstream = upstream;
    this.description = text;
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** Why the sequencer refuses a vote, as far as it matters to us. */
export const REFUSAL_CODES = [
  'already_voted',
  'duplicate',
  'not_in_window',
  'wrong_timestamp',
  'no_voting_power',
  'wrong_alias',
  'invalid_choice',
  'validation',
  'signature',
  'rejected',
  'check_failed',
  'pinning_failed',
  'rate_limited',
  'maintenance',
  'in_flight',
  'unavailable',
] as const;
type RefusalCode = (typeof REFUSAL_CODES)[number];

/**
 * What a refusal means:
 * - `final`: this envelope will never be accepted;
 * - `retry`: it was not stored, and the same bytes may go again later;
 * - `read_back`: it may have been stored, or was before: ask the hub's `votes` before anything else.
 */
export interface Classified {
  readonly kind: 'final' | 'retry' | 'read_back';
  readonly code: RefusalCode;
}

/** A refusal as the caller gets it; `description` is printable text from outside. */
export interface SequencerRefusal extends Classified {
  /** HTTP status; 0 where no connection could be made. */
  readonly status: number;
  readonly description: string;
  readonly retryAfterS?: number;
}

// The words of the sequencer, whole, in the order of its checks; whatever else it says with a 4xx is final.
const BY_WORDS: Readonly<Record<string, Classified>> = {
  'update in progress, try later': { kind: 'retry', code: 'maintenance' },
  'wrong timestamp': { kind: 'final', code: 'wrong_timestamp' },
  'wrong alias': { kind: 'final', code: 'wrong_alias' },
  'signature validation failed': { kind: 'final', code: 'signature' },
  'not in voting window': { kind: 'final', code: 'not_in_window' },
  'invalid choice': { kind: 'final', code: 'invalid_choice' },
  'failed vote validation': { kind: 'final', code: 'validation' },
  'failed to check vote validation': { kind: 'retry', code: 'check_failed' },
  'no voting power': { kind: 'final', code: 'no_voting_power' },
  'failed to check voting power': { kind: 'retry', code: 'check_failed' },
  'pinning failed': { kind: 'retry', code: 'pinning_failed' },
  'already voted at later time': { kind: 'final', code: 'already_voted' },
  // Also what our own bytes get when they come again after an answer of 500 that had stored them (recorded).
  'already voted same time with lower index': { kind: 'read_back', code: 'already_voted' },
  'duplicate message': { kind: 'read_back', code: 'duplicate' },
};

/**
 * What a refusal by the sequencer means. Judged by status first, then by its words: a 5xx of any wording may come after the vote
 * was stored, except in maintenance, which is refused before anything is looked at.
 * @param description the body's `error_description` as text.
 */
export function classifyRefusal(status: number, description: string): Classified {
  if (status === 429) return { kind: 'retry', code: 'rate_limited' };
  if (status === 425) return { kind: 'read_back', code: 'in_flight' };
  const known = Object.hasOwn(BY_WORDS, description) ? BY_WORDS[description] : undefined;
  if (status >= 500) return known?.code === 'maintenance' ? known : { kind: 'read_back', code: 'unavailable' };
  // 408 comes from a proxy that lost patience, not from the sequencer: what became of the request is not known.
  if (status < 400 || status === 408) return { kind: 'read_back', code: 'unavailable' };
  if (known) return known;
  // Any check that could not be carried out says so with these words.
  if (description.startsWith('failed to check')) return { kind: 'retry', code: 'check_failed' };
  return { kind: 'final', code: 'rejected' };
}
