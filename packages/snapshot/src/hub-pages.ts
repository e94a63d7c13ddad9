/** How a list of the hub is read to its end, within the hub's limits. */
import { createdOf } from './hub-answers.ts';
import { malformed } from './hub-errors.ts';

/** The hub's limits. */
export const PAGE_ROWS = 1_000;
const MAX_SKIP = 5_000;
/** The largest GraphQL Int: a page key that excludes nothing. */
export const INT_MAX = 2_147_483_647;

/**
 * The pages of a list, newest first. Paged by key, not by `skip`, which ends at 5,000: each page begins with the second in which
 * the last one ended, so a row may come twice. Only within one second that fills a whole page does `skip` help out.
 */
export async function* byCreated<Row>(
  page: (createdLte: number, skip: number) => Promise<Row[]>,
): AsyncGenerator<Row[], void, undefined> {
  let createdLte = INT_MAX;
  let skip = 0;
  for (;;) {
    const rows = await page(createdLte, skip);
    yield rows;
    if (rows.length < PAGE_ROWS) return;
    const oldest = rows.reduce((least, row) => Math.min(least, createdOf(row) ?? INT_MAX), INT_MAX);
    if (oldest < createdLte) {
      createdLte = oldest;
      skip = 0;
    } else if (skip + PAGE_ROWS <= MAX_SKIP) {
      skip += PAGE_ROWS;
    } else {
      throw malformed('the list cannot be read to its end');
    }
  }
}
