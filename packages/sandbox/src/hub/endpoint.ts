/**
 * `GET|POST /graphql`: the hub. A real GraphQL server with the hub's statuses: 400 for a query that cannot be read or does
 * not fit the schema, 500 for too many fields or variables that do not fit, and 200 with `errors` for what a resolver refuses.
 */
import {
  execute,
  getOperationAST,
  GraphQLError,
  parse,
  validate,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql-15';
import { z } from 'zod';
import { CORS, reply, type Answer, type Handler, type Reply, type SandboxRequest } from '../http.ts';
import type { LiveWorld } from '../live-world.ts';
import { countError, depthErrors } from './limits.ts';
import { createResolvers } from './resolvers.ts';

const Variables = z.record(z.string(), z.unknown());

type Asked = {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>> | null;
  readonly operationName: string | null;
};

function failed(status: number, errors: readonly GraphQLError[], headers: Record<string, string> = {}): Answer {
  return reply(status, { errors }, { ...CORS, ...headers });
}

export function createHub(world: LiveWorld, schema: GraphQLSchema): Handler {
  const rootValue = createResolvers(world);
  /** As the real one answers while its database is away. */
  const requestFailed = (): never => {
    throw new GraphQLError('request failed');
  };
  const withoutDatabase = Object.fromEntries(Object.keys(rootValue).map((field) => [field, requestFailed]));

  return async (request): Promise<Answer> => {
    const answer = await answerOf(request);
    const page = request.prefersPage && !('raw' in request.query);
    return page && answer.kind === 'reply' && answer.status !== 405 ? inPage(request, answer) : answer;
  };

  async function answerOf(request: SandboxRequest): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'POST') {
      return failed(405, [new GraphQLError('GraphQL only supports GET and POST requests.')], { allow: 'GET, POST' });
    }
    const asked = readQuestion(request);
    if (asked instanceof GraphQLError) return failed(400, [asked]);

    const document = parseQuery(asked.query);
    if (document instanceof GraphQLError) return failed(400, [document]);
    const tooMany = countError(document);
    if (tooMany) return failed(500, [tooMany]);
    const invalid = [...depthErrors(document), ...validate(schema, document)];
    if (invalid.length > 0) return failed(400, invalid);

    const operation = getOperationAST(document, asked.operationName)?.operation ?? 'query';
    if (request.method === 'GET' && operation !== 'query') {
      const message = `Can only perform a ${operation} operation from a POST request.`;
      return failed(405, [new GraphQLError(message)], { allow: 'POST' });
    }

    const result = await run(schema, document, request.fails === 'database' ? withoutDatabase : rootValue, asked);
    if (result instanceof GraphQLError) return failed(400, [result]);
    // No data at all means that execution did not start: bad variables. A resolver's error leaves nulls in the data.
    return reply(result.data ? 200 : 500, result, CORS);
  }
}

/** An error by itself is one for which nothing could be executed: the schema knows no such operation. */
async function run(
  schema: GraphQLSchema,
  document: DocumentNode,
  rootValue: unknown,
  { variables: variableValues, operationName }: Asked,
): Promise<ExecutionResult | GraphQLError> {
  try {
    return await execute({ schema, document, rootValue, variableValues, operationName });
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** The page for trying out queries: where none was asked it is no error, else it keeps the answer's status. */
function inPage(request: SandboxRequest, { status, body }: Reply): Answer {
  const asked = 'query' in request.query || Variables.safeParse(request.body).data?.['query'] !== undefined;
  const text = JSON.stringify(body, null, 2).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const page = `<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8" />\n<title>GraphiQL</title>\n</head>\n<body>\n<pre>${asked ? text : ''}</pre>\n</body>\n</html>\n`;
  return reply(asked ? status : 200, page, { ...CORS, 'content-type': 'text/html; charset=utf-8' });
}

/** What the query string says goes before what the body says, each for itself. */
function readQuestion({ query: inUrl, body }: SandboxRequest): Asked | GraphQLError {
  const inBody: Readonly<Record<string, unknown>> = Variables.safeParse(body).data ?? {};
  const query = inUrl['query'] ?? inBody['query'];
  const operationName = inUrl['operationName'] ?? inBody['operationName'];
  if (typeof query !== 'string') return new GraphQLError('Must provide query string.');
  const variables = readVariables(inUrl['variables'] ?? inBody['variables']);
  if (variables === 'unreadable') return new GraphQLError('Variables are invalid JSON.');
  return {
    query,
    variables: Variables.safeParse(variables).data ?? null,
    operationName: typeof operationName === 'string' ? operationName : null,
  };
}

function readVariables(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch (error) {
    if (error instanceof SyntaxError) return 'unreadable';
    throw error;
  }
}

function parseQuery(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}
