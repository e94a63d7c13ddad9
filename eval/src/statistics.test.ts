import { describe, expect, it } from 'vitest';
import { fc, test } from '@fast-check/vitest';
import { binned, calibrationError, median, rateOf, wilson } from './statistics.ts';

const rate = fc
  .integer({ min: 1, max: 5_000 })
  .chain((of) => fc.record({ hits: fc.integer({ min: 0, max: of }), of: fc.constant(of) }));
const judged = fc.record({ confidence: fc.double({ min: 0, max: 1, noNaN: true }), right: fc.boolean() });

describe("Wilson's interval", () => {
  // From the literature: Newcombe (1998), table I, method 3; and the rule that 0 of n is at most z²/(n + z²).
  it.for([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
    [0, 170, 0, 0.0221],
  ] as const)('of %d in %d is %d to %d', ([hits, of, low, high]) => {
    const interval = wilson(hits, of);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  it('of nothing says nothing', () => {
    expect(wilson(0, 0)).toEqual([0, 1]);
    expect(rateOf(0, 0)).toBeNull();
  });

  test.prop([rate])('holds the rate, lies in [0, 1], and mirrors that of the misses', ({ hits, of }) => {
    const [low, high] = wilson(hits, of);
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(1);
    expect(low).toBeLessThanOrEqual(hits / of);
    expect(high).toBeGreaterThanOrEqual(hits / of);
    const [mirroredLow, mirroredHigh] = wilson(of - hits, of);
    expect(mirroredLow).toBeCloseTo(1 - high, 9);
    expect(mirroredHigh).toBeCloseTo(1 - low, 9);
  });

  test.prop([rate])('is narrower where the same rate was seen more often', ({ hits, of }) => {
    const width = ([low, high]: readonly [number, number]): number => high - low;
    expect(width(wilson(2 * hits, 2 * of))).toBeLessThan(width(wilson(hits, of)));
  });
});

describe('the calibration error', () => {
  it('is what lies between confidence and accuracy, weighed by the bins', () => {
    // Bin 0.9 to 1: three, mean confidence 0.95, two right. Bin 0.5 to 0.6: one, 0.55, right.
    const decisions = [
      { confidence: 0.95, right: true },
      { confidence: 0.9, right: true },
      { confidence: 1, right: false },
      { confidence: 0.55, right: true },
    ];
    expect(calibrationError(decisions)).toBeCloseTo((3 * (0.95 - 2 / 3) + 1 * 0.45) / 4, 12);
  });

  it('of no decision is unknown', () => {
    expect(calibrationError([])).toBeNull();
  });

  test.prop([fc.array(judged, { minLength: 1, maxLength: 60 })])(
    'lies in [0, 1]; the bins hold each one once',
    (all) => {
      const error = calibrationError(all) ?? Number.NaN;
      expect(error).toBeGreaterThanOrEqual(0);
      expect(error).toBeLessThanOrEqual(1);
      const bins = binned(all);
      expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
      for (const { from, to, confidence } of bins) {
        if (confidence === null) continue;
        expect(confidence).toBeGreaterThanOrEqual(from - 1e-9);
        expect(confidence).toBeLessThanOrEqual(to + 1e-9);
      }
    },
  );

  test.prop([fc.array(fc.boolean(), { minLength: 1, maxLength: 60 })])(
    'is 0 for who is as often right as sure',
    (rights) => {
      const share = rights.filter(Boolean).length / rights.length;
      const all = rights.map((right) => ({ confidence: share, right }));
      expect(calibrationError(all)).toBeCloseTo(0, 12);
    },
  );
});

it.for([
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2],
  [[], null],
] as const)('of %j the median is %j', ([values, expected]) => {
  expect(median(values)).toBe(expected);
});
