/** The decider's settings: which models it asks, how often, how long it waits, and what they cost. */
import { DeadlineConfig, WorkerConfig } from '@quorum/shared/config';
import { managed, reloads, secret } from '@quorum/shared/settings';
import { z } from 'zod';

/** What a model charges, in US dollars per million tokens. */
const Price = z.strictObject({
  input_usd_per_million: z.number().nonnegative(),
  output_usd_per_million: z.number().nonnegative(),
});

/** Prices by the name of the model, exactly as in DECIDER_MODELS. */
export type Prices = Readonly<Record<string, z.infer<typeof Price>>>;

const ModelNames = z
  .string()
  .transform((text) => [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== ''))
  .pipe(z.array(z.string().max(200)).max(20));
const ModelList = ModelNames.refine((names) => names.length > 0, { error: 'names no model' });

/** `small=0.1/0.4, openai/large:free=0/0`, or JSON: no form of one is a form of the other. */
const PriceList = z
  .string()
  .transform((text, context): unknown => {
    try {
      return text.trim().startsWith('{') ? JSON.parse(text) : pricesOf(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      context.issues.push({ code: 'custom', message: 'is neither model=input/output nor JSON', input: text });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string(), Price));

/** Throws a `SyntaxError` for anything else than `model=input/output`, separated by commas. */
function pricesOf(text: string): Record<string, z.infer<typeof Price>> {
  const entries = text.split(',').map((entry) => {
    const [, model, input, output] = /^\s*(\S+)\s*=\s*(\d+(?:\.\d+)?)\s*\/\s*(\d+(?:\.\d+)?)\s*$/.exec(entry) ?? [];
    if (model === undefined) throw new SyntaxError('not model=input/output');
    return [model, { input_usd_per_million: Number(input), output_usd_per_million: Number(output) }] as const;
  });
  return Object.fromEntries(entries);
}

const dollars = (fallback: number, what: string) =>
  reloads('job', z.coerce.number().min(0).max(1_000_000).default(fallback).describe(what));

export const DeciderConfig = WorkerConfig.extend({
  ...DeadlineConfig.shape,
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).describe('Address of any endpoint that speaks the OpenAI API'),
  OPENAI_API_KEY: secret(z.string().describe('Key of that endpoint')),
  OPENAI_EXTRAS: z
    .enum(['auto', 'openrouter', 'none'])
    .default('auto')
    .describe(
      "Fields beyond OpenAI's API: openrouter asks for providers that keep nothing and takes the cost from the answer; auto does so where the host is openrouter.ai",
    ),
  DECIDER_MODELS: reloads('run', ModelList.describe('Models that are asked, separated by commas; each must answer')),
  DECIDER_FALLBACK_MODELS: reloads(
    'run',
    ModelNames.default([]).describe(
      'Models that are asked, in this order, what one of DECIDER_MODELS does not answer; one that answers for two of them counts once',
    ),
  ),
  DECIDER_SAMPLES: reloads(
    'run',
    z.coerce.number().int().min(1).max(15).default(3).describe('How often each model is asked'),
  ),
  DECIDER_MAC_KEY_FILE: managed(z.string().describe("File with the key that proves a decision to be the decider's")),
  MODEL_TIMEOUT_S: reloads(
    'run',
    z.coerce
      .number()
      .min(0.1)
      // Twice this, for the answer and its repair, must fit into one attempt at the job; fallback models have what is left of it.
      .max(120)
      .default(60)
      .describe('Seconds that a model has for one answer'),
  ),
  DECIDER_MAX_BODY_TOKENS: reloads(
    'run',
    z.coerce
      .number()
      .int()
      .min(500)
      .max(500_000)
      .default(24_000)
      .describe(
        "Tokens of a proposal's body that a model reads, two or three characters each; of a longer one head and tail, and the stakes count as high",
      ),
  ),
  DECIDER_MAX_OUTPUT_TOKENS: reloads(
    'run',
    z.coerce
      .number()
      .int()
      .min(200)
      .max(200_000)
      .default(4_000)
      .describe('Tokens of one answer at most, with what a model thinks before it; bounds what a call may cost'),
  ),
  DECIDER_SECOND_READING: reloads(
    'run',
    z
      .enum(['always', 'high_stakes', 'never'])
      .default('always')
      .describe(
        'When a proposal is read a second time, by a judge that sees only facts drawn from it: two calls more; a ballot that differs makes the decision unsure',
      ),
  ),
  MODEL_PRICES: reloads(
    'run',
    PriceList.optional().describe(
      'What models charge in US dollars per million tokens, as model=input/output separated by commas, or as JSON: model to {input_usd_per_million, output_usd_per_million}; a model without a price is not asked',
    ),
  ),
  BUDGET_USD_PER_RUN: dollars(5, 'US dollars that the models may cost in one run'),
  BUDGET_USD_PER_OWNER_DAY: dollars(20, 'US dollars that the models may cost for one owner in one UTC day'),
  BUDGET_USD_PER_DAY: dollars(100, 'US dollars that the models may cost in one UTC day, for all owners'),
  EVIDENCE_ARCHIVE_DIR: managed(
    z.string().default('.data/evidence').describe('Folder of the evidence archive: one file a UTC day'),
  ),
});
