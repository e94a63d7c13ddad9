/** What a step of a vote comes to: go on with a value, or the proposal ends here. */
import type { Counted, FailedWhy, HeldWhy, SkippedWhy } from '@quorum/shared/outcome';
import type { OutcomeRecord } from '@quorum/shared/records';
import type { Receipt } from '@quorum/snapshot/receipt';

export type Step<T> =
  | { readonly kind: 'go'; readonly value: T }
  | { readonly kind: 'end'; readonly record: OutcomeRecord };

export function go<T>(value: T): Step<T> {
  return { kind: 'go', value };
}

export function end(record: OutcomeRecord): Step<never> {
  return { kind: 'end', record };
}

/**
 * The vote of this id was read back; a receipt for another one says nothing about it and is left out. `counted` is for secret
 * votes: what an open one says was read with it.
 */
export function wasCast(voteId: string, receipt: Receipt | undefined, nowMs: number, counted?: Counted): OutcomeRecord {
  return {
    outcome: { kind: 'cast', ...(counted === undefined ? {} : { counted }) },
    settled_at: nowMs,
    ...(receipt?.id === voteId ? { receipt } : {}),
  };
}

export function held(why: HeldWhy, nowMs: number): OutcomeRecord {
  return { outcome: { kind: 'held', why }, settled_at: nowMs };
}

export function skipped(why: SkippedWhy, nowMs: number, detail?: string): OutcomeRecord {
  return { outcome: { kind: 'skipped', why }, settled_at: nowMs, ...(detail === undefined ? {} : { detail }) };
}

export function failed(why: FailedWhy, nowMs: number, detail?: string): OutcomeRecord {
  return { outcome: { kind: 'failed', why }, settled_at: nowMs, ...(detail === undefined ? {} : { detail }) };
}
