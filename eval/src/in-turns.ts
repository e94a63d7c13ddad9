/** Does something for each of a list, so many at a time, and gives the results in the order of the list. */
export async function mapSome<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, at: number) => Promise<R>,
): Promise<R[]> {
  const results: { readonly at: number; readonly result: R }[] = [];
  const waiting = items.entries();
  const take = async (): Promise<void> => {
    for (const [at, item] of waiting) results.push({ at, result: await work(item, at) });
  };
  await Promise.all(Array.from({ length: atOnce }, take));
  return results.toSorted((a, b) => a.at - b.at).map(({ result }) => result);
}
