/** Puts a judgement into the form that the request's JSON schema asks for. */
import { child, isRecord, resolve, type Asked, type BallotForm, type ModelOption } from './asked.ts';
import type { Judgement } from './careful.ts';

/** A ballot in the answer's own form: keys, or keys with percentages. */
export type ModelBallot = string | readonly string[] | readonly { choice: string; percent: number }[];

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

/** The answer object: what the schema names and this module knows, and the emptiest thing that fits for anything else. */
export function fitSchema(asked: Asked, judgement: Judgement, ballot: ModelBallot): unknown {
  const known: Record<string, unknown> = {
    rationale: judgement.rationale,
    factors_for: judgement.factorsFor,
    factors_against: judgement.factorsAgainst,
    unknowns: judgement.unknowns,
    confidence: judgement.confidence,
    risk_level: judgement.risk,
    stakes: judgement.stakes,
    ...(asked.form === null ? {} : { [asked.form]: ballot }),
  };
  const properties = child(asked.schema, 'properties');
  const names = isRecord(properties) ? Object.keys(properties) : [];
  return Object.fromEntries(
    names.map((name) => [name, name in known ? known[name] : emptiest(child(properties, name), asked.schema)]),
  );
}

function emptiest(property: unknown, root: unknown): unknown {
  const schema = resolve(property, root);
  const allowed = child(schema, 'enum');
  if (Array.isArray(allowed)) return allowed[0];
  const variants = child(schema, 'anyOf');
  if (Array.isArray(variants)) return emptiest(variants[0], root);
  const type = child(schema, 'type');
  switch (Array.isArray(type) ? type[0] : type) {
    case 'string':
      return '';
    case 'array':
      return [];
    case 'number':
    case 'integer':
      return child(schema, 'minimum') ?? 0;
    case 'boolean':
      return false;
    case 'object': {
      const properties = child(schema, 'properties');
      if (!isRecord(properties)) return {};
      return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, emptiest(inner, root)]));
    }
    default:
      return null;
  }
}

/**
 * A ballot for the options with these labels, in their order; null where one is not on offer. A ranking goes on with the
 * others by label, weights are equal shares.
 */
export function ballotFor(
  labels: readonly string[],
  form: BallotForm,
  options: readonly ModelOption[],
): ModelBallot | null {
  const found = labels.map((label) => options.find((option) => option.label === label));
  const wanted = found.filter((option) => option !== undefined);
  const [first] = wanted;
  if (first === undefined || wanted.length !== labels.length) return null;
  const rest = options.filter((option) => !wanted.includes(option)).toSorted((a, b) => (a.label < b.label ? -1 : 1));
  const ballots: Record<BallotForm, ModelBallot> = {
    choice: first.key,
    choices: wanted.map(({ key }) => key),
    ranking: [...wanted, ...rest].map(({ key }) => key),
    weights: shares(wanted.map((option) => ({ option, score: 1 }))),
  };
  return ballots[form];
}
