/** What every list of the API takes and gives to be read by pages, so that who can read one can read them all. */
import { z } from 'zod';

/**
 * The parameters of a list. Each has cursors of its own form: that of another list would begin at the first page again, and whoever
 * reads on would never end.
 */
export const pagingBy = (cursor: RegExp, first: string) => ({
  cursor: z
    .string()
    .regex(cursor, { error: 'must be `next` of the page before' })
    .optional()
    .describe(`\`next\` of the page before; left out: ${first}`),
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many at most'),
});

/** The field of an answer that says where to go on. */
export const Next = z
  .string()
  .nullable()
  .describe('The `cursor` of the next page, also behind a page that is short; null: there is none');
