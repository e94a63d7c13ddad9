/** The arithmetic of the measures: rates with their intervals, and how far confidence is to be believed. */

/** A rate and what may be believed of it. */
export type Interval = [low: number, high: number];

/** The 97.5th percentile of the normal distribution: intervals that hold 95 times out of 100. */
const Z = 1.959_963_985;

/**
 * Wilson's interval of a rate of `hits` out of `of`, at 95 %. Unlike the textbook one it is honest near 0 and 1: none out of 170
 * is not "0 ± 0" but at most 2.2 %. Of nothing, nothing is known: [0, 1].
 */
export function wilson(hits: number, of: number): Interval {
  if (of === 0) return [0, 1];
  const rate = hits / of;
  const scale = 1 + Z ** 2 / of;
  const centre = (rate + Z ** 2 / (2 * of)) / scale;
  const half = (Z / scale) * Math.sqrt((rate * (1 - rate)) / of + Z ** 2 / (4 * of ** 2));
  // At the ends the formula is 0 and 1 but for rounding.
  return [hits === 0 ? 0 : Math.max(0, centre - half), hits === of ? 1 : Math.min(1, centre + half)];
}

/** `hits / of`; null of nothing, since no number would be true. */
export function rateOf(hits: number, of: number): number | null {
  return of === 0 ? null : hits / of;
}

/** How sure a decision was, in [0, 1], and whether it was right. */
export type Judged = { readonly confidence: number; readonly right: boolean };

export type Bin = {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean confidence and share of right ones; null in an empty bin. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
};

const BINS = 10;

/** Ten bins of equal width by confidence; 1 belongs to the last one. */
export function binned(judged: readonly Judged[]): Bin[] {
  const binOf = ({ confidence }: Judged): number => Math.min(BINS - 1, Math.floor(confidence * BINS));
  const byBin = Map.groupBy(judged, binOf);
  return Array.from({ length: BINS }, (_, at) => {
    const own = byBin.get(at) ?? [];
    return {
      from: at / BINS,
      to: (at + 1) / BINS,
      count: own.length,
      confidence: own.length === 0 ? null : own.reduce((sum, each) => sum + each.confidence, 0) / own.length,
      accuracy: rateOf(own.filter(({ right }) => right).length, own.length),
    };
  });
}

/** Expected calibration error: what lies between confidence and accuracy, bin by bin, weighed by how many are in it. */
export function calibrationError(judged: readonly Judged[]): number | null {
  if (judged.length === 0) return null;
  const apart = binned(judged).map(
    ({ count, confidence, accuracy }) => count * Math.abs((confidence ?? 0) - (accuracy ?? 0)),
  );
  return apart.reduce((sum, each) => sum + each, 0) / judged.length;
}

/** The middle value, the lower of two; null of none. */
export function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;
}
