/**
 * Counters that are there before anything has happened. A series that appears with its first event has nothing that it rose from:
 * `increase` says 0 of it, and no alert hears of what happened once.
 */
import type { Counter } from 'prom-client';

/** Starts a counter with one label at zero for each of its values. */
export function fromZero<L extends string>(counter: Counter<L>, values: readonly string[]): Counter<L> {
  for (const value of values) counter.labels(value).inc(0);
  return counter;
}
