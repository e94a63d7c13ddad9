/**
 * How a model is told the form of its answer. A strict schema is best; where an endpoint or a model does not know it, JSON alone with
 * the schema in words; where it knows that neither, the words. The reply is checked in the same way each time.
 *
 *   json_schema --refused--> json_object --refused--> prompt --refused--> no answer
 *   max_completion_tokens <--refused--> max_tokens      (of either only one is known to some endpoints)
 *
 * What a model took is remembered for an hour, so that not every question pays for the way to it, and one odd schema that was
 * refused does not lower the form for good.
 */
import { APIError } from 'openai';
import type { Message } from './fence.ts';

export const ANSWER_FORMATS = ['json_schema', 'json_object', 'prompt'] as const;
export type AnswerFormat = (typeof ANSWER_FORMATS)[number];

export type AnswerForm = {
  readonly format: AnswerFormat;
  /** The field that bounds the answer. It is always bounded, or a call could cost anything. */
  readonly limit: 'max_completion_tokens' | 'max_tokens';
};

const BEST: AnswerForm = { format: 'json_schema', limit: 'max_completion_tokens' };

/** What a request says of its form. */
export function formFields(form: AnswerForm, schema: Record<string, unknown>, maxOutputTokens: number) {
  return { ...formatFields(form.format, schema), [form.limit]: maxOutputTokens };
}

function formatFields(format: AnswerFormat, schema: Record<string, unknown>) {
  switch (format) {
    case 'json_schema':
      return {
        response_format: { type: 'json_schema', json_schema: { name: 'decision', strict: true, schema } },
      } as const;
    case 'json_object':
      return { response_format: { type: 'json_object' } } as const;
    case 'prompt':
      return {};
  }
}

/** The messages, with the schema in words where the request cannot carry it. */
export function formMessages(
  format: AnswerFormat,
  messages: readonly Message[],
  schema: Record<string, unknown>,
): readonly Message[] {
  if (format === 'json_schema') return messages;
  return messages.map((message) =>
    message.role === 'system'
      ? { role: message.role, content: `${message.content}\n\nThe JSON schema of the answer:\n${schemaWords(schema)}` }
      : message,
  );
}

/** The lists of a schema that are ours: the keys of choices hold words of strangers, who have no say in the system message. */
const OUR_WORD = /^[a-z_]{1,20}$/;

function schemaWords(schema: Record<string, unknown>): string {
  return JSON.stringify(schema, (name, value: unknown) => {
    if (name !== 'enum' || !Array.isArray(value)) return value;
    return value.every((word) => typeof word === 'string' && OUR_WORD.test(word)) ? value : undefined;
  });
}

/** The next form to try after one was refused; null where nothing is left, or the refusal was about something else. */
export function nextForm(form: AnswerForm, refusal: unknown, refused: ReadonlySet<string>): AnswerForm | null {
  const next = otherForm(form, refusal);
  return next === null || refused.has(formName(next)) ? null : next;
}

export const formName = ({ format, limit }: AnswerForm): string => `${format} ${limit}`;

function otherForm(form: AnswerForm, refusal: unknown): AnswerForm | null {
  if (!(refusal instanceof APIError)) return null;
  const { status, code, param, message } = refusal;
  if ((status !== 400 && status !== 404 && status !== 422) || code === 'model_not_found') return null;
  const words = `${param ?? ''} ${message}`.slice(0, 2_000).toLowerCase();
  if (/max_(?:completion_)?tokens/.test(words)) {
    return { ...form, limit: form.limit === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens' };
  }
  // A 404 is mostly about an address or a model; OpenRouter says so of what no provider can do.
  if (status === 404 && !/response_format|json|schema|structured|parameter/.test(words)) return null;
  const format = ANSWER_FORMATS[ANSWER_FORMATS.indexOf(form.format) + 1];
  return format === undefined ? null : { ...form, format };
}

/** What models took, in this process. */
export type FormMemory = {
  of(model: string): AnswerForm;
  keep(model: string, form: AnswerForm): void;
};

const HOUR_MS = 60 * 60 * 1_000;
/** An operator names a handful. */
const MOST_MODELS = 100;

/** A memory of forms. `now`: milliseconds of any clock. */
export function createFormMemory(now: () => number = () => performance.now()): FormMemory {
  const kept = new Map<string, { form: AnswerForm; untilMs: number }>();
  return {
    of(model) {
      const found = kept.get(model);
      return found === undefined || found.untilMs <= now() ? BEST : found.form;
    },
    keep(model, form) {
      const found = kept.get(model);
      if (found !== undefined && found.untilMs > now() && formName(found.form) === formName(form)) return;
      kept.delete(model);
      if (formName(form) === formName(BEST)) return;
      kept.set(model, { form, untilMs: now() + HOUR_MS });
      for (const name of kept.keys()) {
        if (kept.size <= MOST_MODELS) break;
        kept.delete(name);
      }
    },
  };
}
