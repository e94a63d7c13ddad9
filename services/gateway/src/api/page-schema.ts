/** JSON Schema for people: what a value is in a few words, and an object's fields in a table. */
import { html, inline, type Html } from './html.ts';
import { isObject, type Json, type JsonObject } from './json-schema.ts';

/** What a value is: `string`, `integer, 1 to 10`, a link to a schema that has a name. */
export function kindOf(schema: JsonObject): Html {
  const name = refOf(schema);
  if (name !== undefined) return html`<a href="#schema-${name}">${name}</a>`;
  const { type, items, additionalProperties: values } = schema;
  const choices = alternativesOf(schema);
  if (choices.length > 0) return listed(choices.map(kindOf), ' or ');
  if (Array.isArray(schema['enum'])) return listed(schema['enum'].map(literal), ', ');
  if ('const' in schema) return literal(schema['const'] ?? null);
  if (type === 'array' && isObject(items)) return html`list of ${kindOf(items)}`;
  if (type === 'object' && isObject(values) && !isObject(schema['properties']))
    return html`object of ${kindOf(values)}`;
  return html`${[typeof type === 'string' ? type : 'anything', ...boundsOf(schema)].join(', ')}`;
}

function refOf({ $ref: ref }: JsonObject): string | undefined {
  return typeof ref === 'string' ? ref.split('/').at(-1) : undefined;
}

function alternativesOf({ anyOf, oneOf }: JsonObject): JsonObject[] {
  const all = anyOf ?? oneOf;
  return Array.isArray(all) ? all.filter(isObject) : [];
}

function literal(value: Json): Html {
  return html`<code>${typeof value === 'string' ? value : JSON.stringify(value)}</code>`;
}

function listed(parts: readonly Html[], between: string): Html {
  return html`${parts.map((part, at) => html`${at === 0 ? '' : between}${part}`)}`;
}

function boundsOf({ format, minimum, maximum, minLength, maxLength, pattern }: JsonObject): string[] {
  const said = (value: Json | undefined, words: (number: string) => string): string[] =>
    typeof value === 'number' ? [words(String(value))] : [];
  return [
    ...(typeof format === 'string' ? [format] : []),
    ...said(minimum, (number) => `at least ${number}`),
    ...said(maximum, (number) => `at most ${number}`),
    ...said(minLength, (number) => `${number} characters or more`),
    ...said(maxLength, (number) => `${number} characters or fewer`),
    ...(typeof pattern === 'string' && pattern.length <= MAX_PATTERN ? [`matches ${pattern}`] : []),
  ];
}

/** A longer one tells nobody anything. */
const MAX_PATTERN = 60;

/** The fields of an object, those inside of it below it; nothing where it has none. */
export function fieldsOf(schema: JsonObject): Html[] {
  const alternatives = alternativesOf(schema).filter((one) => refOf(one) === undefined);
  const { properties, required, items } = schema;
  const needed = Array.isArray(required) ? required : [];
  const inner = [...alternatives, ...(isObject(items) && refOf(items) === undefined ? [items] : [])].flatMap(fieldsOf);
  if (!isObject(properties)) return inner;
  const rows = Object.entries(properties).map(([name, property]) =>
    fieldRow(name, isObject(property) ? property : {}, needed.includes(name)),
  );
  return [html`<dl class="fields">${rows}</dl>`, ...inner];
}

/** One field or parameter. */
export function fieldRow(name: string, schema: JsonObject, isNeeded: boolean): Html {
  const { description, default: usual } = schema;
  const byDefault = usual === undefined ? html`` : html`, ${literal(usual)} if left out`;
  return html`<dt>
      <code>${name}</code> <span class="kind">${kindOf(schema)}${isNeeded ? '' : ', optional'}${byDefault}</span>
    </dt>
    <dd>${typeof description === 'string' ? inline(description) : ''}${fieldsOf(schema)}</dd>`;
}
