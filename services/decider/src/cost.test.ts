import { microsOf } from '@quorum/shared/budget';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { worstCase, type PlannedQuestion } from './cost.ts';

const PRICES = {
  small: { input_usd_per_million: 0.1, output_usd_per_million: 0.4 },
  large: { input_usd_per_million: 2, output_usd_per_million: 8 },
  free: { input_usd_per_million: 0, output_usd_per_million: 0 },
};
const asks = (models: string[], inputTokens = 1_000, outputTokens = 500): PlannedQuestion => ({
  models,
  inputTokens,
  outputTokens,
});

describe('the worst case', () => {
  test('of a question is an answer and its repair, both as long as may be', () => {
    expect(worstCase([asks(['large'])], PRICES)).toEqual({ kind: 'known', micros: 2 * (2_000 + 4_000) });
  });

  test('counts every model that may stand in, and every question', () => {
    const chain = worstCase([asks(['small', 'large'])], PRICES);
    expect(chain).toEqual({ kind: 'known', micros: 2 * (100 + 200) + 2 * (2_000 + 4_000) });
    expect(worstCase([asks(['free']), asks(['small', 'large'])], PRICES)).toEqual(chain);
  });

  test.each(['unheard-of', 'constructor', '__proto__'])('is unknown with the model %s', (model) => {
    expect(worstCase([asks(['small']), asks([model, 'large'])], PRICES)).toEqual({ kind: 'unpriced', models: [model] });
  });

  test('is never less than any way that the questions can go', () => {
    const model = fc.constantFrom('small', 'large', 'free');
    const question = fc.record({
      models: fc.uniqueArray(model, { minLength: 1 }),
      input: fc.nat(1e5),
      output: fc.nat(1e4),
    });
    fc.assert(
      fc.property(fc.array(question), fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (all, shares) => {
        const worst = worstCase(
          all.map(({ models, input, output }) => asks(models, input, output)),
          PRICES,
        );
        const share = (): number => shares.next().value ?? 0;
        const cost = all
          .flatMap(({ models, input, output }) => models.flatMap((name) => [0, 1].map(() => ({ name, input, output }))))
          .reduce((sum, call) => {
            const price = PRICES[call.name];
            const dollars =
              call.input * price.input_usd_per_million + call.output * share() * price.output_usd_per_million;
            return sum + dollars / 1e6;
          }, 0);
        expect(worst.kind === 'known' && worst.micros).toBeGreaterThanOrEqual(microsOf(cost));
      }),
    );
  });
});
