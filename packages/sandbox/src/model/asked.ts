/** What a chat request asks for: the untrusted text, and the options and the form of answer that its JSON schema allows. */
import { z } from 'zod';

const TextPart = z.looseObject({ type: z.string(), text: z.string().optional() });

export const ChatRequest = z.looseObject({
  model: z.string(),
  messages: z
    .array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(TextPart)]).nullish() }))
    .min(1),
  stream: z.boolean().nullish(),
  n: z.int().nullish(),
  response_format: z
    .looseObject({
      type: z.string(),
      json_schema: z.looseObject({ name: z.string(), schema: z.unknown().optional() }).optional(),
    })
    .nullish(),
});
export type ChatRequest = z.output<typeof ChatRequest>;

/** One thing that can be voted for: the key that the answer must use, and the label that it stands for. */
export type ModelOption = { readonly key: string; readonly label: string };

/** In which of its properties the schema wants the ballot. */
export type BallotForm = 'choice' | 'choices' | 'ranking' | 'weights';

export type Asked = {
  /** The user's messages without the lines that list the choices, whose order must not matter. */
  readonly text: string;
  /** Everything that was sent, for counting tokens. */
  readonly prompt: string;
  /** null where no JSON schema was given. */
  readonly schema: unknown;
  readonly form: BallotForm | null;
  readonly options: readonly ModelOption[];
};

const FORMS: readonly BallotForm[] = ['choice', 'choices', 'ranking', 'weights'];

export function readAsked(request: ChatRequest): Asked {
  const texts = request.messages.map((message) => ({ role: message.role, text: textOf(message.content) }));
  const given =
    request.response_format?.type === 'json_schema' ? request.response_format.json_schema?.schema : undefined;
  const schema = given ?? null;
  const properties = child(schema, 'properties');
  const form = FORMS.find((name) => child(properties, name) !== undefined) ?? null;
  const options = form === null ? [] : optionsOf(resolve(child(properties, form), schema), schema);
  const user = texts.filter(({ role }) => role === 'user').map(({ text }) => text);
  return {
    text: withoutChoices(user.join('\n'), options),
    prompt: texts.map(({ text }) => text).join('\n'),
    schema,
    form,
    options,
  };
}

function textOf(content: string | z.output<typeof TextPart>[] | null | undefined): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('\n');
}

/** Finds the enum of keys: the property's own, its items', or the `choice` of its items. */
function optionsOf(property: unknown, root: unknown): ModelOption[] {
  const items = resolve(child(property, 'items'), root);
  const places = [property, items, resolve(child(child(items, 'properties'), 'choice'), root)];
  const keys = places.map((place) => child(place, 'enum')).find((found) => Array.isArray(found));
  return (Array.isArray(keys) ? keys : [])
    .filter((key) => typeof key === 'string')
    .map((key) => ({ key, label: key.replace(/^[A-Z]+: /, '') }));
}

function withoutChoices(text: string, options: readonly ModelOption[]): string {
  const keys = new Set(options.map(({ key }) => key));
  const lines = text.split('\n').filter((line) => !keys.has(line.trim().replace(/^[-*] /, '')));
  return lines.join('\n');
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `value[name]` where there is such a thing. */
export function child(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

/** Follows a local `$ref`, which schema generators use for what occurs twice. */
export function resolve(schema: unknown, root: unknown): unknown {
  const reference = child(schema, '$ref');
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return schema;
  return reference
    .slice(2)
    .split('/')
    .reduce((place: unknown, name) => child(place, name), root);
}
