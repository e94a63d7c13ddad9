/**
 * `GET|POST /graphql`: the hub. A real GraphQL server with the hub's statuses: 400 for a query that cannot be read or does
 * not fit the schema, 500 for variables that do not fit, and 200 with `errors` for what a resolver refuses.
 */
import { buildSchema, execute, GraphQLError, parse, validate, type DocumentNode } from 'graphql';
import { z } from 'zod';
import { reply, type Answer, type Handler } from '../http.ts';
import type { LiveWorld } from '../live-world.ts';
import { depthError, rootFieldsError } from './limits.ts';
import { createResolvers } from './resolvers.ts';

const GraphQLRequest = z.object({
  query: z.string().min(1),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

const CORS = { 'access-control-allow-origin': '*' };

function failed(status: number, errors: readonly GraphQLError[]): Answer {
  return reply(status, { errors }, CORS);
}

/** `sdl` is the text of `schema.graphql`. */
export function createHub(world: LiveWorld, sdl: string): Handler {
  const schema = buildSchema(sdl);
  const rootValue = createResolvers(world);

  return async (request): Promise<Answer> => {
    const asked = GraphQLRequest.safeParse(request.method === 'GET' ? fromQueryString(request.query) : request.body);
    if (!asked.success) return failed(400, [new GraphQLError('Must provide query string.')]);
    const { query, variables, operationName } = asked.data;

    const document = parseQuery(query);
    if (document instanceof GraphQLError) return failed(400, [document]);
    const tooMany = rootFieldsError(document);
    if (tooMany) return failed(500, [tooMany]);
    const invalid = [...validate(schema, document)];
    const tooDeep = invalid.length === 0 ? depthError(document) : null;
    if (tooDeep) invalid.push(tooDeep);
    if (invalid.length > 0) return failed(400, invalid);

    const result = await execute({
      schema,
      document,
      rootValue,
      variableValues: variables ?? null,
      operationName: operationName ?? null,
    });
    // No data at all means that execution did not start: bad variables. A resolver's error leaves nulls in the data.
    return reply(result.data ? 200 : 500, result, CORS);
  };
}

function parseQuery(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

function fromQueryString(query: Readonly<Record<string, unknown>>): unknown {
  const text = query['variables'];
  if (typeof text !== 'string') return query;
  try {
    const variables: unknown = JSON.parse(text);
    return { ...query, variables };
  } catch {
    // Said as 'Must provide query string.': the request as a whole cannot be read.
    return {};
  }
}
