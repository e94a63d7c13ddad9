/** zod's schemas as JSON Schema, as a document of OpenAPI has them. */
import { z } from 'zod';

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const Schemas = z.object({ schemas: z.record(z.string(), z.record(z.string(), z.json())) });

export type Translated = {
  /** The schemas that have a name. */
  readonly named: JsonObject;
  /** Any of the schemas; one that has a name is referred to. */
  readonly of: (schema: z.ZodType) => JsonObject;
};

/**
 * Translates schemas: `input` as what a client sends, `output` as what it gets. Those that have a name are referred to by all that
 * hold them. Throws at what JSON Schema cannot say, so that nothing is left out in silence.
 */
export function translate(
  names: Readonly<Record<string, z.ZodType>>,
  others: Iterable<z.ZodType>,
  io: 'input' | 'output',
): Translated {
  const idOf = new Map<z.ZodType, string>(Object.entries(names).map(([name, schema]) => [schema, name]));
  for (const schema of others) if (!idOf.has(schema)) idOf.set(schema, `unnamed ${idOf.size}`);
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of idOf) registry.add(schema, { id });
  const { schemas } = Schemas.parse(
    z.toJSONSchema(registry, {
      io,
      uri: (id) => `#/components/schemas/${id}`,
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema, path }) => tidy(zodSchema, jsonSchema, path),
    }),
  );
  const byId = new Map(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema)]));
  return {
    named: Object.fromEntries(Object.keys(names).map((name) => [name, byId.get(name) ?? {}])),
    of(schema) {
      const id = idOf.get(schema);
      const translated = id === undefined ? undefined : byId.get(id);
      if (id === undefined || translated === undefined) throw new TypeError('Nobody asked for this schema.');
      return Object.hasOwn(names, id) ? { $ref: `#/components/schemas/${id}` } : translated;
    },
  };
}

function withoutIds({ $id: _id, $schema: _schema, ...rest }: JsonObject): JsonObject {
  return rest;
}

/** What zod says too much of, and what it says nothing of. */
function tidy(schema: z.core.$ZodTypes, json: z.core.JSONSchema.BaseSchema, path: readonly (string | number)[]): void {
  // The patterns are hundreds of characters long, and say what the format says.
  if (json.format === 'date-time' || json.format === 'uuid') delete json.pattern;
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
  if (Object.keys(json).some((key) => key !== 'description')) return;
  // A transformation is the end of a pipe, which comes next.
  if (schema instanceof z.ZodUnknown || schema instanceof z.ZodTransform) return;
  if (!(schema instanceof z.ZodPipe)) throw new TypeError(`JSON Schema cannot say what stands at ${path.join('.')}.`);
  // What comes out of a transformation: ours make text nicer, and none makes something else of it.
  const { $schema: _schema, ...before } = z.toJSONSchema(schema.in);
  Object.assign(json, before, json);
}
