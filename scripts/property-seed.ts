/** The seed of a run: that of the environment, so that a run can be repeated, or one drawn anew. */
import { randomInt } from 'node:crypto';

/** Seeds of fast-check are 32-bit integers. */
const MAX_SEED = 2 ** 31 - 1;

/** @throws Error where FAST_CHECK_SEED is no seed. */
export function propertySeed(env: NodeJS.ProcessEnv): number {
  const given = env['FAST_CHECK_SEED'] ?? '';
  if (given === '') return randomInt(MAX_SEED);
  const seed = Number(given);
  if (!/^-?\d+$/.test(given) || Math.abs(seed) > MAX_SEED) {
    throw new Error(`FAST_CHECK_SEED must be a whole number of at most ${MAX_SEED}, not "${given}".`);
  }
  return seed;
}
