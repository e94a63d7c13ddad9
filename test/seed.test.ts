/** Started without `npm test` there is no seed of the run; then each property draws one of its own, and prints it when it fails. */
import { fc as ofProperties } from '@fast-check/vitest';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const seed = process.env['FAST_CHECK_SEED'];

test.skipIf(seed === undefined)('every property draws from the seed of the run', () => {
  const given = Number(seed);
  expect(fc.readConfigureGlobal().seed).toBe(given);
  expect(ofProperties.readConfigureGlobal().seed).toBe(given);
  const drawn = fc.sample(fc.bigInt(), 5);
  expect(drawn).toEqual(fc.sample(fc.bigInt(), { numRuns: 5, seed: given }));
  expect(drawn).not.toEqual(fc.sample(fc.bigInt(), { numRuns: 5, seed: given + 1 }));
});
