/**
 * What a question may cost at most, before it is asked: the tokens of its prompt, the most that may be answered, and the dearest way
 * that it can go: every model that may come to be asked is asked twice, for an answer and for its repair.
 */
import { microsOf } from '@quorum/shared/budget';
import type { Prices } from './config.ts';

/** One question as far as its cost goes. */
export type PlannedQuestion = {
  /** Every model that may come to be asked, those that stand in for another included. */
  readonly models: readonly string[];
  readonly inputTokens: number;
  /** The most that a model may answer. */
  readonly outputTokens: number;
};

export type WorstCase =
  | { readonly kind: 'known'; readonly micros: number }
  /** The models that no price is known for. */
  | { readonly kind: 'unpriced'; readonly models: readonly string[] };

/** An answer and its repair. */
const CALLS_PER_MODEL = 2;

/** The most that these questions can cost together, in micro-dollars. */
export function worstCase(questions: readonly PlannedQuestion[], prices: Prices): WorstCase {
  const models = new Set(questions.flatMap((question) => question.models));
  const unpriced = [...models].filter((model) => priceOf(model, prices) === undefined);
  if (unpriced.length > 0) return { kind: 'unpriced', models: unpriced };
  const micros = questions.map(({ models: asked, inputTokens, outputTokens }) =>
    asked.reduce((sum, model) => {
      const price = priceOf(model, prices);
      if (price === undefined) return sum;
      const call = inputTokens * price.input_usd_per_million + outputTokens * price.output_usd_per_million;
      return sum + microsOf((CALLS_PER_MODEL * call) / 1e6);
    }, 0),
  );
  return { kind: 'known', micros: micros.reduce((sum, part) => sum + part, 0) };
}

/** The price of a model; a name that every object has is none. */
export function priceOf(model: string, prices: Prices): Prices[string] | undefined {
  return Object.hasOwn(prices, model) ? prices[model] : undefined;
}
