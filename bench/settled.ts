/**
 * What all of them come to. Where one fails it rejects as `Promise.all` does, but not before each has come to its end: whoever cleans
 * up then misses none that was still starting.
 */
export async function settled<T>(all: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return await Promise.all(all);
}
