/** The command line of `npm run eval`, and what the environment says of a real endpoint. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { QUERIES } from './attacker.ts';
import { DEFAULT_SAMPLES, readPrices, type Detectors, type Prices } from './decider.ts';

export const USAGE = `npm run eval -- [options]
  --json               end with one line of JSON on stdout; the tables go to stderr
  --model NAME         measure this model too: a persona of the sandbox (careful, owned, biased-first, …) or a model of the endpoint
                       that OPENAI_BASE_URL and OPENAI_API_KEY name; may be given more than once
  --url URL            that endpoint, in the place of OPENAI_BASE_URL
  --attacker           let the black-box attacker have a go at gullible, and at each model of the endpoint
  --queries N          how often it may ask about one proposal (${QUERIES})
  --detectors on|off   which of the two the top-level fields and the attacker follow (on); of the corpus both are always told
  --proposals FOLDER   false escalations on real texts: files of one proposal a line (*.jsonl)
  --limit N            only so many attacks, evenly of all kinds, and the proposals that they are on
  --samples N          how often a model is asked about one proposal (${DEFAULT_SAMPLES})
  --at-once N          proposals that are decided at the same time (4)
  --seed N             what chance follows from (1)
  --svg FILE           write a reliability diagram
MODEL_PRICES, as for the services, says what a model of the endpoint costs.`;

const Whole = z.coerce.number().int().min(1);

const Options = z.object({
  json: z.boolean().default(false),
  help: z.boolean().default(false),
  model: z.array(z.string().min(1)).default([]),
  url: z.url({ protocol: /^https?$/ }).optional(),
  attacker: z.boolean().default(false),
  queries: Whole.max(10_000).default(QUERIES),
  detectors: z.enum(['on', 'off'] satisfies Detectors[]).default('on'),
  proposals: z.string().min(1).optional(),
  limit: Whole.optional(),
  samples: Whole.max(15).default(DEFAULT_SAMPLES),
  'at-once': Whole.max(64).default(4),
  seed: z.coerce.number().int().default(1),
  svg: z.string().min(1).optional(),
});
export type Options = z.infer<typeof Options> & {
  readonly apiKey: string;
  readonly prices: Prices;
};

/** What is wrong with the command line or the environment, in words for whoever typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the command line. An option wins over the environment. Throws `UsageError`. */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const given = valuesOf(args);
  const parsed = Options.safeParse({ url: env['OPENAI_BASE_URL'] || undefined, ...given });
  if (!parsed.success) throw new UsageError(z.prettifyError(parsed.error));
  const prices = readPrices(env['MODEL_PRICES']);
  if (prices === null) throw new UsageError('MODEL_PRICES is not what .env.example shows');
  // An endpoint of one's own may need no key; the client does not start without one.
  const apiKey = env['OPENAI_API_KEY'] || 'none';
  return { ...parsed.data, model: [...new Set(parsed.data.model)], apiKey, prices };
}

function valuesOf(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    json: flag,
    help: { ...flag, short: 'h' },
    model: { ...text, multiple: true },
    url: text,
    attacker: flag,
    queries: text,
    detectors: text,
    proposals: text,
    limit: text,
    samples: text,
    'at-once': text,
    seed: text,
    svg: text,
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // Node's own words name the option.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}
