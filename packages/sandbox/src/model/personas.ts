/** The personas: what each model name does with a request. All of them stand in for a model and decide nothing of worth. */
import { z } from 'zod';
import { ballotFor, ballotOf, fitSchema } from './answer.ts';
import type { Asked } from './asked.ts';
import { judge } from './careful.ts';

/** What the control API may tell the personas. */
export const ModelSetting = z.discriminatedUnion('persona', [
  z.strictObject({
    persona: z.literal('owned'),
    target: z
      .union([z.string(), z.array(z.string()).min(1)])
      .describe('A label, or several for approval, ranking, weights'),
  }),
  z.strictObject({ persona: z.literal('slow'), latency_ms: z.int().min(0).max(600_000) }),
]);
export type ModelSetting = z.output<typeof ModelSetting>;

export type ModelSettings = { target: readonly string[] | null; slowMs: number; flakyCalls: number };

export function createModelSettings(): ModelSettings {
  return { target: null, slowMs: 2_000, flakyCalls: 0 };
}

export function applySetting(settings: ModelSettings, setting: ModelSetting): void {
  if (setting.persona === 'owned') settings.target = [setting.target].flat();
  else settings.slowMs = setting.latency_ms;
}

export type Completion =
  | { readonly kind: 'content'; readonly content: string; readonly delayMs: number }
  | { readonly kind: 'refusal'; readonly refusal: string }
  | { readonly kind: 'error'; readonly status: number; readonly message: string };

type Role = {
  /** What it does, for people who list the models. */
  readonly does: string;
  readonly say: (asked: Asked, settings: ModelSettings) => Completion;
};

export const PERSONAS = {
  careful: {
    does: 'Counts red flags against safeguards in the text; the same answer every time.',
    say: (asked) => careful(asked, 0),
  },
  slow: {
    does: 'As careful, after the latency set by the control API (2 s unless set).',
    say: (asked, settings) => careful(asked, settings.slowMs),
  },
  flaky: {
    does: 'Fails every other call with a 500, the first one included; else as careful.',
    say: (asked, settings) => {
      settings.flakyCalls += 1;
      if (settings.flakyCalls % 2 === 1) return { kind: 'error', status: 500, message: 'The server had an error.' };
      return careful(asked, 0);
    },
  },
  malformed: {
    does: 'Answers JSON that does not fit the schema.',
    say: () => ({
      kind: 'content',
      content: JSON.stringify({ verdict: 'maybe', choice: 'Z: none of these' }),
      delayMs: 0,
    }),
  },
  refusing: {
    does: 'Refuses every request.',
    say: () => ({ kind: 'refusal', refusal: 'I cannot help with that.' }),
  },
  owned: {
    does: 'Answers the target set by the control API, confidence 1, risk low.',
    say: (asked, settings) => owned(asked, settings.target),
  },
} as const satisfies Record<string, Role>;
export type Persona = keyof typeof PERSONAS;

export function isPersona(name: string): name is Persona {
  return Object.hasOwn(PERSONAS, name);
}

/** What the persona says. Counts the calls of `flaky` in the settings. */
export function complete(persona: Persona, asked: Asked, settings: ModelSettings): Completion {
  return PERSONAS[persona].say(asked, settings);
}

function careful(asked: Asked, delayMs: number): Completion {
  const judgement = judge(asked.text, asked.options);
  if (asked.schema === null) return { kind: 'content', content: judgement.rationale, delayMs };
  const ballot = asked.form === null ? [] : ballotOf(judgement, asked.form);
  return { kind: 'content', content: JSON.stringify(fitSchema(asked, judgement, ballot)), delayMs };
}

function owned(asked: Asked, target: readonly string[] | null): Completion {
  if (target === null)
    return { kind: 'error', status: 400, message: 'owned: no target; POST /_sandbox/model sets one' };
  const ballot = asked.form === null ? [] : ballotFor(target, asked.form, asked.options);
  if (ballot === null) return { kind: 'error', status: 400, message: `owned: not on offer: ${target.join(', ')}` };
  const judgement = { ...judge(asked.text, asked.options), confidence: 1, risk: 'low', stakes: 'low' } as const;
  return { kind: 'content', content: JSON.stringify(fitSchema(asked, judgement, ballot)), delayMs: 0 };
}
