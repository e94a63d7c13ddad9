/**
 * Weights compared as shares of a whole, exactly: 70/30, 7/3 and 0.7/0.3 are the same ballot. Floating-point division would
 * say otherwise now and then, so each weight is taken as the decimal number that its JSON text says.
 */

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** The number that `String(value)` shows, as digits × 10^exponent. `value` is finite and above 0. */
function decimal(value: number): Decimal {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** All values on one common power of ten, as integers. */
function integers(values: readonly number[]): bigint[] {
  const decimals = values.map(decimal);
  const lowest = Math.min(...decimals.map(({ exponent }) => exponent));
  return decimals.map(({ digits, exponent }) => digits * 10n ** BigInt(exponent - lowest));
}

/** True where `a` and `b` (equally long, finite, above 0) say the same proportions. */
export function sameShares(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  if (a.length === 0) return true;
  const left = integers(a);
  const right = integers(b);
  const [leftUnit = 0n] = left;
  const [rightUnit = 0n] = right;
  return left.every((value, at) => value * rightUnit === (right[at] ?? 0n) * leftUnit);
}

/** The share of each weight in percent, rounded to one decimal place, for people. */
export function percentages(weights: readonly number[]): string[] {
  // Scaled by the largest first, so that a sum of very large weights stays finite.
  const largest = Math.max(...weights);
  const scaled = weights.map((weight) => weight / largest);
  const total = scaled.reduce((sum, weight) => sum + weight, 0);
  return scaled.map((weight) => {
    const percent = (100 * weight) / total;
    return percent < 0.05 ? '< 0.1' : String(Number(percent.toFixed(1)));
  });
}
