/**
 * The OpenAPI 3.1 document, made of the catalogue. `npm run docs` writes it to `openapi.json`, `npm run check` compares it, and the
 * gateway serves it.
 */
import type { z } from 'zod';
import manifest from '../../package.json' with { type: 'json' };
import { PROBLEM_TYPE, problemOf, type ProblemKind } from '../problem.ts';
import { CATALOGUE } from './catalogue.ts';
import { ANSWERED, SENT } from './components.ts';
import { isObject, translate, type Json, type JsonObject } from './json-schema.ts';
import { VERSION } from './operation.ts';
import { GROUPS, NOTHING, type Answer, type Method, type Route } from './route.ts';

const DESCRIPTION = `The API of Quorum, an autonomous DAO voting agent.

A request acts for the owner of its API key, in the role of that key: a **viewer** reads, a **user** starts runs and answers, an **admin**
sees what is everybody's. Where \`ALLOW_ANONYMOUS\` is set, which no gateway with a live upstream takes, requests without a key act for its
one owner. What is another owner's is 404.

Each refusal is a problem (RFC 9457): \`type\` is for programs and does not change, \`detail\` is for people, \`request_id\` names the
request in the log. Fields that are not known are refused, and named. Each request that is not a GET or a HEAD needs
\`Content-Type: application/json\`, one without a body too.`;

const JSON_TYPE = 'application/json';

/** An answer of one status, as OpenAPI has it. */
type Response = { readonly description: string; readonly [key: string]: Json };

/** The document. A thing of some milliseconds: keep it. */
export function openApiDocument(): JsonObject & { readonly openapi: typeof VERSION } {
  const answered = translate(ANSWERED, CATALOGUE.flatMap(schemasAnswered), 'output');
  const sent = translate(SENT, CATALOGUE.flatMap(schemasSent), 'input');
  const refusals = new Map<string, Response>();
  const operations = CATALOGUE.map((route) => {
    for (const kinds of problemsByStatus(route).values()) refusals.set(nameOf(kinds), problemsResponse(kinds));
    return { ...route, operation: operationOf(route, answered.of, sent.of) };
  });
  const paths = Map.groupBy(operations, ({ path }) => documented(path));
  return {
    openapi: VERSION,
    info: {
      title: 'Quorum',
      version: manifest.version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The gateway that serves this document' }],
    tags: Object.entries(GROUPS).map(([name, description]) => ({ name, description })),
    security: [{ key: [] }],
    paths: Object.fromEntries(
      [...paths].map(([path, all]) => [
        path,
        Object.fromEntries(all.map(({ method, operation }): [Method, JsonObject] => [method, operation])),
      ]),
    ),
    components: {
      schemas: { ...answered.named, ...sent.named },
      responses: Object.fromEntries(refusals),
      headers: HEADERS,
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key, as `npm run keys` makes them' },
      },
    },
  };
}

/** `/agent-run/:id` as OpenAPI has it. */
function documented(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

type SchemaOf = (schema: z.ZodType) => JsonObject;

function operationOf(route: Route, answered: SchemaOf, sent: SchemaOf): JsonObject {
  const { id, group, summary, details, role, body, answers } = route;
  const needs = role === 'anybody' ? 'Asks for no key.' : `Needs the role ${role}.`;
  return {
    operationId: id,
    tags: [group],
    summary,
    description: [details, needs].filter((part) => part !== undefined).join('\n\n'),
    ...(role === 'anybody' ? { security: [] } : {}),
    parameters: [
      ...parametersOf('path', route.params, sent),
      ...parametersOf('query', route.query, sent),
      ...parametersOf('header', route.headers, sent),
    ],
    ...(body === NOTHING ? {} : { requestBody: { required: true, content: { [JSON_TYPE]: { schema: sent(body) } } } }),
    responses: responsesOf(route, answers, answered),
  };
}

function parametersOf(place: 'path' | 'query' | 'header', schema: z.ZodType, sent: SchemaOf): JsonObject[] {
  if (schema === NOTHING) return [];
  const { properties, required } = sent(schema);
  if (!isObject(properties)) throw new TypeError(`The ${place} of a route must be an object.`);
  const needed = Array.isArray(required) ? required : [];
  return Object.entries(properties).map(([name, property]) => {
    const { description = '', ...rest } = isObject(property) ? property : {};
    return { name, in: place, required: needed.includes(name), description, schema: rest };
  });
}

function schemasAnswered({ answers }: Route): z.ZodType[] {
  return Object.values(answers).flatMap(({ body }) => (body === undefined ? [] : [body]));
}

function schemasSent({ params, query, headers, body }: Route): z.ZodType[] {
  return [params, query, headers, body].filter((schema) => schema !== NOTHING);
}

/** What is answered with each status: where it went well, and where not. */
function responsesOf(route: Route, answers: Readonly<Record<string, Answer>>, answered: SchemaOf): JsonObject {
  const good = Object.entries(answers).map(([status, answer]): [string, JsonObject] => [
    status,
    answerOf(answer, answered),
  ]);
  const bad = [...problemsByStatus(route)].map(([status, kinds]): [string, JsonObject] => {
    const answer = answers[status];
    const refusal = { $ref: `#/components/responses/${nameOf(kinds)}` };
    const isShared = answer !== undefined;
    return [String(status), isShared ? merged(answerOf(answer, answered), problemsResponse(kinds)) : refusal];
  });
  return Object.fromEntries([...good, ...bad].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** An answer and a problem may have one status: /health is 503 with a body of its own. They differ in the media type. */
function merged(answer: Response, problem: Response): JsonObject {
  const contents = [answer, problem].flatMap(({ content }) => (isObject(content) ? Object.entries(content) : []));
  return {
    ...problem,
    ...answer,
    description: `${answer.description} ${problem.description}`,
    content: Object.fromEntries(contents),
  };
}

function answerOf({ description, body, text, headers = {} }: Answer, answered: SchemaOf): Response {
  const own = Object.entries(headers).map(([name, means]) => [
    name,
    { description: means, schema: { type: 'string' } },
  ]);
  const content =
    body === undefined
      ? text === undefined
        ? {}
        : { content: { [text]: { schema: { type: 'string' } } } }
      : { content: { [JSON_TYPE]: { schema: answered(body) } } };
  return { description, headers: { ...REQUEST_ID, ...Object.fromEntries(own) }, ...content };
}

const ref = (name: string): JsonObject => ({ $ref: `#/components/headers/${name}` });
const HEADERS = {
  'X-Request-Id': { description: 'Names the request in the log', schema: { type: 'string' } },
  'Retry-After': { description: 'After how many seconds to try again', schema: { type: 'integer' } },
  'WWW-Authenticate': { description: 'How to say who asks', schema: { type: 'string' } },
  RateLimit: { description: 'What is left of each budget, and for how long', schema: { type: 'string' } },
  'RateLimit-Policy': { description: 'The budgets that this request is counted under', schema: { type: 'string' } },
} as const satisfies JsonObject;
const REQUEST_ID = { 'X-Request-Id': ref('X-Request-Id') };
const HEADERS_OF_STATUS: Readonly<Record<number, JsonObject>> = {
  401: { 'WWW-Authenticate': ref('WWW-Authenticate') },
  429: {
    'Retry-After': ref('Retry-After'),
    RateLimit: ref('RateLimit'),
    'RateLimit-Policy': ref('RateLimit-Policy'),
  },
  503: { 'Retry-After': ref('Retry-After') },
};

/** Whether two refusals are the same answer: their kinds. */
function nameOf(kinds: readonly ProblemKind[]): string {
  return kinds.map((kind) => kind.replaceAll('_', '-')).join('.');
}

function problemsByStatus(route: Route): ReadonlyMap<number, readonly ProblemKind[]> {
  return Map.groupBy(problemsOf(route), (kind) => problemOf(kind).status);
}

/** Refusals of one status. */
function problemsResponse(kinds: readonly ProblemKind[]): Response {
  const all = kinds.map(problemOf);
  const { status = 500 } = all[0] ?? {};
  return {
    description: all.map(({ type, title }) => `${title} (\`${type}\`).`).join(' '),
    headers: { ...REQUEST_ID, ...HEADERS_OF_STATUS[status] },
    content: {
      [PROBLEM_TYPE]: {
        schema: {
          $ref: '#/components/schemas/Problem',
          properties: { type: { enum: all.map(({ type }) => type) }, status: { const: status } },
        },
      },
    },
  };
}

/** Everything that a route may refuse with: what its entry names, and what follows from the rest of it. */
export function problemsOf({
  method,
  role,
  params,
  names,
  query,
  headers,
  body,
  problems,
}: Route): readonly ProblemKind[] {
  const isChecked =
    [query, headers, body].some((part) => part !== NOTHING) || (params !== NOTHING && names === undefined);
  const all: (ProblemKind | false)[] = [
    isChecked && 'validation',
    body !== NOTHING && 'malformed-body',
    role !== 'anybody' && 'unauthorized',
    'foreign-origin',
    role !== 'anybody' && role !== 'viewer' && 'role-too-low',
    names !== undefined && 'not_found',
    body !== NOTHING && 'body-too-large',
    method !== 'get' && 'unsupported-media-type',
    'foreign-host',
    role !== 'anybody' && 'too-many-requests',
    'internal',
    role !== 'anybody' && 'upstream_unavailable',
    ...problems,
  ];
  return [...new Set(all.filter((kind) => kind !== false))];
}
