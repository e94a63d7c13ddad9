import { describe, expect, test } from 'vitest';
import { propertySeed } from './property-seed.ts';

describe('the seed of a run', () => {
  test.each([['0'], ['-7'], ['2147483647']])('is what the environment says: %s', (given) => {
    expect(propertySeed({ FAST_CHECK_SEED: given })).toBe(Number(given));
  });

  test('is drawn anew where the environment says nothing', () => {
    const drawn = Array.from({ length: 20 }, () => propertySeed({ FAST_CHECK_SEED: '' }));
    expect(new Set(drawn).size).toBeGreaterThan(1);
    expect(drawn.every((seed) => propertySeed({ FAST_CHECK_SEED: String(seed) }) === seed)).toBe(true);
  });

  test.each([['1.5'], ['seven'], ['2147483648'], ['1e3']])('is refused where it is none: %s', (given) => {
    expect(() => propertySeed({ FAST_CHECK_SEED: given })).toThrow(`not "${given}"`);
  });
});
