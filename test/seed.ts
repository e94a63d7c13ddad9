/**
 * The seed from which every property of a run draws. `npm test` hands it down as FAST_CHECK_SEED and prints it, so that a run can be
 * repeated as it was, and one that was green too. Vitest runs this before each test file; fast-check takes 27 ms of CPU to load,
 * which is less than a hundredth of what the tests take.
 */
import fc from 'fast-check';
import { runs } from './property-runs.ts';

const seed = process.env['FAST_CHECK_SEED'];

// Of mutated code it is asked whether a property fails, not what its smallest case is: to shrink takes longer than all else.
if (seed !== undefined) {
  fc.configureGlobal({ seed: Number(seed), numRuns: runs(100), endOnFailure: process.env['TEST_SET'] === 'mutation' });
}
