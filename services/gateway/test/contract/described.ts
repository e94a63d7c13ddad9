/** `openapi.json` as a client has it: read from the file, not from what made it, and checked by a validator of JSON Schema. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';

export const Schema = z.record(z.string(), z.json());
export type Schema = z.infer<typeof Schema>;

const Parameter = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean(),
  schema: Schema,
});
export type Parameter = z.infer<typeof Parameter>;

const Content = z.record(z.string(), z.object({ schema: Schema }));
const Response = z.object({ content: Content.optional(), headers: z.record(z.string(), z.unknown()).optional() });
const Operation = z.object({
  operationId: z.string(),
  parameters: z.array(Parameter),
  requestBody: z.object({ content: Content }).optional(),
  responses: z.record(z.string(), z.union([z.object({ $ref: z.string() }), Response])),
});

const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), Schema), responses: z.record(z.string(), Response) }),
});

const json: unknown = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'));
const document = Document.parse(json);

/** What a response is, and where it stands in the document. */
type Answered = { readonly at: string; readonly response: z.infer<typeof Response> };

export type Described = {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** The schema of the body; undefined: it takes none. */
  readonly body: Schema | undefined;
  readonly responses: ReadonlyMap<string, Answered>;
};

export const OPERATIONS: readonly Described[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId, parameters, requestBody, responses }]) => ({
    id: operationId,
    method: method.toUpperCase(),
    path,
    parameters,
    body: requestBody?.content['application/json']?.schema,
    responses: new Map(
      Object.entries(responses).map(([status, response]) => {
        const own = `#/paths/${escaped(path)}/${method}/responses/${status}`;
        return [status, '$ref' in response ? referred(response.$ref) : { at: own, response }];
      }),
    ),
  })),
);

function referred(ref: string): Answered {
  const response = document.components.responses[ref.split('/').at(-1) ?? ''];
  if (response === undefined) throw new Error(`${ref} is not there`);
  return { at: ref, response };
}

/** A key as it stands in a JSON pointer. */
function escaped(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** The schema that a reference leads to. */
export function schemaAt(ref: string): Schema {
  const schema = document.components.schemas[ref.split('/').at(-1) ?? ''];
  if (schema === undefined) throw new Error(`${ref} is not there`);
  return schema;
}

const ajv = new Ajv2020({
  strict: false,
  allErrors: true,
  formats: {
    uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  },
});
ajv.addSchema(z.record(z.string(), z.unknown()).parse(json), 'openapi');

/** What is wrong with a body of this response and media type; empty: it fits. */
export function faultsOf({ at }: Answered, mediaType: string, body: unknown): string[] {
  const validate = ajv.getSchema(`openapi${at}/content/${escaped(mediaType)}/schema`);
  if (validate === undefined) return [`${at} has no ${mediaType}`];
  if (validate(body) === true) return [];
  return (validate.errors ?? []).map(({ instancePath, message = '' }) => `${instancePath} ${message}`);
}
