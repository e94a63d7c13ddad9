/**
 * Ballots to the choices that Snapshot stores, and back. This is where a decision becomes a number that counts, so nothing is
 * encoded that `checkBallot` has not proven against the proposal, and nothing is decoded by guessing.
 */
import { type Ballot, ballotKind, BallotError, type BallotTerms, byIndex, checkBallot, type Option } from './ballot.ts';
import type { VotingType } from './proposal.ts';

/**
 * A choice as the hub returns it: an index from 1; a list of indices; or weights by index, the key being a decimal string.
 */
export type EncodedChoice = number | number[] | Record<string, number>;

/**
 * The choice for a ballot. An approval is sorted, so that equal ballots encode equally; a ranking keeps its order.
 * @throws BallotError where the ballot does not fit the proposal.
 */
export function encodeBallot(ballot: Ballot, proposal: BallotTerms): EncodedChoice {
  checkBallot(ballot, proposal);
  switch (ballot.kind) {
    case 'single':
      return ballot.choice.index;
    case 'approval':
      return byIndex(ballot.choices).map(({ index }) => index);
    case 'ranking':
      return ballot.ranking.map(({ index }) => index);
    case 'weights':
      return Object.fromEntries(byIndex(ballot.weights).map(({ index, weight }) => [String(index), weight]));
  }
}

/**
 * The ballot that a stored choice stands for: the inverse of `encodeBallot`. Choices of weight 0, which the sequencer lets
 * pass, are left out: they say nothing.
 * @param choice what the hub's `votes` gave; anything at all.
 * @throws BallotError with code `encrypted` for a Shutter ciphertext, and otherwise for whatever is no full ballot on this
 *   proposal: an empty approval, a partial copeland ranking, an unknown index.
 */
export function decodeChoice(choice: unknown, proposal: BallotTerms): Ballot {
  if (typeof choice === 'string' && /^0x[0-9a-f]*$/i.test(choice)) {
    throw new BallotError('encrypted', 'the choice is encrypted until the vote ends');
  }
  const ballot = readChoice(choice, proposal);
  checkBallot(ballot, proposal);
  return ballot;
}

function readChoice(choice: unknown, { type, choices }: BallotTerms): Ballot {
  const kind = ballotKind(type);
  switch (kind) {
    case 'single':
      return { kind, choice: optionAt(choice, choices) };
    case 'approval':
      return { kind, choices: optionList(choice, choices) };
    case 'ranking':
      return { kind, ranking: optionList(choice, choices) };
    case 'weights':
      return { kind, weights: weightList(choice, choices) };
  }
}

function optionAt(index: unknown, choices: readonly string[]): Option {
  if (typeof index !== 'number') throw new BallotError('unreadable', 'the choice holds something that is no index');
  const label = Number.isInteger(index) ? choices[index - 1] : undefined;
  if (label === undefined) throw new BallotError('unknown_option', `the proposal has no choice ${index}`);
  return { index, label };
}

function optionList(choice: unknown, choices: readonly string[]): Option[] {
  if (!Array.isArray(choice)) throw new BallotError('unreadable', 'the choice is not a list of indices');
  return choice.map((index: unknown) => optionAt(index, choices));
}

function weightList(choice: unknown, choices: readonly string[]): (Option & { weight: number })[] {
  if (typeof choice !== 'object' || choice === null || Array.isArray(choice)) {
    throw new BallotError('unreadable', 'the choice is not an object of weights');
  }
  return Object.entries(choice)
    .filter(([, weight]) => weight !== 0)
    .map(([key, weight]: [string, unknown]) => {
      if (!/^[1-9]\d*$/.test(key)) throw new BallotError('unreadable', 'the choice has a key that is no index');
      if (typeof weight !== 'number')
        throw new BallotError('bad_weight', `the weight of choice ${key} is not a number`);
      return { ...optionAt(Number(key), choices), weight };
    });
}

/**
 * The choice in the form that the signed message of this voting type holds: weights as JSON text with ascending keys, all
 * else as it is.
 * @throws BallotError where the encoded choice is not of the voting type's form.
 */
export function messageChoice(encoded: EncodedChoice, type: VotingType): number | number[] | string {
  const kind = ballotKind(type);
  if (kind === 'single' && typeof encoded === 'number') return encoded;
  if ((kind === 'approval' || kind === 'ranking') && Array.isArray(encoded)) return [...encoded];
  // Object keys that are array indices are always enumerated in ascending order, whatever the order of insertion.
  if (kind === 'weights' && typeof encoded === 'object' && !Array.isArray(encoded)) return JSON.stringify(encoded);
  throw new BallotError('wrong_kind', `the encoded choice is not that of a ${type} proposal`);
}
