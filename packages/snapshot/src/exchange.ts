/**
 * What whoever counts and watches requests is told: each one that came to an end, once. One that its caller gave up is not told of,
 * since it says nothing of the server.
 */

export interface Exchange {
  /** Which server: one of Snapshot's, or one that answers for something else and is watched in the same way. */
  readonly upstream: 'hub' | 'sequencer' | 'model';
  /** HTTP status; null where no answer came. */
  readonly status: number | null;
  /** Whether it answered as one that works does; a refusal of what we asked is such an answer. */
  readonly ok: boolean;
  readonly durationMs: number;
}

export type OnExchange = (exchange: Exchange) => void;
