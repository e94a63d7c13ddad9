/** Work of one process that must not overlap: one piece after the other for each name, in the order in which it came. */

export type SerialQueue = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** A queue for each name; what fails does not hold up what follows. */
export function serialQueue(): SerialQueue {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const before = last.get(name) ?? Promise.resolve();
    const own = before.then(work);
    const settled = own.catch(() => {});
    last.set(name, settled);
    try {
      return await own;
    } finally {
      if (last.get(name) === settled) last.delete(name);
    }
  };
}
