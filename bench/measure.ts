/**
 * How a ratio is measured: two things in turns in one process, by the CPU time that they take, collecting their garbage included,
 * so that a busy machine says the same as an idle one. Both are warmed up first. The ratio is that of their medians; half of what
 * lies between the quartiles of the ratios, turn by turn, says how sure it is.
 */

export type Measured = {
  /** Median of ours / median of what it is held against. */
  readonly ratio: number;
  /** Half of the range between the quartiles of the ratios. */
  readonly spread: number;
  readonly oursMs: number;
  readonly againstMs: number;
};

const WARM_UP_TURNS = 20;
const TURNS = 101;

/** Measures `ours` against `against`. Each returns something of its work, so that none of it is optimised away. */
export function inTurns(ours: () => number, against: () => number): Measured {
  const oursMs: number[] = [];
  const againstMs: number[] = [];
  let work = 0;
  const time = (what: () => number): number => {
    const began = process.cpuUsage();
    work += what();
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1_000;
  };
  for (let turn = -WARM_UP_TURNS; turn < TURNS; turn += 1) {
    // Who goes first changes: the second finds a warmer cache and the first one's garbage.
    const [a, b] = turn % 2 === 0 ? [time(ours), time(against)] : [time(against), time(ours)].toReversed();
    if (turn < 0 || a === undefined || b === undefined) continue;
    oursMs.push(a);
    againstMs.push(b);
  }
  if (!Number.isFinite(work)) throw new Error('a benchmark did no work');
  const ratios = oursMs.map((ms, at) => ms / (againstMs[at] ?? Number.NaN));
  return {
    ratio: quantile(oursMs, 0.5) / quantile(againstMs, 0.5),
    spread: (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2,
    oursMs: quantile(oursMs, 0.5),
    againstMs: quantile(againstMs, 0.5),
  };
}

/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
