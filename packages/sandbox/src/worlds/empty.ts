/** A world with nothing in it, on the real clock: what tests fill by the control API. */
import type { World } from '../world.ts';

export function emptyWorld(): World {
  return { now: null };
}
