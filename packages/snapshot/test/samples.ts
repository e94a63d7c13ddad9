/** Proposals and ballots for tests, and the fast-check arbitraries that make any of them. */
import fc from 'fast-check';
import { Wallet } from 'ethers';
import { type Ballot, ballotKind, type Option } from '../src/ballot.ts';
import { Address, Proposal, type VotingType, VOTING_TYPES } from '../src/proposal.ts';

/** A well-formed open proposal; what a test is about is given, the rest is filled in. */
export function aProposal(given: Record<string, unknown> = {}): Proposal {
  return Proposal.parse({
    id: `0x${'4e'.repeat(32)}`,
    space: 'harbour.eth',
    author: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
    network: '1',
    type: 'basic',
    privacy: '',
    title: 'Repair the breakwater',
    body: 'The northern breakwater has settled by a metre.',
    discussion: '',
    choices: ['For', 'Against', 'Abstain'],
    plugins: {},
    strategies: [{ name: 'erc20-balance-of', network: '1', params: { symbol: 'HBR' } }],
    snapshot: '21000000',
    created: 1_795_000_000,
    start: 1_795_000_100,
    end: 1_795_600_000,
    state: 'active',
    quorum: 100,
    quorum_type: 'default',
    scores: [10, 5, 0],
    scores_total: 15,
    scores_state: 'pending',
    votes: 3,
    flagged: false,
    link: 'https://snapshot.box/#/s:harbour.eth/proposal/1',
    ...given,
  });
}

export function anAddress(): Address {
  return Address.parse(Wallet.createRandom().address);
}

/** Lists of labels of every sort, with doubles on purpose. */
export const anyChoices: fc.Arbitrary<string[]> = fc.array(
  fc.oneof(
    fc.constantFrom('For', 'Against', 'For ', '1', '2', ''),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 6 }),
  ),
  { minLength: 1, maxLength: 12 },
);

const anyType: fc.Arbitrary<VotingType> = fc.constantFrom(...VOTING_TYPES);

/** Any ballot that fits a proposal of this type with these choices. */
export function anyBallot(type: VotingType, choices: readonly string[]): fc.Arbitrary<Ballot> {
  const options = choices.map((label, at): Option => ({ index: at + 1, label }));
  const kind = ballotKind(type);
  switch (kind) {
    case 'single':
      return fc.constantFrom(...options).map((choice) => ({ kind, choice }));
    case 'approval':
      return fc.shuffledSubarray(options, { minLength: 1 }).map((some) => ({ kind, choices: some }));
    case 'ranking':
      return fc.shuffledSubarray(options, { minLength: options.length }).map((ranking) => ({ kind, ranking }));
    case 'weights':
      return fc
        .shuffledSubarray(options, { minLength: 1 })
        .chain((some) =>
          fc
            .array(anyWeight, { minLength: some.length, maxLength: some.length })
            .map((weights) => ({ kind, weights: some.map((option, at) => ({ ...option, weight: weights[at] ?? 1 })) })),
        );
  }
}

export const anyWeight: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.double({ min: Number.MIN_VALUE, max: 1e300, noNaN: true }),
);

/** A proposal's terms and a ballot that fits them. */
export const anyVote = fc
  .tuple(anyType, anyChoices)
  .chain(([type, choices]) => anyBallot(type, choices).map((ballot) => ({ type, choices, ballot })));
