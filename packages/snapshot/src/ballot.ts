/**
 * A ballot: what to vote, in the proposal's own terms. Every option carries its index *and* its label, so that a ballot can
 * be checked against the proposal at each step and a wrong position can never pass for the right choice.
 */
import { z } from 'zod';
import { printable } from './printable.ts';
import type { Proposal, VotingType } from './proposal.ts';
import { percentages, sameShares } from './shares.ts';

/** One of the proposal's choices. */
export const Option = z.object({
  index: z.int().min(1).describe("Position among the proposal's choices, from 1"),
  label: z.string().describe("The choice's label, exactly as in the proposal"),
});
export type Option = z.infer<typeof Option>;

const Weight = Option.extend({
  weight: z.number().positive().describe('Share of the voting power, relative to the other weights of this ballot'),
});

/** What to vote. The kind follows from the proposal's voting type; see `ballotKind`. */
export const Ballot = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('single').describe('One choice: basic, single-choice'),
    choice: Option.describe('The choice voted for'),
  }),
  z.object({
    kind: z.literal('approval').describe('A set of choices: approval'),
    choices: z.array(Option).min(1).describe('The choices approved of; never empty'),
  }),
  z.object({
    kind: z.literal('ranking').describe('All choices in order: ranked-choice, copeland'),
    ranking: z.array(Option).min(1).describe('Every choice of the proposal once, best first'),
  }),
  z.object({
    kind: z.literal('weights').describe('Shares of the voting power: weighted, quadratic'),
    weights: z.array(Weight).min(1).describe('The choices that get a share, each with a weight above 0'),
  }),
]);
export type Ballot = z.infer<typeof Ballot>;

/** Why a ballot, a label or a stored choice does not fit its proposal. */
export type BallotErrorCode =
  | 'wrong_kind'
  | 'unknown_option'
  | 'wrong_label'
  | 'duplicate_option'
  | 'incomplete_ranking'
  | 'bad_weight'
  | 'empty'
  | 'encrypted'
  | 'unreadable';

/** A ballot that must not be encoded, or a choice that does not read as a ballot. */
export class BallotError extends Error {
  override readonly name = 'BallotError';
  readonly code: BallotErrorCode;

  constructor(code: BallotErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What of a proposal a ballot is measured against. */
export type BallotTerms = Readonly<Pick<Proposal, 'type' | 'choices'>>;

const KINDS = {
  basic: 'single',
  'single-choice': 'single',
  approval: 'approval',
  'ranked-choice': 'ranking',
  copeland: 'ranking',
  weighted: 'weights',
  quadratic: 'weights',
} as const satisfies Record<VotingType, Ballot['kind']>;

/** The kind of ballot that a proposal of this voting type takes. */
export function ballotKind(type: VotingType): Ballot['kind'] {
  return KINDS[type];
}

/** What became of looking a label up. */
export type FoundChoice =
  | { readonly kind: 'found'; readonly option: Option }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ambiguous' };

/**
 * The choice that bears exactly this label. Nothing is trimmed, folded or guessed: a label that differs in one code unit is
 * unknown, and one that two choices bear is ambiguous.
 */
export function findChoice(label: string, choices: readonly string[]): FoundChoice {
  const at = choices.indexOf(label);
  if (at === -1) return { kind: 'unknown' };
  if (choices.includes(label, at + 1)) return { kind: 'ambiguous' };
  return { kind: 'found', option: { index: at + 1, label } };
}

/** Every option that a ballot names, in its order; a weight is an option too. */
export function ballotOptions(ballot: Ballot): readonly Option[] {
  switch (ballot.kind) {
    case 'single':
      return [ballot.choice];
    case 'approval':
      return ballot.choices;
    case 'ranking':
      return ballot.ranking;
    case 'weights':
      return ballot.weights;
  }
}

/**
 * Proves that a ballot can be cast on this proposal as it stands.
 * @throws BallotError unless the kind fits the voting type, every (index, label) is the proposal's own, none comes twice, a
 *   ranking is complete and every weight is finite and above 0.
 */
export function checkBallot(ballot: Ballot, proposal: BallotTerms): void {
  const expected = ballotKind(proposal.type);
  if (ballot.kind !== expected) {
    throw new BallotError(
      'wrong_kind',
      `a ${proposal.type} proposal takes a ballot of kind ${expected}, not ${ballot.kind}`,
    );
  }
  const options = ballotOptions(ballot);
  if (options.length === 0) throw new BallotError('empty', 'the ballot names no choice');
  const seen = new Set<number>();
  for (const option of options) {
    checkOption(option, proposal.choices);
    if (seen.has(option.index)) throw new BallotError('duplicate_option', `choice ${option.index} comes twice`);
    seen.add(option.index);
  }
  if (ballot.kind === 'ranking' && options.length !== proposal.choices.length) {
    throw new BallotError(
      'incomplete_ranking',
      `the ranking names ${options.length} of ${proposal.choices.length} choices; all must be ranked`,
    );
  }
  if (ballot.kind === 'weights') {
    for (const { index, weight } of ballot.weights) {
      if (!Number.isFinite(weight) || weight <= 0) {
        throw new BallotError('bad_weight', `the weight of choice ${index} is not a finite number above 0`);
      }
    }
    // Whoever counts divides by the sum; two weights of 1e308 would make every share 0.
    if (!Number.isFinite(ballot.weights.reduce((sum, { weight }) => sum + weight, 0))) {
      throw new BallotError('bad_weight', 'the weights are too large to be added');
    }
  }
}

function checkOption(option: Option, choices: readonly string[]): void {
  const label = Number.isInteger(option.index) ? choices[option.index - 1] : undefined;
  if (label === undefined) {
    throw new BallotError('unknown_option', `the proposal has choices 1 to ${choices.length}, not ${option.index}`);
  }
  if (label !== option.label) {
    throw new BallotError('wrong_label', `choice ${option.index} is not labelled as the ballot says`);
  }
}

/**
 * True where two ballots say the same thing: the order of an approval does not matter, and weights count as shares, compared
 * exactly (70 and 30 equal 7 and 3).
 */
export function sameBallot(a: Ballot, b: Ballot): boolean {
  if (a.kind === 'single' && b.kind === 'single') return sameOptions([a.choice], [b.choice]);
  if (a.kind === 'approval' && b.kind === 'approval') return sameOptions(byIndex(a.choices), byIndex(b.choices));
  if (a.kind === 'ranking' && b.kind === 'ranking') return sameOptions(a.ranking, b.ranking);
  if (a.kind === 'weights' && b.kind === 'weights') {
    const left = byIndex(a.weights);
    const right = byIndex(b.weights);
    const weights = (list: typeof left): number[] => list.map(({ weight }) => weight);
    return sameOptions(left, right) && sameShares(weights(left), weights(right));
  }
  return false;
}

function sameOptions(a: readonly Option[], b: readonly Option[]): boolean {
  return a.length === b.length && a.every(({ index, label }, at) => b[at]?.index === index && b[at].label === label);
}

/** A copy in ascending order of index. */
export function byIndex<T extends Option>(options: readonly T[]): T[] {
  return options.toSorted((a, b) => a.index - b.index);
}

/** A ballot in words, for people: `For`, `A, B`, `A > B > C`, `70 % A, 30 % B`. Control characters are left out. */
export function describeBallot(ballot: Ballot): string {
  const show = ({ label, index }: Option): string => printable(label, 120) || `choice ${index}`;
  switch (ballot.kind) {
    case 'single':
      return show(ballot.choice);
    case 'approval':
      return byIndex(ballot.choices).map(show).join(', ');
    case 'ranking':
      return ballot.ranking.map(show).join(' > ');
    case 'weights': {
      const weights = ballot.weights.toSorted((a, b) => b.weight - a.weight || a.index - b.index);
      const percent = percentages(weights.map(({ weight }) => weight));
      return weights.map((option, at) => `${percent[at] ?? ''} % ${show(option)}`).join(', ');
    }
  }
}
