import { FilterMetrics } from '@quorum/shared/run';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyProposal, anyProposals, aProposal, DAY_S, HOUR_S, NOW_MS, NOW_S } from '../test/samples.ts';
import { rank, scoreOf } from './rank.ts';

const part = (name: 'urgency' | 'weight' | 'contest', given: Record<string, unknown>): number =>
  scoreOf(aProposal(given), NOW_MS)[name];

describe('urgency', () => {
  it.for([
    [0, 1],
    [DAY_S, 0.5],
    [7 * DAY_S, 0.125],
    [-HOUR_S, 1],
  ] as const)('with %i s left is %d', ([left, expected]) => {
    expect(part('urgency', { end: NOW_S + left })).toBeCloseTo(expected, 12);
  });
});

describe('weight', () => {
  it.for<[string, Record<string, unknown>, number]>([
    ['nobody has voted and there is no quorum', { quorum: 0, scores: [], scores_total: 0 }, 1],
    ['there is no quorum and one has a lead of half', { quorum: 0, scores: [75, 25], scores_total: 100 }, 0.5],
    ['there is no quorum and the first two are level', { quorum: 0, scores: [40, 40, 20], scores_total: 100 }, 1],
    ['there is no quorum and one has all', { quorum: 0, scores: [5, 0], scores_total: 5 }, 0],
    ['nobody has voted on the way to a quorum', { quorum: 100, scores: [], scores_total: 0 }, 1],
    // The lead is a quarter of the quorum, and a quarter of the quorum is there.
    ['a quarter is counted, all for one', { quorum: 100, scores: [25, 0], scores_total: 25 }, 0.75],
    ['the quorum is reached, by one alone', { quorum: 100, scores: [100, 0], scores_total: 100 }, 0],
    ['the quorum is reached, level', { quorum: 100, scores: [50, 50], scores_total: 100 }, 0.5],
    ['the quorum is passed, with a lead of a third', { quorum: 100, scores: [600, 300], scores_total: 900 }, 1 / 3],
    [
      'rejecting is what counts',
      { quorum: 100, quorum_type: 'rejection', scores: [90, 30, 0], scores_total: 120 },
      // The result: 1 − 60 / 120. The quorum: 1 − 30 / 100.
      (0.5 + 0.7) / 2,
    ],
    ['rejection has its quorum', { quorum: 100, quorum_type: 'rejection', scores: [0, 150], scores_total: 150 }, 0],
    ['no count is there yet', { quorum: 100, quorum_type: 'rejection', scores: [], scores_total: 0 }, 1],
    ['there is one choice', { quorum: 100, quorum_type: 'rejection', scores: [200], scores_total: 200 }, 0.5],
    ['what is counted is negative', { quorum: 100, quorum_type: 'rejection', scores: [0, -5], scores_total: 0 }, 1],
    ['the hub counts less than there is', { quorum: 0, scores: [90, 0], scores_total: 10 }, 0],
  ])('where %s', ([, given, expected]) => {
    expect(part('weight', given)).toBeCloseTo(expected, 12);
  });

  it('falls, all else equal, as the quorum fills and as the lead grows', () => {
    const anyCount = fc.integer({ min: 0, max: 1_000 });
    fc.assert(
      fc.property(anyCount, anyCount, fc.boolean(), (one, other, rejection) => {
        fc.pre(one !== other);
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        const quorum_type = rejection ? 'rejection' : 'default';
        // Level all the time: only the quorum fills.
        const filled = (count: number): number =>
          part('weight', { quorum: 2_000, quorum_type, scores: [count, count], scores_total: 2 * count });
        expect(filled(less)).toBeGreaterThan(filled(more));
        const led = (lead: number): number =>
          part('weight', { quorum: 0, scores: [1_000 + lead, 1_000 - lead], scores_total: 2_000 });
        expect(led(less)).toBeGreaterThan(led(more));
      }),
    );
  });
});

describe('contest', () => {
  it.for<[string, number[], number]>([
    ['nobody has voted', [], 1],
    ['all stand at nothing', [0, 0, 0], 1],
    ['the first two are level', [50, 50], 1],
    ['the first two are level, wherever they stand', [1, 50, 50], 1],
    ['one has all', [80, 0, 0], 0],
    ['there is one choice', [80], 0],
    ['one has three quarters', [25, 75], 0.5],
    ['a score is negative', [-5, 10], 0],
  ])('where %s', ([, scores, expected]) => {
    expect(part('contest', { scores })).toBeCloseTo(expected, 12);
  });
});

describe('the rank', () => {
  it('has its score and all its parts in [0, 1], whatever the hub counts', () => {
    fc.assert(
      fc.property(anyProposal, (proposal) => {
        const ranked = scoreOf(proposal, NOW_MS);
        expect(FilterMetrics.shape.ranked.element.parse(ranked)).toEqual(ranked);
        expect(ranked.score).toBeCloseTo(0.5 * ranked.urgency + 0.3 * ranked.weight + 0.2 * ranked.contest, 12);
      }),
    );
  });

  it('rises as the deadline nears, all else equal', () => {
    const anyLeft = fc.integer({ min: 0, max: 60 * DAY_S });
    fc.assert(
      fc.property(anyProposal, anyLeft, anyLeft, (proposal, one, other) => {
        fc.pre(one !== other);
        const scoreAt = (left: number): number => scoreOf({ ...proposal, end: NOW_S + left }, NOW_MS).score;
        expect(scoreAt(Math.min(one, other))).toBeGreaterThan(scoreAt(Math.max(one, other)));
      }),
    );
  });

  it('puts the urgent before the lax of equal weight', () => {
    const lax = aProposal({ end: NOW_S + 5 * DAY_S });
    const urgent = aProposal({ end: NOW_S + HOUR_S });
    expect(rank([lax, urgent], NOW_MS).map(({ proposal }) => proposal.id)).toEqual([urgent.id, lax.id]);
  });

  it('loses nothing, falls, and does not depend on the order of the input', () => {
    const shuffled = anyProposals.chain((proposals) =>
      fc.tuple(fc.constant(proposals), fc.shuffledSubarray(proposals, { minLength: proposals.length })),
    );
    fc.assert(
      fc.property(shuffled, ([proposals, others]) => {
        const ranked = rank(proposals, NOW_MS);
        expect(ranked).toEqual(rank(others, NOW_MS));
        expect(ranked.map(({ proposal }) => proposal.id).toSorted()).toEqual(proposals.map(({ id }) => id).toSorted());
        const scores = ranked.map((entry) => entry.ranked.score);
        expect(scores).toEqual(scores.toSorted((a, b) => b - a));
        for (const { proposal, ranked: own } of ranked) expect(own.proposal_id).toBe(proposal.id);
      }),
    );
  });

  it('gives ties to the earlier end, then to the smaller id', () => {
    // All are over by this clock, so their urgency is the same.
    const numbers = { quorum: 0, scores: [1, 1] };
    const late = aProposal({ ...numbers, id: '0xa1', end: NOW_S - 10 });
    const early = aProposal({ ...numbers, id: '0xf2', end: NOW_S - 20 });
    const small = aProposal({ ...numbers, id: '0xa2', end: NOW_S - 20 });
    const order = rank([late, early, small], NOW_MS);
    expect(new Set(order.map((entry) => entry.ranked.score)).size).toBe(1);
    expect(order.map(({ proposal }) => proposal.id)).toEqual(['0xa2', '0xf2', '0xa1']);
  });

  it('of nothing is nothing', () => {
    expect(rank([], NOW_MS)).toEqual([]);
  });
});
