import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { hubSchemaText } from '../test/recorded.ts';
import * as queries from './queries.ts';

const schema = buildSchema(hubSchemaText());

describe('each query', () => {
  it.for(Object.entries(queries))("%s is valid by the hub's own schema", ([, text]) => {
    expect(validate(schema, parse(text)).map(({ message }) => message)).toEqual([]);
  });
});
