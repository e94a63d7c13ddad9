/** The schema is the hub's own: what it says of itself is what the hub was recorded to say, but for the descriptions. */
import { readFile } from 'node:fs/promises';
import { buildClientSchema, lexicographicSortSchema, printSchema, type IntrospectionQuery } from 'graphql-15';
import { expect, test } from 'vitest';
import { readHubSchema } from './schema.ts';

test('the same types, fields, arguments and defaults', async () => {
  const fixture = new URL('../../fixtures/hub-introspection.json', import.meta.url);
  const recorded: IntrospectionQuery = JSON.parse(await readFile(fixture, 'utf8'));
  const served = printSchema(lexicographicSortSchema(await readHubSchema()));
  expect(served).toBe(printSchema(lexicographicSortSchema(buildClientSchema(recorded))));
});
