/**
 * Chance that can be repeated: numbers drawn from a seed and the names of what they are for, so that one part of an evaluation
 * that draws more does not change what another part gets.
 */
import { createHash } from 'node:crypto';

export type Random = {
  /** A whole number from 0 up to but not including `count`. */
  below(count: number): number;
  /** One of a list. Throws a RangeError for an empty one. */
  pick<T>(list: readonly T[]): T;
};

/** The same names give the same numbers, whatever was drawn elsewhere. */
export function randomOf(...names: readonly (string | number)[]): Random {
  let drawn = 0;
  const name = JSON.stringify(names);
  const below = (count: number): number => {
    drawn += 1;
    const digest = createHash('sha256').update(`${name} ${drawn}`).digest();
    return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * count);
  };
  return {
    below,
    pick: (list) => {
      // One element is drawn as a list of one, so that an element that is undefined is one all the same.
      const [picked] = list
        .slice(below(list.length))
        .slice(0, 1)
        .map((value) => ({ value }));
      if (picked === undefined) throw new RangeError('nothing to pick from');
      return picked.value;
    },
  };
}
