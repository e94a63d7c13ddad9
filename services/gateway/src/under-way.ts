/** Questions that cost much and that anybody may ask, as often as they like: however many ask at a time, one is worked on. */

/** Makes a function that whoever calls it gets the answer of, which may be under way already; the next one is asked anew. */
export function joinUnderWay<T>(ask: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= ask().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}
