/** Requests made of the schemas of an operation: some that fit, some that nearly do, some that nobody should send. */
import fc, { type Arbitrary } from 'fast-check';
import { schemaAt, type Described, type Parameter, type Schema } from './described.ts';

export type Made = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Whether it is refused whatever state the gateway is in. */
  readonly isBad: boolean;
};

/** What a test knows to be there: values for a parameter or field by its name, and of paths by the path. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** Requests of an operation; of every ten, about six fit its schemas. */
export function requestsOf(operation: Described, known: Known): Arbitrary<Made> {
  const good = goodRequest(operation, known);
  return fc.oneof(
    { arbitrary: good, weight: 6 },
    { arbitrary: good.chain((made) => spoilt(made, operation)), weight: 4 },
  );
}

function goodRequest({ path, parameters, body }: Described, known: Known): Arbitrary<Made> {
  const of = (place: Parameter['in']): Parameter[] => parameters.filter((parameter) => parameter.in === place);
  const inPath = of('path').map((parameter) => valueOf(parameter, known, path));
  return fc
    .record({
      path: fc.tuple(...inPath),
      query: optionals(of('query'), known, path),
      headers: optionals(of('header'), known, path),
      body: body === undefined ? fc.constant(undefined) : valueIn(body, known).map((value) => JSON.stringify(value)),
    })
    .map((made) => ({
      path: `${filled(path, made.path)}${queryOf(made.query)}`,
      headers: Object.fromEntries(made.headers),
      body: made.body,
      isBad: false,
    }));
}

/** The path with its values in it. Dots alone would be another path. */
function filled(path: string, values: readonly string[]): string {
  const left = [...values];
  return path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(left.shift() ?? '').replaceAll('.', '%2E'));
}

function queryOf(pairs: readonly (readonly [string, string])[]): string {
  const query = new URLSearchParams();
  for (const [name, value] of pairs) query.append(name, value);
  return pairs.length === 0 ? '' : `?${query.toString()}`;
}

/** Names and values of parameters, some of those that may be left out left out. */
function optionals(parameters: readonly Parameter[], known: Known, path: string): Arbitrary<[string, string][]> {
  const each = parameters.map((parameter) => {
    const pair = valueOf(parameter, known, path).map((value): [string, string][] => [[parameter.name, value]]);
    return parameter.required ? pair : fc.oneof(pair, fc.constant<[string, string][]>([]));
  });
  return fc.tuple(...each).map((found) => found.flat());
}

function valueOf({ name, schema, in: place }: Parameter, known: Known, path: string): Arbitrary<string> {
  const any = place === 'header' && schema['pattern'] === undefined ? headerText() : valueIn(schema, known).map(String);
  const there = known[`${path} ${name}`] ?? known[name];
  return there === undefined ? any : fc.oneof({ arbitrary: fc.constantFrom(...there), weight: 3 }, any);
}

/** What may stand in a header, and no more. */
function headerText(): Arbitrary<string> {
  return fc.stringMatching(/^[\x21-\x7e]{0,40}$/);
}

type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

/** Values that fit a schema. */
function valueIn(schema: Schema, known: Known, name = ''): Arbitrary<Value> {
  const { $ref: ref, enum: choices, const: only, anyOf, oneOf, type } = schema;
  if (typeof ref === 'string') return valueIn(schemaAt(ref), known, name);
  if (Array.isArray(choices)) return fc.constantFrom(...choices);
  if (only !== undefined) return fc.constant(only);
  const alternatives = anyOf ?? oneOf;
  if (Array.isArray(alternatives)) return fc.oneof(...alternatives.filter(isSchema).map((one) => valueIn(one, known)));
  const there = known[name];
  if (type === 'string' && there !== undefined) return fc.oneof(fc.constantFrom(...there), stringIn(schema));
  switch (type) {
    case 'string':
      return stringIn(schema);
    case 'integer':
      return fc.integer({ min: numberAt(schema, 'minimum', -1_000), max: numberAt(schema, 'maximum', 100_000) });
    case 'number':
      return fc.double({
        min: numberAt(schema, 'minimum', -1_000),
        max: numberAt(schema, 'maximum', 1_000),
        noNaN: true,
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(isSchema(schema['items']) ? valueIn(schema['items'], known) : fc.constant(null), {
        maxLength: 4,
      });
    case 'object':
      return objectIn(schema, known);
    default:
      throw new Error(`No values for ${JSON.stringify(schema)}`);
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberAt(schema: Schema, key: string, usual: number): number {
  const found = schema[key];
  return typeof found === 'number' ? found : usual;
}

function stringIn(schema: Schema): Arbitrary<string> {
  const { format, pattern } = schema;
  if (format === 'uuid') return fc.uuid();
  const [minLength, maxLength] = [numberAt(schema, 'minLength', 0), numberAt(schema, 'maxLength', 60)];
  const any = fc.string({ unit: 'binary', minLength, maxLength: Math.min(maxLength, 60) });
  if (typeof pattern !== 'string') return any;
  const regex = new RegExp(pattern, 'u');
  // fast-check knows no classes of Unicode.
  if (pattern.includes('\\p{')) return fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => regex.test(text));
  return fc.stringMatching(new RegExp(pattern));
}

function objectIn(schema: Schema, known: Known): Arbitrary<Value> {
  const { properties, required, propertyNames, additionalProperties } = schema;
  if (isSchema(properties)) {
    const needed = Array.isArray(required) ? required.map(String) : [];
    const fields = Object.entries(properties).filter(([, field]) => isSchema(field));
    const model = fields.map(([name, field]) => [name, valueIn(isSchema(field) ? field : {}, known, name)] as const);
    return fc.record(Object.fromEntries(model), { requiredKeys: needed });
  }
  const keys = isSchema(propertyNames) ? stringIn(propertyNames) : fc.string({ maxLength: 10 });
  const values = isSchema(additionalProperties) ? valueIn(additionalProperties, known) : fc.constant(null);
  return fc.dictionary(keys, values, { maxKeys: 3, noNullPrototype: true });
}

// --- What nobody should send ----------------------------------------------------------------------------------------

type Spoil = (made: Made, operation: Described) => Arbitrary<Made>;

function spoilt(made: Made, operation: Described): Arbitrary<Made> {
  const ways: Spoil[] = [anotherQuery, foreignHeaders, strangeHeaders];
  if (operation.path.includes('{')) ways.push(anotherPath);
  if (operation.body !== undefined) ways.push(anotherBody, brokenBody, anotherField, anotherType, tooLong);
  return fc.constantFrom(...ways).chain((way) => way(made, operation));
}

const anyText = (): Arbitrary<string> =>
  fc.string({ unit: 'binary', maxLength: 80 }).filter((text) => text.isWellFormed());

const anotherQuery: Spoil = (made) =>
  fc
    .array(
      fc.tuple(
        fc.oneof(fc.constantFrom('space_id', 'limit', 'cursor', 'state', 'after', 'x[y]'), anyText()),
        anyText(),
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    )
    .map((pairs) => ({
      ...made,
      path: `${made.path}${made.path.includes('?') ? '&' : '?'}${queryOf(pairs).slice(1)}`,
    }));

const anotherPath: Spoil = (made, { path }) =>
  anyText()
    .filter((text) => text !== '')
    .map((text) => ({ ...made, path: filled(path, [text]) }));

const foreignHeaders: Spoil = (made) =>
  fc
    .constantFrom({ host: 'quorum.example' }, { origin: 'https://quorum.example' }, { authorization: 'Bearer nobody' })
    .map((headers) => ({ ...made, headers: { ...made.headers, ...headers }, isBad: false }));

const strangeHeaders: Spoil = (made) =>
  fc
    .dictionary(
      fc.constantFrom('idempotency-key', 'if-match', 'last-event-id', 'accept', 'cookie', 'prefer', 'x-forwarded-for'),
      fc.stringMatching(/^[\x20-\x7e\xa0-\xff]{0,300}$/),
      { minKeys: 1, noNullPrototype: true },
    )
    .map((headers) => ({ ...made, headers: { ...made.headers, ...headers } }));

const anotherBody: Spoil = (made) => fc.json().map((body) => ({ ...made, body }));

const brokenBody: Spoil = (made) =>
  fc.constantFrom('', '{', '[', '"', 'nil', '{"a":1,}', '\u0000', `${made.body ?? ''}}`).map((body) => ({
    ...made,
    body,
    // An empty one is an object without fields, which some operations take.
    isBad: body !== '',
  }));

const anotherField: Spoil = (made) =>
  fc.json().map((value) => {
    const text = made.body ?? '{}';
    const more = `${text === '{}' ? '' : ','}"not_a_field":${value}}`;
    return { ...made, body: `${text.slice(0, -1)}${more}`, isBad: true };
  });

const anotherType: Spoil = (made) =>
  fc
    .constantFrom('text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', '')
    // Whoever reads bytes takes them for UTF-8, whatever a client calls them.
    .map((type) => ({ ...made, headers: { ...made.headers, 'content-type': type }, isBad: !type.includes('json') }));

/** Longer than any body may be. */
const TOO_LONG = `{"a":"${'a'.repeat(260_000)}"}`;
const tooLong: Spoil = (made) => fc.constant({ ...made, body: TOO_LONG, isBad: true });
