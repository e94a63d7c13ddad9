import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../test/property-runs.ts';
import { labelSets } from '../test/recorded.ts';
import { anyBallot, anyVote } from '../test/samples.ts';
import { type Ballot, BallotError, ballotOptions, byIndex, sameBallot } from './ballot.ts';
import { decodeChoice, encodeBallot, type EncodedChoice, messageChoice } from './encode.ts';
import { type VotingType, VOTING_TYPES } from './proposal.ts';

/** The same ballot with another (index, label) in place `at`. */
function withOption(ballot: Ballot, at: number, change: { index?: number; label?: string }): Ballot {
  const edit = <T extends object>(list: readonly T[]): T[] =>
    list.map((item, place) => (place === at ? { ...item, ...change } : item));
  switch (ballot.kind) {
    case 'single':
      return { ...ballot, choice: { ...ballot.choice, ...change } };
    case 'approval':
      return { ...ballot, choices: edit(ballot.choices) };
    case 'ranking':
      return { ...ballot, ranking: edit(ballot.ranking) };
    case 'weights':
      return { ...ballot, weights: edit(ballot.weights) };
  }
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof BallotError) return error.code;
    throw error;
  }
  return 'encoded';
};

describe('encoding a ballot', () => {
  it('comes back as the same ballot, for all types and any labels', () => {
    fc.assert(
      fc.property(anyVote, ({ type, choices, ballot }) => {
        const stored: unknown = JSON.parse(JSON.stringify(encodeBallot(ballot, { type, choices })));
        const back = decodeChoice(stored, { type, choices });
        expect(sameBallot(back, ballot)).toBe(true);
        if (ballot.kind === 'weights') expect(back).toEqual({ kind: 'weights', weights: byIndex(ballot.weights) });
      }),
      { numRuns: runs(500) },
    );
  });

  it.for(VOTING_TYPES)('comes back as the same %s ballot for labels that people might write', (type) => {
    for (const choices of labelSets()) {
      for (const ballot of fc.sample(anyBallot(type, choices), { numRuns: 5, seed: 7 })) {
        expect(sameBallot(decodeChoice(encodeBallot(ballot, { type, choices }), { type, choices }), ballot)).toBe(true);
      }
    }
  });

  it('never happens with a label that is not the one at its index', () => {
    fc.assert(
      fc.property(anyVote, fc.nat(), fc.string(), ({ type, choices, ballot }, place, label) => {
        const options = ballotOptions(ballot);
        const at = place % options.length;
        fc.pre(options[at]?.label !== label);
        const wrong = withOption(ballot, at, { label });
        expect(codeOf(() => encodeBallot(wrong, { type, choices }))).toBe('wrong_label');
      }),
    );
  });

  it('never happens with an index that does not bear the label', () => {
    fc.assert(
      fc.property(anyVote, fc.nat(), fc.integer({ min: -2, max: 20 }), ({ type, choices, ballot }, place, index) => {
        const options = ballotOptions(ballot);
        const at = place % options.length;
        fc.pre(choices[index - 1] !== options[at]?.label);
        const code = codeOf(() => encodeBallot(withOption(ballot, at, { index }), { type, choices }));
        expect(code).toBe(index >= 1 && index <= choices.length ? 'wrong_label' : 'unknown_option');
      }),
    );
  });

  it('never happens against a proposal whose labels were reordered meanwhile', () => {
    const ballot: Ballot = { kind: 'single', choice: { index: 1, label: 'For' } };
    expect(codeOf(() => encodeBallot(ballot, { type: 'basic', choices: ['Against', 'For'] }))).toBe('wrong_label');
  });

  it('is the same for equal approvals, in whatever order they were written', () => {
    const choices = ['A', 'B', 'C'];
    const [a, c] = [
      { index: 1, label: 'A' },
      { index: 3, label: 'C' },
    ];
    expect(encodeBallot({ kind: 'approval', choices: [c, a] }, { type: 'approval', choices })).toEqual([1, 3]);
  });
});

describe('the choice in the signed message', () => {
  it('is JSON with ascending keys for weights, and gives the weights back exactly', () => {
    fc.assert(
      fc.property(anyVote, ({ type, choices, ballot }) => {
        const encoded = encodeBallot(ballot, { type, choices });
        const message = messageChoice(encoded, type);
        if (ballot.kind !== 'weights') {
          expect(message).toEqual(encoded);
          return;
        }
        const keys = [...String(message).matchAll(/"(\d+)":/g)].map(([, key]) => Number(key));
        expect(keys).toEqual(ballot.weights.map(({ index }) => index).toSorted((a, b) => a - b));
        expect(JSON.parse(String(message))).toEqual(encoded);
      }),
    );
  });

  it('reads as recorded: {"1":0.5,"2":0.25}', () => {
    expect(messageChoice({ 2: 0.25, 1: 0.5 }, 'weighted')).toBe('{"1":0.5,"2":0.25}');
  });

  const misfits: [EncodedChoice, VotingType][] = [
    [1, 'approval'],
    [[1], 'basic'],
    [[1], 'weighted'],
    [{ 1: 1 }, 'copeland'],
    [1, 'weighted'],
    [1, 'copeland'],
    [[1], 'quadratic'],
    [{ 1: 1 }, 'basic'],
  ];
  it.for(misfits)('is refused for %j on a %s proposal', ([encoded, type]) => {
    expect(codeOf(() => messageChoice(encoded, type))).toBe('wrong_kind');
    expect(() => messageChoice(encoded, type)).toThrow(`the encoded choice is not that of a ${type} proposal`);
  });

  it.for([
    [2, 'basic'],
    [[2, 1], 'approval'],
    [[2, 1], 'copeland'],
  ] as const)('is %j as it is on a %s proposal', ([encoded, type]) => {
    expect(messageChoice(typeof encoded === 'number' ? encoded : [...encoded], type)).toEqual(encoded);
  });
});

describe('reading a stored choice', () => {
  const choices = ['A', 'B', 'C'];

  it.for([
    ['basic', '1', 'unreadable'],
    ['basic', null, 'unreadable'],
    ['basic', [1], 'unreadable'],
    ['basic', 0, 'unknown_option'],
    ['single-choice', 4, 'unknown_option'],
    ['single-choice', 1.5, 'unknown_option'],
    ['approval', 1, 'unreadable'],
    ['approval', [], 'empty'],
    ['approval', [1, 1], 'duplicate_option'],
    ['approval', ['1'], 'unreadable'],
    ['ranked-choice', [1, 2], 'incomplete_ranking'],
    ['copeland', [2, 1], 'incomplete_ranking'],
    ['weighted', [1], 'unreadable'],
    ['weighted', {}, 'empty'],
    ['weighted', { 1: 0 }, 'empty'],
    ['weighted', { 1: -1 }, 'bad_weight'],
    ['weighted', { 1: '1' }, 'bad_weight'],
    ['weighted', { '01': 1 }, 'unreadable'],
    ['quadratic', { 4: 1 }, 'unknown_option'],
    ['quadratic', { A: 1 }, 'unreadable'],
    ['weighted', '0xabcdef', 'encrypted'],
    ['basic', '0x', 'encrypted'],
    ['basic', '0XAB', 'encrypted'],
    ['basic', '0xzz', 'unreadable'],
    ['basic', '10x', 'unreadable'],
    ['approval', ['0xab'], 'unreadable'],
    ['basic', ['0xab'], 'unreadable'],
    ['weighted', { '1x': 1 }, 'unreadable'],
    ['weighted', null, 'unreadable'],
    ['weighted', 'A', 'unreadable'],
    ['weighted', 1, 'unreadable'],
  ] as const)('refuses for %s: %j (%s)', ([type, choice, code]) => {
    expect(codeOf(() => decodeChoice(choice, { type, choices }))).toBe(code);
  });

  it.for([
    ['basic', '0xab', 'the choice is encrypted until the vote ends'],
    ['basic', '1', 'the choice holds something that is no index'],
    ['basic', 4, 'the proposal has no choice 4'],
    ['approval', 1, 'the choice is not a list of indices'],
    ['weighted', null, 'the choice is not an object of weights'],
    ['weighted', { A: 1 }, 'the choice has a key that is no index'],
    ['weighted', { 2: '1' }, 'the weight of choice 2 is not a number'],
  ] as const)('says why it refuses for %s: %j', ([type, choice, why]) => {
    expect(() => decodeChoice(choice, { type, choices })).toThrow(why);
  });

  it('leaves out a weight of 0, which the sequencer lets pass', () => {
    expect(decodeChoice({ 1: 0, 3: 2 }, { type: 'quadratic', choices })).toEqual({
      kind: 'weights',
      weights: [{ index: 3, label: 'C', weight: 2 }],
    });
  });

  it('never takes arbitrary JSON for a ballot that does not fit the proposal', () => {
    fc.assert(
      fc.property(fc.constantFrom(...VOTING_TYPES), fc.jsonValue(), (type, choice) => {
        if (codeOf(() => decodeChoice(choice, { type, choices })) !== 'encoded') return;
        const ballot = decodeChoice(choice, { type, choices });
        expect(sameBallot(decodeChoice(encodeBallot(ballot, { type, choices }), { type, choices }), ballot)).toBe(true);
      }),
    );
  });
});
