/** Fields of a Redis hash, each JSON. What does not parse is an error, never a guess. */
import type { z } from 'zod';

/** A field; null where it is not there. */
export function parseField<T>(text: string | undefined, schema: z.ZodType<T>): T | null {
  return text === undefined ? null : schema.parse(JSON.parse(text));
}

/** All fields whose names begin so, by the rest of their names. */
export function parsePrefixed<K extends z.ZodType, T>(
  fields: Readonly<Record<string, string>>,
  prefix: string,
  key: K,
  schema: z.ZodType<T>,
): ReadonlyMap<z.output<K>, T> {
  const found = Object.entries(fields).filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, text]) => [key.parse(name.slice(prefix.length)), schema.parse(JSON.parse(text))]));
}
