/** The hub's schema: the same types, arguments and defaults as its own introspection, one file per part in `schema/`. */
import { readdir, readFile } from 'node:fs/promises';
import { buildSchema, type GraphQLSchema } from 'graphql-15';

/** Reads the parts beside this file. */
export async function readHubSchema(): Promise<GraphQLSchema> {
  const folder = new URL('./schema/', import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.graphql')).toSorted();
  const parts = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')));
  return buildSchema(parts.join('\n'));
}
