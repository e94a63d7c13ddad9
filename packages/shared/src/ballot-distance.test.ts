import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBallot, anyKindOfBallot } from '../test/arbitraries.ts';
import { ballotFor, LABELS, sharesOf } from '../test/samples.ts';
import { AGREEMENT_DISTANCE } from './aggregate.ts';
import { ballotDistance } from './ballot-distance.ts';

const named = (...indexes: number[]) => indexes.map((index) => ({ index, label: LABELS[index - 1] ?? '' }));
const approval = (...indexes: number[]) => ({ kind: 'approval' as const, choices: named(...indexes) });
const ranking = (...indexes: number[]) => ({ kind: 'ranking' as const, ranking: named(...indexes) });

const pairOfOneKind = anyKindOfBallot.chain((ballot) => fc.tuple(ballot, ballot));

describe('the distance of two ballots', () => {
  it('is the same both ways, between 0 and 1', () => {
    fc.assert(
      fc.property(fc.oneof(pairOfOneKind, fc.tuple(anyBallot, anyBallot)), ([a, b]) => {
        const distance = ballotDistance(a, b);
        expect(distance).toBe(ballotDistance(b, a));
        expect(distance).toBeGreaterThanOrEqual(0);
        expect(distance).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  it('is 0 for a ballot and itself, in whatever order its choices are named', () => {
    fc.assert(
      fc.property(anyBallot, (ballot) => {
        expect(ballotDistance(ballot, structuredClone(ballot))).toBe(0);
        if (ballot.kind === 'weights') {
          expect(ballotDistance(ballot, { ...ballot, weights: ballot.weights.toReversed() })).toBe(0);
        }
        if (ballot.kind === 'approval') {
          expect(ballotDistance(ballot, { ...ballot, choices: ballot.choices.toReversed() })).toBe(0);
        }
      }),
    );
  });

  it('is more than 0 for ballots that say different things', () => {
    expect(ballotDistance(ballotFor(1), ballotFor(2))).toBe(1);
    expect(ballotDistance(approval(1), approval(1, 2))).toBe(0.5);
    expect(ballotDistance(ranking(1, 2), ranking(2, 1))).toBe(1);
    expect(ballotDistance(sharesOf(1), sharesOf(1, 1))).toBe(0.5);
  });

  it('does not see the scale of weights', () => {
    expect(ballotDistance(sharesOf(70, 30), sharesOf(7, 3))).toBe(0);
  });

  it.for([
    ['approval: none in common', approval(1, 2), approval(3), 1],
    ['approval: half in common', approval(1, 2, 3), approval(2, 3, 4), 0.5],
    ['ranking: neighbours swapped', ranking(1, 2, 3, 4, 5), ranking(2, 1, 3, 4, 5), 0.1],
    ['ranking: turned round', ranking(1, 2, 3, 4, 5), ranking(5, 4, 3, 2, 1), 1],
    ['ranking: of other choices', ranking(1, 2), ranking(1, 3), 1],
    ['ranking: of fewer choices', ranking(1, 2), ranking(1), 1],
    ['weights: nothing in common', sharesOf(1), sharesOf(0, 1), 1],
    ['kinds that differ', approval(1), ballotFor(1), 1],
  ] as const)('%s', ([, a, b, distance]) => {
    expect(ballotDistance(structuredClone({ ...a }), structuredClone({ ...b }))).toBeCloseTo(distance, 12);
  });

  it('of weights that move one fifth is within the bound, wherever the fifth is', () => {
    for (const percent of [20, 40, 60, 80, 100]) {
      const distance = ballotDistance(sharesOf(percent, 100 - percent), sharesOf(percent - 20, 120 - percent));
      expect(distance).toBeLessThanOrEqual(AGREEMENT_DISTANCE);
    }
  });
});
