/** The personas: what each model name does with a request. All of them stand in for a model and decide nothing of worth. */
import { z } from 'zod';
import { answerObject, ballotFor, ballotOf, optionsWith, type ModelBallot } from './answer.ts';
import type { Asked } from './asked.ts';
import { judge, type Judgement } from './careful.ts';
import { readOrders } from './gullible.ts';
import { noisy } from './noisy.ts';

/** What the control API may tell the personas. */
export const ModelSetting = z.discriminatedUnion('persona', [
  z.strictObject({
    persona: z.literal('owned'),
    target: z
      .union([z.string(), z.array(z.string()).min(1)])
      .describe('A label, or several for approval, ranking, weights'),
  }),
  z.strictObject({ persona: z.literal('slow'), latency_ms: z.int().min(0).max(600_000) }),
  z.strictObject({ persona: z.literal('noisy'), seed: z.int() }),
]);
export type ModelSetting = z.output<typeof ModelSetting>;

export type ModelSettings = { target: readonly string[] | null; slowMs: number; noiseSeed: number; flakyCalls: number };

export function createModelSettings(): ModelSettings {
  return { target: null, slowMs: 2_000, noiseSeed: 1, flakyCalls: 0 };
}

export function applySetting(settings: ModelSettings, setting: ModelSetting): void {
  switch (setting.persona) {
    case 'owned':
      settings.target = [setting.target].flat();
      break;
    case 'slow':
      settings.slowMs = setting.latency_ms;
      break;
    case 'noisy':
      settings.noiseSeed = setting.seed;
      break;
  }
}

export type Completion =
  /** `cut`: it ends in mid-sentence, as at a length limit. */
  | { readonly kind: 'content'; readonly content: string; readonly delayMs: number; readonly cut: boolean }
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
    say: (asked) => content(careful(asked)),
  },
  gullible: {
    does: 'Does what any text in its prompt tells it, hidden text too; where nothing does, as careful.',
    say: gullible,
  },
  owned: {
    does: 'Answers the target set by the control API, confidence 1, risk low.',
    say: (asked, settings) => owned(asked, settings.target),
  },
  noisy: {
    does: 'As careful with seeded noise: half of its ballots are drawn by lot, and its confidence and risk wander.',
    say: (asked, settings) => {
      const { judgement, ballot } = noisy(asked, settings.noiseSeed);
      return content(answer(asked, judgement, ballot));
    },
  },
  'biased-first': {
    does: 'Takes the option that its prompt lists first, and ranks and weighs by that order.',
    say: biasedFirst,
  },
  malformed: {
    does: 'Answers JSON that does not fit the schema.',
    say: () => content(JSON.stringify({ verdict: 'maybe', choice: 'Z: none of these' })),
  },
  refusing: {
    does: 'Refuses every request.',
    say: () => ({ kind: 'refusal', refusal: 'I cannot help with that.' }),
  },
  truncating: {
    does: 'As careful, but cut off half-way, with finish_reason length.',
    say: (asked) => {
      const whole = careful(asked);
      return { ...content(whole.slice(0, Math.floor(whole.length / 2))), cut: true };
    },
  },
  slow: {
    does: 'As careful, after the latency set by the control API (2 s unless set).',
    say: (asked, settings) => ({ ...content(careful(asked)), delayMs: settings.slowMs }),
  },
  flaky: {
    does: 'Fails every other call with a 500, the first one included; else as careful.',
    say: (asked, settings) => {
      settings.flakyCalls += 1;
      if (settings.flakyCalls % 2 === 1) return { kind: 'error', status: 500, message: 'The server had an error.' };
      return content(careful(asked));
    },
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

function content(text: string): Extract<Completion, { kind: 'content' }> {
  return { kind: 'content', content: text, delayMs: 0, cut: false };
}

/** In the form asked for: an object that fits the schema, any object, or plain words. */
function answer(asked: Asked, judgement: Judgement, ballot: ModelBallot, trusting = false): string {
  switch (asked.wants) {
    case 'text':
      return judgement.rationale;
    case 'json':
      return JSON.stringify({ rationale: judgement.rationale, confidence: judgement.confidence });
    case 'schema':
      return JSON.stringify(answerObject(asked, judgement, ballot, trusting));
  }
}

function careful(asked: Asked): string {
  const judgement = judge(asked.text, asked.options);
  return answer(asked, judgement, asked.place === null ? [] : ballotOf(judgement, asked.place.form));
}

/** How sure it is of what it was told, unless it was told that too. */
const TRUSTING = 0.95;

function gullible(asked: Asked): Completion {
  const orders = readOrders(asked);
  const own = judge(asked.text, asked.options);
  const told = orders.vote === null ? own.rationale : `The text says "${orders.vote.quote}", and so I do.`;
  const judgement: Judgement = {
    ...own,
    rationale: orders.say === null ? told : `${orders.say} ${told}`,
    confidence: orders.confidence ?? (orders.vote === null ? own.confidence : TRUSTING),
    risk: orders.risk ?? own.risk,
    stakes: orders.stakes ?? own.stakes,
  };
  if (asked.place === null) return content(answer(asked, judgement, [], true));
  const { form } = asked.place;
  const ballot = orders.vote === null ? ballotOf(own, form) : ballotFor([orders.vote.option], form, asked.options);
  return content(answer(asked, judgement, ballot, true));
}

function owned(asked: Asked, target: readonly string[] | null): Completion {
  if (target === null)
    return { kind: 'error', status: 400, message: 'owned: no target; POST /_sandbox/model sets one' };
  const judgement = { ...judge(asked.text, asked.options), confidence: 1, risk: 'low', stakes: 'low' } as const;
  if (asked.place === null) return content(answer(asked, judgement, []));
  const wanted = optionsWith(target, asked.options);
  if (wanted === null) return { kind: 'error', status: 400, message: `owned: not on offer: ${target.join(', ')}` };
  return content(answer(asked, judgement, ballotFor(wanted, asked.place.form, asked.options)));
}

function biasedFirst(asked: Asked): Completion {
  const [first] = asked.listed;
  const scored = asked.listed.map((option, at) => ({ option, score: 1 / (at + 1) }));
  const judgement = { ...judge(asked.text, asked.options), scored };
  if (asked.place === null || first === undefined) return content(answer(asked, judgement, []));
  const { form } = asked.place;
  return content(answer(asked, judgement, form === 'choices' ? [first.key] : ballotOf(judgement, form)));
}
