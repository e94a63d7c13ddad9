/** What no recorded case shows of the GraphQL library that the hub runs on: its words, its statuses, its introspection. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../test/client.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

test.each([
  ['{ networks { id } ? }', 400, 'Syntax Error: Cannot parse the unexpected character "?".'],
  ['{ vote(id: "\\x") { id } }', 400, 'Syntax Error: Invalid character escape sequence: \\x.'],
  [
    "{ vote(id: 'a') { id } }",
    400,
    `Syntax Error: Unexpected single quote character ('), did you mean to use a double quote (")?`,
  ],
  ['mutation { vote }', 400, 'Schema is not configured for mutations.'],
  [
    'query A { networks { id } } query B { networks { id } }',
    500,
    'Must provide operation name if query contains multiple operations.',
  ],
])('%s', async (query, status, message) => {
  const said = await call('POST', `${sandbox.url}/graphql`, { query });
  expect(said).toMatchObject({ status, body: { errors: [{ message }] } });
});

test('only a query may be asked in the URL', async () => {
  const url = `${sandbox.url}/graphql?query=${encodeURIComponent('mutation { vote }')}`;
  const answer = await fetch(url);
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  expect(await answer.json()).toEqual({
    errors: [{ message: 'Can only perform a mutation operation from a POST request.' }],
  });
});

test('the schema tells of itself in the fields that were recorded', async () => {
  const query = '{ __type(name: "Vote") { specifiedByUrl fields { name } } __schema { directives { name } } }';
  const { status, body } = await call('POST', `${sandbox.url}/graphql`, { query });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    data: {
      __type: { specifiedByUrl: null, fields: expect.arrayContaining([{ name: 'vp_by_strategy' }]) },
      __schema: { directives: ['include', 'skip', 'deprecated', 'specifiedBy'].map((name) => ({ name })) },
    },
  });
});
