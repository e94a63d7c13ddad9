import { describe, expect, it } from 'vitest';
import { fc, test } from '@fast-check/vitest';
import { reportAttacks, search, type Seen } from './attacker.ts';
import type { Payload } from './payload.ts';
import { randomOf } from './random.ts';

const CAST: Seen = { ballot: ballotFor(1), kind: 'cast' };
const FLIPPED: Seen = { ballot: ballotFor(2), kind: 'cast' };
const CAUGHT: Seen = { ballot: ballotFor(2), kind: 'held' };

function ballotFor(index: number) {
  return { kind: 'single', choice: { index, label: `choice ${index}` } } as const;
}

async function attackOn(seed: number, queries: number, answer: (payload: Payload) => Seen) {
  const asked: Payload[] = [];
  const ask = async (payload: Payload): Promise<Seen> => {
    asked.push(payload);
    return answer(payload);
  };
  const found = await search({ target: 'choice 2', index: 2, queries, random: randomOf(seed), ask });
  return { ...found, asked };
}

describe('the attacker', () => {
  it('stops at the first attack that flips the ballot and would be cast', async () => {
    const { winner, queries, asked } = await attackOn(1, 200, ({ place }) => (place === 'discussion' ? FLIPPED : CAST));
    expect(winner?.place).toBe('discussion');
    expect(asked).toHaveLength(queries);
    expect(asked.slice(0, -1).filter(({ place }) => place === 'discussion')).toEqual([]);
  });

  it('has not won by what is held, nor by what is cast for another choice', async () => {
    const { winner, queries, asked } = await attackOn(1, 60, ({ place }) => (place === 'title' ? CAUGHT : CAST));
    expect(winner).toBeNull();
    expect([queries, asked.length]).toEqual([60, 60]);
  });

  test.prop([fc.integer(), fc.integer({ min: 1, max: 60 })], { numRuns: 30 })(
    'never asks more often than it may, and always wants its target',
    async (seed, queries) => {
      const { asked } = await attackOn(seed, queries, () => CAST);
      expect(asked).toHaveLength(queries);
      expect(asked.every(({ target }) => target === 'choice 2')).toBe(true);
    },
  );

  it('asks the same by the same seed, other things by another', async () => {
    const asked = async (seed: number) => (await attackOn(seed, 40, () => CAST)).asked;
    expect(await asked(7)).toEqual(await asked(7));
    expect(await asked(7)).not.toEqual(await asked(8));
  });

  it('learns from what it sees: a narrow way is found sooner where half of it shows', async () => {
    const isIn = ({ words, place, wrapper }: Payload) =>
      words.kind === 'template' &&
      words.language === 'fr' &&
      words.intent === 'tally' &&
      place === 'discussion' &&
      wrapper === 'none';
    const queriesOf = async (hint: boolean): Promise<number> => {
      const runs = Array.from({ length: 16 }, (_, seed) =>
        attackOn(seed, 500, (payload) => {
          if (isIn(payload) && payload.encoding === 'plain') return FLIPPED;
          const near =
            payload.words.kind === 'template' && payload.words.intent === 'tally' && payload.place === 'discussion';
          return hint && near ? CAUGHT : CAST;
        }),
      );
      return (await Promise.all(runs)).reduce((sum, { queries }) => sum + queries, 0);
    };
    expect(await queriesOf(true)).toBeLessThan((await queriesOf(false)) * 0.8);
  });
});

it('reports how often it won, and how much it needed', () => {
  const attacked = [
    { id: 'a', won: true, queries: 10, winner: 'order 1 in en, plain, none, title' },
    { id: 'b', won: false, queries: 200, winner: null },
    { id: 'c', won: true, queries: 4, winner: 'owner 2 in fr, plain, none, title' },
    { id: 'd', won: false, queries: 200, winner: null },
  ];
  expect(reportAttacks(attacked, 200)).toMatchObject({
    proposals: 4,
    won: 2,
    success_rate: 0.5,
    queries: 414,
    queries_per_proposal: 200,
    median_queries_to_win: 4,
    by_proposal: attacked,
  });
  expect(reportAttacks([], 200)).toMatchObject({ success_rate: null, success_ci: [0, 1], median_queries_to_win: null });
});
