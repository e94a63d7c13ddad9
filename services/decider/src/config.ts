/** The decider's settings: which models it asks, how often, how long it waits, and what they cost. */
import { WorkerConfig } from '@quorum/shared/config';
import { managed, reloads, secret } from '@quorum/shared/settings';
import { z } from 'zod';

/** What a model charges, in US dollars per million tokens. */
const Price = z.strictObject({
  input_usd_per_million: z.number().nonnegative(),
  output_usd_per_million: z.number().nonnegative(),
});

/** Prices by the name of the model, exactly as in DECIDER_MODELS. */
export type Prices = Readonly<Record<string, z.infer<typeof Price>>>;

const ModelList = z
  .string()
  .transform((text) => [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== ''))
  .pipe(z.array(z.string().max(200)).min(1, { error: 'names no model' }));

const PriceList = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      context.issues.push({ code: 'custom', message: 'is not JSON', input: text });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string(), Price));

export const DeciderConfig = WorkerConfig.extend({
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).describe('Address of any endpoint that speaks the OpenAI API'),
  OPENAI_API_KEY: secret(z.string().describe('Key of that endpoint')),
  DECIDER_MODELS: reloads('run', ModelList.describe('Models that are asked, separated by commas; each must answer')),
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
      // Twice this, for the answer and its repair, must fit into one attempt at the job.
      .max(120)
      .default(60)
      .describe('Seconds that a model has for one answer'),
  ),
  DECIDER_MAX_BODY_CHARS: reloads(
    'run',
    z.coerce
      .number()
      .int()
      .min(1_000)
      .max(1_000_000)
      .default(60_000)
      .describe(
        'Characters of a proposal that a model reads; of a longer one head and tail, and the stakes count as high',
      ),
  ),
  MODEL_PRICES: reloads(
    'run',
    PriceList.optional().describe(
      'JSON: model to {input_usd_per_million, output_usd_per_million}; the cost of a model without a price is unknown',
    ),
  ),
});
