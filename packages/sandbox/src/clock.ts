/** The sandbox's clock: the real one, or one that stands still at a set second. Everything that asks for the time asks here. */

export type Clock = {
  /** Unix seconds. */
  now(): number;
  /** Stands the clock at a Unix second; null returns to the real time. */
  set(now: number | null): void;
};

export function createClock(initial: number | null): Clock {
  let standing = initial;
  return {
    now: () => standing ?? Math.floor(Date.now() / 1000),
    set: (now) => {
      standing = now;
    },
  };
}
