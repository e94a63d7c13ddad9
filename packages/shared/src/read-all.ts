/** Reading a hash whose fields are records of many owners: one that cannot be read must not stand in the way of the others. */
import type { z } from 'zod';

export type ReadAll<T> = {
  readonly records: readonly T[];
  /** The fields that do not hold such a record. */
  readonly odd: readonly string[];
};

/** The records of a hash, as Redis gives it. */
export function readAll<T>(schema: z.ZodType<T>, hash: Readonly<Record<string, string>>): ReadAll<T> {
  const records: T[] = [];
  const odd: string[] = [];
  for (const [field, text] of Object.entries(hash)) {
    const parsed = schema.safeParse(jsonOf(text));
    if (parsed.success) records.push(parsed.data);
    else odd.push(field);
  }
  return { records, odd };
}

/** undefined: it is no JSON, and no record either. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
