/** The OpenAPI document: it keeps to OpenAPI 3.1, every part of it says what it is, and the file is what the gateway serves. */
import { readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { CATALOGUE, methodsByPath } from './catalogue.ts';
import { openApiDocument, problemsOf } from './document.ts';
import { isObject, translate, type Json, type JsonObject } from './json-schema.ts';
import { PROBLEM_KINDS, problemOf } from '../problem.ts';

const document = openApiDocument();

test('keeps to the schema of OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate({ ...document });
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test('stands in the file that is committed', async () => {
  const file = new URL('../../openapi.json', import.meta.url);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(document);
});

/** Every object inside a value, with where it stands. */
function* objectsIn(value: Json, at: readonly string[] = []): Generator<{ at: readonly string[]; object: JsonObject }> {
  if (isObject(value)) yield { at, object: value };
  const inner = Array.isArray(value) ? value.entries() : isObject(value) ? Object.entries(value) : [];
  for (const [key, one] of inner) yield* objectsIn(one, [...at, String(key)]);
}

const everywhere = [...objectsIn(document)];

test('refers to nothing that is not there', () => {
  const lost = everywhere.filter(({ object: { $ref: ref } }) => typeof ref === 'string' && found(ref) === undefined);
  expect(lost).toEqual([]);
  expect(everywhere.filter(({ object }) => '$ref' in object).length).toBeGreaterThan(100);
});

function found(ref: string): Json | undefined {
  const path = ref.replace('#/', '').split('/');
  return path.reduce<Json | undefined>((value, key) => (isObject(value) ? value[key] : undefined), document);
}

test('says of every field and parameter what it is', () => {
  const fields = everywhere
    .filter(({ at, object }) => isObject(object['properties']) && !at.includes('responses'))
    .flatMap(({ at, object }) =>
      Object.entries(isObject(object['properties']) ? object['properties'] : {}).map(([name, field]) => ({
        at: [...at, name].join('/'),
        field: isObject(field) ? field : {},
      })),
    );
  const isTold = ({ field }: { field: JsonObject }): boolean => {
    const named = typeof field['$ref'] === 'string' ? found(field['$ref']) : undefined;
    return 'description' in field || 'const' in field || (isObject(named) && 'description' in named);
  };
  expect(fields.filter((one) => !isTold(one)).map(({ at }) => at)).toEqual([]);
  expect(fields.length).toBeGreaterThan(100);
  const parameters = everywhere.filter(({ object }) => 'in' in object && 'schema' in object);
  expect(parameters.filter(({ object }) => object['description'] === '')).toEqual([]);
});

test('says of every schema what type it has', () => {
  const typeless = everywhere.filter(
    ({ at, object }) =>
      ['items', 'schema', 'additionalProperties'].includes(at.at(-1) ?? '') &&
      !['type', '$ref', 'anyOf', 'oneOf', 'enum', 'const'].some((key) => key in object),
  );
  // Two are loose, as they are not of this API's making: they say of their fields that there may be more.
  const isLoose = (at: readonly string[]): boolean => /\/(openapi\.json|evidence\/\{hash\})\//.test(at.join('/'));
  expect(typeless.filter(({ at }) => !isLoose(at))).toEqual([]);
});

test('every operation has a name of its own, a group, and what it is', () => {
  const ids = CATALOGUE.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(CATALOGUE.filter(({ summary }) => summary === '' || summary.endsWith('.'))).toEqual([]);
  // What stands in a path is what is read of it.
  for (const { path, params } of CATALOGUE) {
    const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    expect(params instanceof z.ZodObject ? Object.keys(params.shape) : [], path).toEqual(inPath);
  }
});

test('every component that has a name is used', () => {
  const used = new Set(everywhere.flatMap(({ object: { $ref: ref } }) => (typeof ref === 'string' ? [ref] : [])));
  const { components } = document;
  const named = Object.entries(isObject(components) ? components : {}).flatMap(([kind, all]) =>
    Object.keys(isObject(all) ? all : {}).map((name) => `#/components/${kind}/${name}`),
  );
  expect(named.filter((name) => !used.has(name) && !name.includes('/securitySchemes/'))).toEqual([]);
});

test('a route says no in each way that follows from what it is', () => {
  const byId = new Map(CATALOGUE.map((route) => [route.id, problemsOf(route)]));
  expect(byId.get('startRun')).toEqual(
    expect.arrayContaining(['validation', 'malformed-body', 'role-too-low', 'body-too-large', 'run-conflict']),
  );
  expect(byId.get('live')).toEqual(['foreign-origin', 'foreign-host', 'internal']);
  expect(methodsByPath().get('/user-preferences')).toBe('GET, HEAD, PATCH, PUT');
});

test('what JSON Schema cannot say is never left out in silence', () => {
  const at = z.object({ when: z.date() });
  expect(() => translate({}, [at], 'output')).toThrow(/when/);
});

test('the page on the API lists every problem with its status', async () => {
  const page = await readFile(new URL('../../../../docs/api.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| (`.*?)\| (\d+) +\|$/gm)].flatMap(([, kinds = '', status]) =>
    [...kinds.matchAll(/`([a-z-]+)`/g)].map(([, kind]) => `${kind} ${status}`),
  );
  const all = PROBLEM_KINDS.map(problemOf).map(({ type, status }) => `${type.replace('/problems/', '')} ${status}`);
  expect(listed.toSorted()).toEqual(all.toSorted());
});
