/** Puts a judgement into the form that the request's JSON schema asks for. */
import type { Asked } from './asked.ts';
import { shapeWeights, type BallotForm, type BallotPlace, type ModelOption } from './ballot-place.ts';
import type { Judgement } from './careful.ts';
import { factsFor } from './facts.ts';
import { child, fill } from './json-schema.ts';

/** A ballot in the answer's own form: keys, or keys with percentages. */
export type ModelBallot = string | readonly (string | { readonly choice: string; readonly percent: number })[];

const BALLOTS: Readonly<Record<BallotForm, (scored: Judgement['scored']) => ModelBallot>> = {
  choice: (scored) => scored[0]?.option.key ?? '',
  choices: (scored) => {
    const best = scored[0]?.score ?? 0;
    const close = scored.filter(({ score }) => score === best || (score > 0 && score >= best / 2));
    return close.map(({ option }) => option.key);
  },
  ranking: (scored) => scored.map(({ option }) => option.key),
  weights: shares,
};

/** The ballot that a judgement leads to: the best, those at least half as good, all in order, or shares by score. */
export function ballotOf(judgement: Judgement, form: BallotForm): ModelBallot {
  return BALLOTS[form](judgement.scored);
}

/** Whole percentages that sum to 100, by the scores above 0; equal ones where none is. */
function shares(scored: Judgement['scored']): { choice: string; percent: number }[] {
  const positive = scored.filter(({ score }) => score > 0);
  const wanted = positive.length > 0 ? positive : scored.map(({ option }) => ({ option, score: 1 }));
  const total = wanted.reduce((sum, { score }) => sum + score, 0);
  const floors = wanted.map(({ option, score }) => ({ option, exact: (100 * score) / total }));
  let left = 100 - floors.reduce((sum, { exact }) => sum + Math.floor(exact), 0);
  // Best first, so the first ones take what rounding left over; the order does not depend on that of the options.
  return floors
    .map(({ option, exact }) => {
      const extra = left > 0 ? 1 : 0;
      left -= extra;
      return { choice: option.key, percent: Math.floor(exact) + extra };
    })
    .filter(({ percent }) => percent > 0);
}

/**
 * The answer object: what the schema names and this module knows, and the plainest thing that fits for anything else. `trusting`:
 * whether what the text tells its reader to do is a fact like others.
 */
export function answerObject(asked: Asked, judgement: Judgement, ballot: ModelBallot, trusting: boolean): unknown {
  const { schema, place } = asked;
  const known: Readonly<Record<string, unknown>> = {
    rationale: judgement.rationale,
    reason: judgement.rationale,
    reasoning: judgement.rationale,
    explanation: judgement.rationale,
    summary: judgement.rationale,
    factors_for: judgement.factorsFor,
    factors_against: judgement.factorsAgainst,
    unknowns: judgement.unknowns,
    confidence: judgement.confidence,
    risk_ground: judgement.riskGround,
    risk_level: judgement.risk,
    risk: judgement.risk,
    stakes: judgement.stakes,
    facts: factsFor(asked, trusting) ?? undefined,
  };
  return fill(schema, schema, (name, property) => {
    if (place !== null && name === place.name) return shaped(ballot, place, schema);
    const value = Object.hasOwn(known, name) ? known[name] : undefined;
    // A confidence in percent.
    return typeof value === 'number' && child(property, 'maximum') === 100 ? Math.round(value * 100) : value;
  });
}

function shaped(ballot: ModelBallot, place: BallotPlace, schema: unknown): unknown {
  if (typeof ballot === 'string') return ballot;
  const weights = ballot.filter((each) => typeof each !== 'string');
  return weights.length > 0 ? shapeWeights(weights, place, schema) : ballot;
}

/** The options with these labels, in their order; null where one is not on offer. */
export function optionsWith(labels: readonly string[], options: readonly ModelOption[]): readonly ModelOption[] | null {
  const found = labels.map((label) => options.find((option) => option.label === label));
  const wanted = found.filter((option) => option !== undefined);
  return wanted.length === labels.length ? wanted : null;
}

/** A ballot for these options, best first: a ranking goes on with the others by label, weights are equal shares. */
export function ballotFor(
  wanted: readonly ModelOption[],
  form: BallotForm,
  options: readonly ModelOption[],
): ModelBallot {
  const rest = options.filter((option) => !wanted.includes(option)).toSorted((a, b) => (a.label < b.label ? -1 : 1));
  const ballots: Record<BallotForm, ModelBallot> = {
    choice: wanted[0]?.key ?? '',
    choices: wanted.map(({ key }) => key),
    ranking: [...wanted, ...rest].map(({ key }) => key),
    weights: shares(wanted.map((option) => ({ option, score: 1 }))),
  };
  return ballots[form];
}
