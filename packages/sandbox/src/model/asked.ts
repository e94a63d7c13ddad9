/** What a chat request asks for: the untrusted text, and the options and the form of answer that its JSON schema allows. */
import { z } from 'zod';
import { findBallot, type BallotPlace, type ModelOption } from './ballot-place.ts';

const TextPart = z.looseObject({ type: z.string(), text: z.string().optional() });

export const ChatRequest = z.looseObject({
  model: z.string(),
  messages: z
    .array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(TextPart)]).nullish() }))
    .min(1),
  stream: z.boolean().nullish(),
  n: z.int().nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  response_format: z
    .looseObject({
      type: z.string(),
      json_schema: z.looseObject({ name: z.string(), schema: z.unknown().optional() }).optional(),
    })
    .nullish(),
});
export type ChatRequest = z.output<typeof ChatRequest>;

export type Asked = {
  /** The user's messages without the lines that list the choices, whose order must not matter. */
  readonly text: string;
  /** The options in the order in which the user's messages list them; where they do not, in the schema's. */
  readonly listed: readonly ModelOption[];
  /** The system's messages. */
  readonly system: string;
  /** Everything that was sent, for counting tokens. */
  readonly prompt: string;
  /** Plain words, any JSON object, or one that fits `schema`. */
  readonly wants: 'text' | 'json' | 'schema';
  readonly schema: unknown;
  /** Where the ballot goes; null where the schema has no place for one. */
  readonly place: BallotPlace | null;
  /** As the schema lists them. */
  readonly options: readonly ModelOption[];
};

export function readAsked(request: ChatRequest): Asked {
  const texts = request.messages.map((message) => ({ role: message.role, text: textOf(message.content) }));
  const format = request.response_format;
  const schema = format?.type === 'json_schema' ? (format.json_schema?.schema ?? null) : null;
  const place = findBallot(schema);
  const options = place?.options ?? [];
  const said = (role: (name: string) => boolean): string =>
    texts
      .filter((each) => role(each.role))
      .map(({ text }) => text)
      .join('\n');
  const user = said((role) => role === 'user');
  return {
    text: withoutChoices(user, options),
    listed: asListed(user, options),
    system: said((role) => role === 'system' || role === 'developer'),
    prompt: said(() => true),
    wants: asFormat(schema, format?.type),
    schema,
    place,
    options,
  };
}

function asFormat(schema: unknown, type: string | undefined): Asked['wants'] {
  if (schema !== null) return 'schema';
  return type === 'json_object' ? 'json' : 'text';
}

/** Where an option stands is told by its last line: the list comes after the proposal, which may mimic one. */
function asListed(text: string, options: readonly ModelOption[]): readonly ModelOption[] {
  const lines = text.split('\n').map(unmarked);
  const at = new Map(options.map((option) => [option, lines.lastIndexOf(option.key)]));
  if ([...at.values()].includes(-1)) return options;
  return options.toSorted((a, b) => (at.get(a) ?? 0) - (at.get(b) ?? 0));
}

function textOf(content: string | z.output<typeof TextPart>[] | null | undefined): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('\n');
}

function withoutChoices(text: string, options: readonly ModelOption[]): string {
  const keys = new Set(options.map(({ key }) => key));
  const lines = text.split('\n').filter((line) => !keys.has(unmarked(line)));
  return lines.join('\n');
}

function unmarked(line: string): string {
  return line.trim().replace(/^[-*] /, '');
}
