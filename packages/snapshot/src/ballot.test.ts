import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBallot, anyChoices, anyVote, anyWeight } from '../test/samples.ts';
import { labelSets } from '../test/recorded.ts';
import { Ballot, BallotError, ballotKind, checkBallot, describeBallot, findChoice, sameBallot } from './ballot.ts';
import { type VotingType, VOTING_TYPES } from './proposal.ts';

const terms = (type: VotingType, choices: string[]): { type: VotingType; choices: string[] } => ({ type, choices });
const option = (index: number, label: string): { index: number; label: string } => ({ index, label });

function weights(...shares: number[]): Ballot {
  return { kind: 'weights', weights: shares.map((weight, at) => ({ ...option(at + 1, `L${at + 1}`), weight })) };
}

/** One ballot of each kind, all of the same option. */
const OF_EACH_KIND: readonly Ballot[] = [
  { kind: 'single', choice: option(1, 'A') },
  { kind: 'approval', choices: [option(1, 'A')] },
  { kind: 'ranking', ranking: [option(1, 'A')] },
  { kind: 'weights', weights: [{ ...option(1, 'A'), weight: 1 }] },
];

describe('a ballot that comes from elsewhere', () => {
  it.for(OF_EACH_KIND)('is read as it is: %j', (ballot) => {
    expect(Ballot.parse(ballot)).toEqual(ballot);
  });

  it.for([
    { kind: 'other', choice: option(1, 'A') },
    { kind: 'single' },
    { kind: 'single', choice: { index: 1 } },
    { kind: 'single', choice: option(0, 'A') },
    { kind: 'single', choice: option(1.5, 'A') },
    { kind: 'approval', choices: [] },
    { kind: 'approval' },
    { kind: 'ranking', ranking: [] },
    { kind: 'ranking' },
    { kind: 'weights', weights: [] },
    { kind: 'weights', weights: [option(1, 'A')] },
    { kind: 'weights', weights: [{ ...option(1, 'A'), weight: 0 }] },
    { kind: 'weights', weights: [{ index: 1, weight: 1 }] },
  ])('is none where it says too little or nothing that there is: %j', (given) => {
    expect(Ballot.safeParse(given).success).toBe(false);
  });

  it('may name many options, from any place', () => {
    const many = [option(2, 'B'), option(3, 'C')];
    for (const ballot of [
      { kind: 'approval', choices: many },
      { kind: 'ranking', ranking: many },
      { kind: 'weights', weights: many.map((one) => ({ ...one, weight: 2 })) },
    ]) {
      expect(Ballot.parse(ballot)).toEqual(ballot);
    }
  });
});

describe('looking a label up', () => {
  it.for(labelSets())('finds each label of %j at its own place unless two are equal', (choices) => {
    for (const [at, label] of choices.entries()) {
      const twice = choices.filter((other) => other === label).length > 1;
      expect(findChoice(label, choices)).toEqual(
        twice ? { kind: 'ambiguous' } : { kind: 'found', option: option(at + 1, label) },
      );
    }
  });

  it('takes no label for another that only looks like it', () => {
    const choices = ['Yes', 'Dafür', '⚪️'];
    for (const label of ['yes', ' Yes', 'Yes ', 'Ye', 'Yes\u200b', '', '1', 'Dafu\u0308r', '⚪']) {
      expect(findChoice(label, choices)).toEqual({ kind: 'unknown' });
    }
  });

  it('finds a label exactly if one choice, and only one, bears it', () => {
    fc.assert(
      fc.property(anyChoices, fc.string(), (choices, other) => {
        for (const label of [...choices, other]) {
          const bearers = choices.flatMap((choice, at) => (choice === label ? [at + 1] : []));
          const found = findChoice(label, choices);
          if (found.kind === 'found') expect(bearers).toEqual([found.option.index]);
          else expect(bearers.length).toBe(found.kind === 'unknown' ? 0 : Math.max(2, bearers.length));
        }
      }),
    );
  });
});

describe('checking a ballot', () => {
  it.for([
    ['an index outside', { kind: 'single', choice: option(4, 'A') }, 'unknown_option'],
    ['index 0', { kind: 'single', choice: option(0, 'A') }, 'unknown_option'],
    ['half an index', { kind: 'single', choice: option(1.5, 'A') }, 'unknown_option'],
    ['the label of another choice', { kind: 'single', choice: option(2, 'A') }, 'wrong_label'],
  ] as const)('refuses %s', ([, ballot, code]) => {
    expect(() => checkBallot(ballot, terms('basic', ['A', 'B', 'C']))).toThrow(expect.objectContaining({ code }));
  });

  it('refuses the same choice twice', () => {
    const twice = [option(1, 'A'), option(1, 'A')];
    const code = 'duplicate_option';
    const choices = ['A', 'B'];
    expect(() => checkBallot({ kind: 'approval', choices: twice }, terms('approval', choices))).toThrow(
      expect.objectContaining({ code }),
    );
    expect(() => checkBallot({ kind: 'ranking', ranking: twice }, terms('copeland', choices))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('takes two choices with equal labels for what they are: two', () => {
    const choices = ['Fund it', 'Fund it', 'No'];
    const ballot: Ballot = { kind: 'approval', choices: [option(1, 'Fund it'), option(2, 'Fund it')] };
    expect(() => checkBallot(ballot, terms('approval', choices))).not.toThrow();
  });

  it.for(['ranked-choice', 'copeland'] as const)('wants every choice ranked in %s', (type) => {
    const ranking = [option(2, 'B'), option(1, 'A')];
    expect(() => checkBallot({ kind: 'ranking', ranking }, terms(type, ['A', 'B', 'C']))).toThrow(
      expect.objectContaining({ code: 'incomplete_ranking' }),
    );
  });

  it.for([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses the weight %s', (weight) => {
    expect(() => checkBallot(weights(1, weight), terms('weighted', ['L1', 'L2']))).toThrow(
      expect.objectContaining({ code: 'bad_weight' }),
    );
  });

  it('refuses weights whose sum is no number any more', () => {
    expect(() => checkBallot(weights(1e308, 1e308), terms('quadratic', ['L1', 'L2']))).toThrow(
      expect.objectContaining({ code: 'bad_weight' }),
    );
  });

  it('refuses an empty ballot', () => {
    expect(() => checkBallot({ kind: 'approval', choices: [] }, terms('approval', ['A']))).toThrow(
      expect.objectContaining({ code: 'empty' }),
    );
  });

  const refusals: [VotingType, Ballot, string][] = [
    [
      'basic',
      { kind: 'approval', choices: [option(1, 'A')] },
      'a basic proposal takes a ballot of kind single, not approval',
    ],
    ['approval', { kind: 'approval', choices: [] }, 'the ballot names no choice'],
    ['approval', { kind: 'approval', choices: [option(2, 'B'), option(2, 'B')] }, 'choice 2 comes twice'],
    [
      'copeland',
      { kind: 'ranking', ranking: [option(1, 'A')] },
      'the ranking names 1 of 2 choices; all must be ranked',
    ],
    ['weighted', weights(0), 'the weight of choice 1 is not a finite number above 0'],
    ['weighted', weights(1e308, 1e308), 'the weights are too large to be added'],
    ['basic', { kind: 'single', choice: option(3, 'C') }, 'the proposal has choices 1 to 2, not 3'],
    ['basic', { kind: 'single', choice: option(2, 'A') }, 'choice 2 is not labelled as the ballot says'],
  ];
  it.for(refusals)('says why it refuses for %s: %j', ([type, ballot, why]) => {
    const choices = ballot.kind === 'weights' ? ['L1', 'L2'] : ['A', 'B'];
    const check = (): void => checkBallot(ballot, terms(type, choices));
    expect(check).toThrow(BallotError);
    expect(check).toThrow(expect.objectContaining({ name: 'BallotError', message: why }));
  });

  it('takes a ballot only for the voting types of its kind', () => {
    fc.assert(
      fc.property(anyVote, ({ choices, ballot }) => {
        for (const type of VOTING_TYPES) {
          if (ballotKind(type) === ballot.kind) expect(() => checkBallot(ballot, terms(type, choices))).not.toThrow();
          else {
            expect(() => checkBallot(ballot, terms(type, choices))).toThrow(
              expect.objectContaining({ code: 'wrong_kind' }),
            );
          }
        }
      }),
    );
  });
});

describe('comparing ballots', () => {
  it('does not mind the order of an approval, and minds that of a ranking', () => {
    const [a, b] = [option(1, 'A'), option(2, 'B')];
    expect(sameBallot({ kind: 'approval', choices: [a, b] }, { kind: 'approval', choices: [b, a] })).toBe(true);
    expect(sameBallot({ kind: 'ranking', ranking: [a, b] }, { kind: 'ranking', ranking: [b, a] })).toBe(false);
  });

  it.for([
    [[70, 30], [7, 3], true],
    [[0.1, 0.3], [1, 3], true],
    [[1, 1, 1], [1e-300, 1e-300, 1e-300], true],
    [[1, 3], [1, 3.000_000_000_000_001], false],
    [[70, 30], [30, 70], false],
    [[1], [1, 1], false],
  ] as const)('takes the shares %j and %j for the same: %s', ([a, b, same]) => {
    expect(sameBallot(weights(...a), weights(...b))).toBe(same);
  });

  it('tells single ballots and kinds apart', () => {
    const single = (index: number, label: string): Ballot => ({ kind: 'single', choice: option(index, label) });
    expect(sameBallot(single(1, 'A'), single(1, 'A'))).toBe(true);
    expect(sameBallot(single(1, 'A'), single(2, 'A'))).toBe(false);
    expect(sameBallot(single(1, 'A'), single(1, 'B'))).toBe(false);
    expect(sameBallot(single(1, 'A'), { kind: 'approval', choices: [option(1, 'A')] })).toBe(false);
  });

  it.for(OF_EACH_KIND)('takes none of another kind for the same as %j, although it names the same option', (ballot) => {
    for (const other of OF_EACH_KIND) expect(sameBallot(ballot, other)).toBe(ballot === other);
  });

  it('minds each option, the last as the first, and how many there are', () => {
    const approval = (...choices: { index: number; label: string }[]): Ballot => ({ kind: 'approval', choices });
    const [a, b, c] = [option(1, 'A'), option(2, 'B'), option(3, 'C')];
    expect(sameBallot(approval(a, b), approval(a, c))).toBe(false);
    expect(sameBallot(approval(a, c), approval(b, c))).toBe(false);
    expect(sameBallot(approval(a), approval(a, b))).toBe(false);
    expect(sameBallot(approval(a, b), approval(a))).toBe(false);
  });

  it('is reflexive and symmetric, whatever the ballots', () => {
    const two = fc
      .tuple(fc.constantFrom(...VOTING_TYPES), anyChoices)
      .chain(([type, choices]) => fc.tuple(anyBallot(type, choices), anyBallot(type, choices)));
    fc.assert(
      fc.property(two, ([a, b]) => {
        expect(sameBallot(a, structuredClone(a))).toBe(true);
        expect(sameBallot(a, b)).toBe(sameBallot(b, a));
      }),
    );
  });

  it('sees through any common factor that is a power of ten', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1, maxLength: 8 }), (shares) => {
        const smaller = shares.map((share) => Number(`${share}e-3`));
        expect(sameBallot(weights(...shares), weights(...smaller))).toBe(true);
      }),
    );
  });

  it('sees any single weight that was changed, if there is another', () => {
    fc.assert(
      fc.property(anyWeight, anyWeight, anyWeight, (a, b, other) => {
        fc.pre(b !== other);
        expect(sameBallot(weights(a, b), weights(a, other))).toBe(false);
      }),
    );
  });
});

describe('a ballot in words', () => {
  const cases: [Ballot, string][] = [
    [{ kind: 'single', choice: option(1, 'For') }, 'For'],
    [{ kind: 'approval', choices: [option(3, 'C'), option(1, 'A')] }, 'A, C'],
    [{ kind: 'ranking', ranking: [option(2, 'B'), option(1, 'A')] }, 'B > A'],
    [weights(30, 70), '70 % L2, 30 % L1'],
    [weights(1, 2), '66.7 % L2, 33.3 % L1'],
    [weights(1, 1e6), '100 % L2, < 0.1 % L1'],
    [weights(1, 1), '50 % L1, 50 % L2'],
    [weights(1, 999), '99.9 % L2, 0.1 % L1'],
    [weights(1e308, 1e308), '50 % L1, 50 % L2'],
    [weights(1e308, 1e-5), '100 % L1, < 0.1 % L2'],
    [{ kind: 'single', choice: option(1, '\u001b[31mred\u202e\nline') }, '[31mred line'],
    [{ kind: 'single', choice: option(2, ' ') }, 'choice 2'],
  ];
  it.for(cases)('reads %j as %s', ([ballot, words]) => {
    expect(describeBallot(ballot)).toBe(words);
  });
});
