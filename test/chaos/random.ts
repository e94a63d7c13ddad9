/** Numbers that depend on the seed alone: xorshift32, as good as a plan of mischief needs. */

export type Random = {
  /** A number in [0, 1). */
  readonly next: () => number;
  /** A whole number from `least` to `most`. */
  readonly between: (least: number, most: number) => number;
  readonly oneOf: <T>(list: readonly T[]) => T;
};

/** @param seed any whole number. */
export function createRandom(seed: number): Random {
  // Neighbouring seeds begin far from each other, and none at 0, where xorshift stands still.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    oneOf(list) {
      const found = list[between(0, list.length - 1)];
      if (found === undefined) throw new RangeError('one of none');
      return found;
    },
  };
}
