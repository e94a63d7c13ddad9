/** Every hold that the API lists, page by page. */
import { HoldsView, type HoldView } from '@quorum/shared/hold-view';

/** @param get asks for a path of the gateway and gives the JSON of its answer. */
export async function allHolds(get: (path: string) => Promise<unknown>, state?: string): Promise<HoldView[]> {
  const all: HoldView[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({
      limit: '100',
      ...(state === undefined ? {} : { state }),
      ...(cursor === null ? {} : { cursor }),
    });
    const { holds, next }: HoldsView = HoldsView.parse(await get(`/holds?${query.toString()}`));
    all.push(...holds);
    cursor = next;
  } while (cursor !== null);
  return all;
}
