/** What a benchmark is: one thing measured, and held to a budget. */

export type BenchResult = {
  readonly name: string;
  readonly value: number;
  /** How far the value may be off, in its own unit. */
  readonly spread: number;
  readonly unit: string;
  /** The most that the value may be. */
  readonly budget: number;
  readonly ok: boolean;
  /** What lies behind the value, for people. */
  readonly note: string;
};

export type Benchmark = {
  readonly name: string;
  /** What it measures, in one line. */
  readonly does: string;
  readonly run: () => Promise<BenchResult[]>;
};
