/** The fields that log events are made of. */
import { z } from 'zod';
import { ERROR_CATEGORIES } from './errors.ts';

export const text = z.string();
export const names = z.array(text);
export const count = z.int().nonnegative();
const LoggedError = z.object({
  type: text,
  message: text,
  stack: text.optional(),
  category: text.optional(),
  code: z.union([text, z.number()]).optional(),
  cause: z.unknown().optional(),
});
export const err = z.union([LoggedError, z.unknown()]);
export const category = z.enum(ERROR_CATEGORIES);
export const usage = { duration_ms: count, calls: count, input_tokens: count, output_tokens: count };
