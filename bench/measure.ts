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
  return measured(oursMs, againstMs);
}

export type Turns = {
  /** Turns that are not measured. */
  readonly warmUp: number;
  readonly turns: number;
  /** What a turn needs before either of the two is measured. `turn` is below 0 in the warm-up. */
  readonly prepare?: (turn: number) => Promise<void>;
};

/** As `inTurns`, for what takes its time and measures itself: each returns what it took in this turn, ms. */
export async function inSlowTurns(
  { warmUp, turns, prepare = async () => undefined }: Turns,
  ours: (turn: number) => Promise<number>,
  against: (turn: number) => Promise<number>,
): Promise<Measured> {
  const oursMs: number[] = [];
  const againstMs: number[] = [];
  for (let turn = -warmUp; turn < turns; turn += 1) {
    await prepare(turn);
    // Who goes first changes, as above.
    const oursFirst = turn % 2 === 0 ? await ours(turn) : null;
    const other = await against(turn);
    const own = oursFirst ?? (await ours(turn));
    if (turn < 0) continue;
    oursMs.push(own);
    againstMs.push(other);
  }
  return measured(oursMs, againstMs);
}

function measured(oursMs: readonly number[], againstMs: readonly number[]): Measured {
  const ratios = oursMs.map((ms, at) => ms / (againstMs[at] ?? Number.NaN));
  return {
    ratio: quantile(oursMs, 0.5) / quantile(againstMs, 0.5),
    spread: (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2,
    oursMs: quantile(oursMs, 0.5),
    againstMs: quantile(againstMs, 0.5),
  };
}

/** What this takes from begin to end, ms. */
export async function wallMs(what: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await what();
  return performance.now() - began;
}

/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
