/**
 * The part of JSON Schema that structured outputs use: following references, telling whether a value fits, and making the
 * plainest value that does. Strict mode makes every property required, so all of an object's properties are filled in.
 */

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `value[name]` where there is such a thing. */
export function child(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Follows local `$ref`s, which schema generators use for what occurs twice or in itself. */
export function resolve(schema: unknown, root: unknown): unknown {
  let place = schema;
  for (let hops = 0; hops < 20; hops += 1) {
    const reference = child(place, '$ref');
    if (typeof reference !== 'string' || !reference.startsWith('#')) break;
    const names = reference.split('/').slice(1);
    place = names.reduce((at: unknown, name) => child(at, name.replaceAll('~1', '/').replaceAll('~0', '~')), root);
  }
  return place;
}

/** The schemas of a list keyword (`anyOf`, `allOf`, `prefixItems` …); empty where it is absent. */
function listOf(schema: unknown, keyword: string): readonly unknown[] {
  const found = child(schema, keyword);
  return Array.isArray(found) ? found : [];
}

function number(schema: unknown, keyword: string): number | undefined {
  const found = child(schema, keyword);
  return typeof found === 'number' ? found : undefined;
}

function typesOf(schema: unknown): readonly string[] {
  const type = child(schema, 'type');
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.filter((each) => typeof each === 'string');
  if (child(schema, 'properties') !== undefined) return ['object'];
  return child(schema, 'items') === undefined && child(schema, 'prefixItems') === undefined ? [] : ['array'];
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Whether the value satisfies the schema. Formats are not looked at. */
export function fits(value: unknown, given: unknown, root: unknown): boolean {
  const schema = resolve(given, root);
  const inner = (each: unknown): boolean => fits(value, each, root);
  const type = typeOf(value);
  const types = typesOf(schema);
  if (types.length > 0 && !types.includes(type) && !(types.includes('integer') && Number.isInteger(value)))
    return false;
  const allowed = child(schema, 'enum');
  if (Array.isArray(allowed) && !allowed.some((each) => same(each, value))) return false;
  if (isRecord(schema) && Object.hasOwn(schema, 'const') && !same(schema['const'], value)) return false;
  if (!listOf(schema, 'allOf').every(inner)) return false;
  if (listOf(schema, 'anyOf').length > 0 && !listOf(schema, 'anyOf').some(inner)) return false;
  if (listOf(schema, 'oneOf').length > 0 && listOf(schema, 'oneOf').filter(inner).length !== 1) return false;
  if (typeof value === 'string') return fitsText(value, schema);
  if (typeof value === 'number') return fitsNumber(value, schema);
  if (Array.isArray(value)) return fitsList(value, schema, root);
  return !isRecord(value) || fitsObject(value, schema, root);
}

function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function fitsText(value: string, schema: unknown): boolean {
  const length = Array.from(value).length;
  if (length < (number(schema, 'minLength') ?? 0) || length > (number(schema, 'maxLength') ?? Infinity)) return false;
  const pattern = child(schema, 'pattern');
  return typeof pattern !== 'string' || new RegExp(pattern, 'u').test(value);
}

function fitsNumber(value: number, schema: unknown): boolean {
  const step = number(schema, 'multipleOf');
  return (
    value >= (number(schema, 'minimum') ?? -Infinity) &&
    value <= (number(schema, 'maximum') ?? Infinity) &&
    value > (number(schema, 'exclusiveMinimum') ?? -Infinity) &&
    value < (number(schema, 'exclusiveMaximum') ?? Infinity) &&
    (step === undefined || Math.abs(value / step - Math.round(value / step)) < 1e-9)
  );
}

function fitsList(value: readonly unknown[], schema: unknown, root: unknown): boolean {
  if (value.length < (number(schema, 'minItems') ?? 0) || value.length > (number(schema, 'maxItems') ?? Infinity)) {
    return false;
  }
  if (child(schema, 'uniqueItems') === true && new Set(value.map((each) => JSON.stringify(each))).size < value.length) {
    return false;
  }
  const first = listOf(schema, 'prefixItems');
  return value.every((each, at) => {
    const item = at < first.length ? first[at] : child(schema, 'items');
    return item === undefined || fits(each, item, root);
  });
}

function fitsObject(value: Record<string, unknown>, schema: unknown, root: unknown): boolean {
  const properties = child(schema, 'properties') ?? {};
  const more = child(schema, 'additionalProperties');
  return (
    listOf(schema, 'required').every((name) => typeof name === 'string' && Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, each]) => {
      const property = child(properties, name);
      if (property !== undefined) return fits(each, property, root);
      return more !== false && (!isRecord(more) || fits(each, more, root));
    })
  );
}

/** What is known of a property, by its name: returns undefined to leave it to the plainest value. */
export type Hint = (name: string, schema: unknown) => unknown;

/** How deep a schema that contains itself is followed before the shortest way out is taken. */
const DEEP = 6;

/** A value that fits: what `hint` knows of a property where that fits, else the plainest value. */
export function fill(given: unknown, root: unknown, hint: Hint, depth = 0): unknown {
  const schema = resolve(given, root);
  if (isRecord(schema) && Object.hasOwn(schema, 'const')) return schema['const'];
  const allowed = child(schema, 'enum');
  if (Array.isArray(allowed)) return allowed[0];
  const ways = [...listOf(schema, 'anyOf'), ...listOf(schema, 'oneOf')];
  if (ways.length > 0) return fill(shortest(ways, root, depth), root, hint, depth + 1);
  const parts = listOf(schema, 'allOf');
  if (parts.length > 0) return fill(merged([schema, ...parts], root), root, hint, depth + 1);
  const types = typesOf(schema);
  const type = depth > DEEP && types.includes('null') ? 'null' : types[0];
  switch (type) {
    case 'string':
      return text(schema);
    case 'number':
    case 'integer':
      return plainestNumber(schema, type === 'integer');
    case 'boolean':
      return false;
    case 'array':
      return list(schema, root, hint, depth);
    case 'object':
      return object(schema, root, hint, depth);
    default:
      return null;
  }
}

/** The first way, unless it is time to come to an end: then null or whatever is no object. */
function shortest(ways: readonly unknown[], root: unknown, depth: number): unknown {
  const ends = (way: unknown): boolean => !['object', 'array'].includes(typesOf(resolve(way, root))[0] ?? '');
  return depth > DEEP ? (ways.find(ends) ?? ways[0]) : ways[0];
}

function merged(parts: readonly unknown[], root: unknown): unknown {
  const all: Record<string, unknown> = {};
  const properties: Record<string, unknown> = {};
  for (const part of parts.map((each) => resolve(each, root))) {
    if (!isRecord(part)) continue;
    Object.assign(all, part);
    Object.assign(properties, child(part, 'properties'));
  }
  delete all['allOf'];
  return Object.keys(properties).length > 0 ? { ...all, properties } : all;
}

const FORMATS: Readonly<Record<string, string>> = {
  date: '2026-01-01',
  time: '00:00:00Z',
  'date-time': '2026-01-01T00:00:00Z',
  duration: 'P1D',
  email: 'nobody@sandbox.example',
  hostname: 'sandbox.example',
  ipv4: '127.0.0.1',
  ipv6: '::1',
  uri: 'https://sandbox.example/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

/** A pattern is met only by luck; nobody in this field asks for one. */
function text(schema: unknown): string {
  const format = child(schema, 'format');
  const plain = (typeof format === 'string' ? FORMATS[format] : undefined) ?? '';
  return plain.padEnd(number(schema, 'minLength') ?? 0, '.');
}

function plainestNumber(schema: unknown, whole: boolean): number {
  const step = number(schema, 'multipleOf') ?? (whole ? 1 : undefined);
  const above = number(schema, 'exclusiveMinimum');
  const below = number(schema, 'exclusiveMaximum');
  const low = number(schema, 'minimum') ?? (above === undefined ? -Infinity : above + (step ?? 1e-6));
  const high = number(schema, 'maximum') ?? (below === undefined ? Infinity : below - (step ?? 1e-6));
  const nearest = Math.min(Math.max(0, low), high);
  return step === undefined
    ? nearest
    : (nearest === low ? Math.ceil(nearest / step) : Math.floor(nearest / step)) * step;
}

function list(schema: unknown, root: unknown, hint: Hint, depth: number): unknown[] {
  const first = listOf(schema, 'prefixItems');
  const length = number(schema, 'minItems') ?? first.length;
  const item = child(schema, 'items') ?? {};
  const choices = child(resolve(item, root), 'enum');
  return Array.from({ length }, (_, at) => {
    // Different ones where there are any, for lists whose items must be unique.
    if (at >= first.length && Array.isArray(choices)) return choices[at % choices.length];
    return fill(at < first.length ? first[at] : item, root, hint, depth + 1);
  });
}

function object(schema: unknown, root: unknown, hint: Hint, depth: number): Record<string, unknown> {
  const properties = child(schema, 'properties');
  const entries = isRecord(properties) ? Object.entries(properties) : [];
  return Object.fromEntries(
    entries.map(([name, property]) => {
      const known = hint(name, property);
      const value = known !== undefined && fits(known, property, root) ? known : fill(property, root, hint, depth + 1);
      return [name, value];
    }),
  );
}
