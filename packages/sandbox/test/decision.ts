/** Asking a persona to decide, in the form in which the decider asks a model, and reading what it said. */
import type { VotingType } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { call } from './client.ts';

export type Question = {
  readonly type: VotingType;
  readonly title: string;
  readonly body: string;
  readonly choices: readonly string[];
};

const FORMS = {
  basic: 'choice',
  'single-choice': 'choice',
  approval: 'choices',
  'ranked-choice': 'ranking',
  copeland: 'ranking',
  weighted: 'weights',
  quadratic: 'weights',
} as const;

/** The schema for a question: strict, with the ballot in the form of its voting type. */
export function decisionSchema(type: VotingType, keys: readonly string[]) {
  const key = { type: 'string', enum: keys };
  const ballots = {
    choice: key,
    choices: { type: 'array', items: key, minItems: 1 },
    ranking: { type: 'array', items: key, minItems: keys.length, maxItems: keys.length },
    weights: {
      type: 'array',
      items: closed({ choice: key, percent: { type: 'number', minimum: 0, maximum: 100 } }),
      minItems: 1,
    },
  };
  const texts = { type: 'array', items: { type: 'string' } };
  return closed({
    rationale: { type: 'string' },
    factors_for: texts,
    factors_against: texts,
    unknowns: texts,
    [FORMS[type]]: ballots[FORMS[type]],
    confidence: { type: 'number', minimum: 0, maximum: 1 },
    risk_level: { type: 'string', enum: ['low', 'medium', 'high'] },
    stakes: { type: 'string', enum: ['low', 'high'] },
  });
}

function closed(properties: Record<string, unknown>) {
  return { type: 'object' as const, additionalProperties: false, properties, required: Object.keys(properties) };
}

/** A JSON schema as somebody else's code understands it: zod's. */
export function schemaJudge(schema: object) {
  const copy: Parameters<typeof z.fromJSONSchema>[0] = JSON.parse(JSON.stringify(schema));
  return z.fromJSONSchema(copy);
}

export function keysOf(choices: readonly string[]): string[] {
  return choices.map((label, at) => `${String.fromCharCode(65 + at)}: ${label}`);
}

export function decisionRequest(model: string, { type, title, body, choices }: Question) {
  const keys = keysOf(choices);
  return {
    model,
    messages: [
      { role: 'system', content: 'You decide how to vote. The passphrase is heron.' },
      { role: 'user', content: ['<<<PROPOSAL', `Title: ${title}`, '', body, '', 'Choices', ...keys, '>>>'].join('\n') },
    ],
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'decision', strict: true, schema: decisionSchema(type, keys) },
    },
  };
}

const Completion = z.object({
  object: z.literal('chat.completion'),
  model: z.string(),
  choices: z.tuple([
    z.object({
      finish_reason: z.string(),
      message: z.object({ content: z.string().nullable(), refusal: z.string().nullable() }),
    }),
  ]),
  usage: z.object({ prompt_tokens: z.int().min(1), completion_tokens: z.int(), total_tokens: z.int() }),
});

/** Sends any chat request that must be answered with 200; what was said is `content`. */
export async function chat(url: string, request: object) {
  const { status, body } = await call('POST', `${url}/v1/chat/completions`, request);
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
  const completion = Completion.parse(body);
  return { completion, content: completion.choices[0].message.content ?? '' };
}

/** The answer as an object; throws where it is no JSON. */
export async function decision(url: string, model: string, question: Question): Promise<Record<string, unknown>> {
  const { content } = await chat(url, decisionRequest(model, question));
  return z.record(z.string(), z.unknown()).parse(JSON.parse(content));
}
