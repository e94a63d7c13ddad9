/** What a benchmark is: something measured, and held to a budget. */
import { availableParallelism } from 'node:os';

export type BenchResult = {
  readonly name: string;
  readonly value: number;
  /** How far the value may be off, in its own unit. */
  readonly spread: number;
  readonly unit: string;
  readonly budget: number;
  /** Whether the budget is the most that the value may be, or the least. */
  readonly bound: 'most' | 'least';
  readonly ok: boolean;
  /** The cores that it was measured on. */
  readonly cores: number;
  /** What lies behind the value, for people. */
  readonly note: string;
};

export type Benchmark = {
  readonly name: string;
  /** What it measures, in one line. */
  readonly does: string;
  /** It runs only where it is named: what it takes, or what it needs of the machine, would be too much for all of them in a row. */
  readonly alone?: boolean;
  readonly run: () => Promise<BenchResult[]>;
};

/** A result, and whether it is within its budget. What is no number is not. */
export function result(measured: Omit<BenchResult, 'ok' | 'cores'>): BenchResult {
  const { value, budget, bound } = measured;
  const ok = bound === 'most' ? value <= budget : value >= budget;
  return { ...measured, ok, cores: availableParallelism() };
}
