/**
 * The end of a dry run: what would have been cast is simulated. This path imports nothing that could sign or send; the boundary
 * check holds it to that.
 */
import type { OutcomeRecord } from '@quorum/shared/records';

/** The outcome of a decision that a live run would have gone on to cast. */
export function simulate(nowMs: number): OutcomeRecord {
  return { outcome: { kind: 'simulated' }, settled_at: nowMs };
}
