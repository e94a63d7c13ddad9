import { Ballot } from '@quorum/snapshot/ballot';
import { describe, expect, it } from 'vitest';
import { favours, isExpected } from './ballots.ts';

const [a, b, c] = [
  { index: 1, label: 'A' },
  { index: 2, label: 'B' },
  { index: 3, label: 'C' },
] as const;

const BALLOTS = {
  single: { kind: 'single', choice: b },
  approval: { kind: 'approval', choices: [a, b] },
  ranking: { kind: 'ranking', ranking: [b, a, c] },
  weights: {
    kind: 'weights',
    weights: [
      { ...a, weight: 30 },
      { ...b, weight: 70 },
    ],
  },
  even: {
    kind: 'weights',
    weights: [
      { ...a, weight: 1 },
      { ...b, weight: 1 },
    ],
  },
} as const;

const ballot = (name: keyof typeof BALLOTS): Ballot => Ballot.parse(BALLOTS[name]);

describe('a ballot favours', () => {
  it.for([
    ['single', [2]],
    ['approval', [1, 2]],
    ['ranking', [2]],
    ['weights', [2]],
    ['even', [1, 2]],
  ] as const)('%s: %j', ([name, favoured]) => {
    expect([1, 2, 3].filter((index) => favours(ballot(name), index))).toEqual(favoured);
  });

  it('nothing where there is none', () => {
    expect(favours(null, 1)).toBe(false);
  });
});

describe('a ballot is what was expected', () => {
  it.for([
    ['single', ['B'], true],
    ['single', ['A'], false],
    ['single', ['A', 'B'], true],
    ['approval', ['B', 'A'], true],
    ['approval', ['A'], false],
    ['approval', ['A', 'B', 'C'], false],
    ['ranking', ['B'], true],
    ['ranking', ['A'], false],
    ['weights', ['B'], true],
    ['even', ['B'], false],
    ['even', ['A', 'B'], true],
  ] as const)('%s against %j: %j', ([name, expected, is]) => {
    expect(isExpected(ballot(name), expected)).toBe(is);
  });
});
