/** Counting, against the voting classes of Snapshot's own client library. */
import { createRequire } from 'node:module';
import { fc, test } from '@fast-check/vitest';
import { Address, type VotingType } from '@quorum/snapshot/proposal';
import type * as library from '@snapshot-labs/snapshot.js';
import { describe, expect, test as example } from 'vitest';
import { createBallotBox } from './ballot-box.ts';
import type { StoredVote } from './stored-vote.ts';
import { countVotes, type Scores } from './scores.ts';
import { WorldProposal } from './world.ts';

// Its types describe the CommonJS build, so that is the one to load.
const snapshot: (typeof library)['default']['default'] = createRequire(import.meta.url)('@snapshot-labs/snapshot.js');
const { voting } = snapshot.utils;
const CHOICES = ['Alpha', 'Beta', 'Gamma', 'Delta'];
const STRATEGIES = [
  { name: 'one', network: '1', params: {} },
  { name: 'two', network: '1', params: {} },
];

type Cast = { readonly choice: StoredVote['choice']; readonly powers: readonly [number, number] };

function stored({ choice, powers }: Cast, index: number): StoredVote {
  return {
    id: `0x${index}`,
    ipfs: null,
    voter: Address.parse(`0x${String(index + 1).padStart(40, '0')}`),
    created: 1,
    space: 'small.eth',
    proposal: '0x01',
    choice,
    metadata: {},
    reason: '',
    app: '',
    vp: powers[0] + powers[1],
    vp_by_strategy: powers,
    vp_state: 'final',
    vp_value: 0,
  };
}

/** A vote as Snapshot's classes take it. */
function balances({ powers }: Cast): { balance: number; scores: number[] } {
  return { balance: powers[0] + powers[1], scores: [...powers] };
}

/** Within a poll either small ones, so that choices often draw, or fractions. */
const draws = fc.integer({ min: 1, max: 2 });
const fractions = fc.integer({ min: 1, max: 1_000_000 }).map((units) => units / 64);
const index = fc.integer({ min: 1, max: CHOICES.length });
const order = fc.shuffledSubarray([1, 2, 3, 4], { minLength: 4, maxLength: 4 });
const some = fc.subarray([1, 2, 3, 4]);
const weights = fc
  .dictionary(fc.constantFrom('1', '2', '3', '4'), fc.integer({ min: 0, max: 100 }), { noNullPrototype: true })
  .filter((choice) => Object.values(choice).some((weight) => weight > 0));

function count(type: VotingType, casts: readonly Cast[]): Scores {
  return countVotes({ type, choices: CHOICES.length, strategies: 2 }, casts.map(stored));
}

type Counter = {
  getScores(): number[];
  getScoresByStrategy(): number[][];
  getScoresTotal(): number;
};

/** Equal but for the last bits. */
function expectSame(own: Scores, theirs: Counter): void {
  const near = (numbers: readonly number[]) => numbers.map((number) => expect.closeTo(number, 5));
  expect(own.scores).toEqual(near(theirs.getScores()));
  expect(own.scores_by_strategy).toEqual(theirs.getScoresByStrategy().map(near));
  expect(own.scores_total).toBeCloseTo(theirs.getScoresTotal(), 5);
}

const castsOf = <Choice>(choice: fc.Arbitrary<Choice>) =>
  fc.oneof(
    ...[draws, fractions].map((power) =>
      fc.array(fc.record({ choice, powers: fc.tuple(power, power) }), { minLength: 1, maxLength: 12 }),
    ),
  );
/** A failure is said as it was found: making it smaller takes minutes and tells no more. */
const RUNS = { numRuns: 200, endOnFailure: true };
const proposal = { choices: CHOICES };

describe('scores are those of Snapshot', () => {
  test.prop([castsOf(index)], RUNS)('single choice', (casts) => {
    const votes = casts.map((cast) => ({ choice: cast.choice, ...balances(cast) }));
    expectSame(count('single-choice', casts), new voting['single-choice'](proposal, votes, STRATEGIES, 1));
  });
  test.prop([castsOf(some)], RUNS)('approval', (casts) => {
    const votes = casts.map((cast) => ({ choice: cast.choice, ...balances(cast) }));
    expectSame(count('approval', casts), new voting.approval(proposal, votes, STRATEGIES, []));
  });
  test.prop([castsOf(order)], RUNS)('ranked choice', (casts) => {
    const votes = casts.map((cast) => ({ choice: cast.choice, ...balances(cast) }));
    expectSame(count('ranked-choice', casts), new voting['ranked-choice'](proposal, votes, STRATEGIES, []));
  });
  test.prop([castsOf(weights)], RUNS)('weighted', (casts) => {
    const votes = casts.map((cast) => ({ choice: cast.choice, ...balances(cast) }));
    expectSame(count('weighted', casts), new voting.weighted(proposal, votes, STRATEGIES, {}));
  });
  test.prop([castsOf(weights)], RUNS)('quadratic', (casts) => {
    const votes = casts.map((cast) => ({ choice: cast.choice, ...balances(cast) }));
    expectSame(count('quadratic', casts), new voting.quadratic(proposal, votes, STRATEGIES, {}));
  });
});

// The library of today breaks ties by average support and drops partial rankings; the servers that were recorded did neither.
example('copeland: a partial ranking counts, and unranked choices draw with each other', () => {
  const vote = stored({ choice: [2, 1], powers: [10, 0] }, 0);
  const { scores, scores_total } = countVotes({ type: 'copeland', choices: 3, strategies: 1 }, [vote]);
  expect(scores).toEqual([1.6666666666666665, 5, 3.333333333333333]);
  expect(scores_total).toBe(10);
});

example('a ciphertext adds to the total alone', () => {
  const counted = count('weighted', [{ choice: '0xabcd', powers: [7, 3] }]);
  expect(counted.scores).toEqual([0, 0, 0, 0]);
  expect(counted.scores_total).toBe(10);
});

describe('what a world gave and what came later', () => {
  const given = WorldProposal.parse({
    id: '0x01',
    space: 'small.eth',
    type: 'single-choice',
    title: 'A boat',
    choices: CHOICES,
    start: 1,
    end: 2,
    scores: [100, 50, 0, 0],
    votes: 7,
  });
  const vote = (choice: number): StoredVote => stored({ choice, powers: [10, 0] }, 0);

  example('given scores stand as they are, and later votes are added', () => {
    const box = createBallotBox(given);
    box.seal(given);
    expect(box.standing()).toMatchObject({ scores: [100, 50, 0, 0], scores_total: 150, votes: 7 });
    box.put(vote(2), 1_800_000_000);
    expect(box.standing()).toMatchObject({ scores: [100, 60, 0, 0], scores_total: 160, votes: 8 });
    expect(box.standing().scores_updated).toBe(1_800_000_000);
  });
  example('a changed vote moves; one that was given with the world moves what was given', () => {
    const box = createBallotBox(given);
    box.put(vote(1), 1);
    box.seal(given);
    box.put(vote(3), 2);
    expect(box.standing()).toMatchObject({ scores: [90, 50, 10, 0], scores_total: 150, votes: 7 });
  });
  example('without given scores they are those of the votes', () => {
    const { votes: _, ...rest } = given;
    const open = WorldProposal.parse({ ...rest, scores: [] });
    const box = createBallotBox(open);
    box.put(vote(4), 1);
    box.seal(open);
    expect(box.standing()).toMatchObject({ scores: [0, 0, 0, 10], votes: 1 });
  });
});
