/**
 * The form of an answer, made for one proposal: a JSON schema in which an impossible ballot cannot be said, and the reader of the
 * reply, which checks it all the same. Nothing is mapped by likeness: a key is the exact key or there is no ballot.
 */
import { ballotKind, BallotError, checkBallot, type Ballot, type Option } from '@quorum/snapshot/ballot';
import { printable } from '@quorum/snapshot/printable';
import type { Proposal } from '@quorum/snapshot/proposal';
import { assertNever } from '@quorum/shared/assert-never';
import { RiskLevel, Stakes, type Sample } from '@quorum/shared/decision';
import { z } from 'zod';
import type { KeyedOption } from './options.ts';

type Terms = Pick<Proposal, 'type' | 'choices'>;

/** An answer without the name of the model. */
export type Answer = Omit<Extract<Sample, { kind: 'answer' }>, 'kind' | 'model'>;

export type Reading =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** `why` is ours, not the model's: it may be shown to the model and to the owner. */
  | { readonly kind: 'invalid'; readonly why: string };

const MAX_RATIONALE = 1_200;
const MAX_FACTOR = 400;
const MAX_FACTORS = 8;

/** The JSON schema of an answer: reasons first, so that the choice follows from them. */
export function answerSchema(type: Proposal['type'], options: readonly KeyedOption[]): Record<string, unknown> {
  const texts = { type: 'array', items: { type: 'string' } };
  const properties = {
    rationale: { type: 'string' },
    factors_for: texts,
    factors_against: texts,
    unknowns: texts,
    ...ballotSchema(type, options),
    confidence: { type: 'number', minimum: 0, maximum: 1 },
    risk_level: { type: 'string', enum: RiskLevel.options },
    stakes: { type: 'string', enum: Stakes.options },
  };
  return closed(properties);
}

function closed(properties: Record<string, unknown>): Record<string, unknown> {
  return { type: 'object', additionalProperties: false, properties, required: Object.keys(properties) };
}

function ballotSchema(type: Proposal['type'], options: readonly KeyedOption[]): Record<string, unknown> {
  const key = { type: 'string', enum: options.map((option) => option.key) };
  const kind = ballotKind(type);
  switch (kind) {
    case 'single':
      return { choice: key };
    case 'approval':
      return { choices: { type: 'array', items: key, minItems: 1 } };
    case 'ranking':
      return { ranking: { type: 'array', items: key, minItems: options.length, maxItems: options.length } };
    case 'weights':
      return {
        weights: {
          type: 'array',
          items: closed({ choice: key, percent: { type: 'number', minimum: 0, maximum: 100 } }),
          minItems: 1,
        },
      };
    default:
      return assertNever(kind);
  }
}

const Reasons = z.strictObject({
  rationale: z.string(),
  factors_for: z.array(z.string()),
  factors_against: z.array(z.string()),
  unknowns: z.array(z.string()),
  confidence: z.number().min(0).max(1),
  risk_level: RiskLevel,
  stakes: Stakes,
});
const Single = Reasons.extend({ choice: z.string() });
const Approval = Reasons.extend({ choices: z.array(z.string()) });
const Ranking = Reasons.extend({ ranking: z.array(z.string()) });
const Weights = Reasons.extend({
  weights: z.array(z.strictObject({ choice: z.string(), percent: z.number().min(0).max(100) })),
});

/** A key that leads to no single option. Caught in `readAnswer`. */
class KeyError extends Error {
  override readonly name = 'KeyError';
}

/** Reads a reply, whatever it holds: an answer with a ballot that can be cast on this proposal, or why there is none. */
export function readAnswer(reply: string, proposal: Terms, options: readonly KeyedOption[]): Reading {
  let value: unknown;
  try {
    value = JSON.parse(reply);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: 'invalid', why: 'it is not JSON' };
  }
  try {
    const { ballot, reasons } = parseReply(value, proposal, options);
    checkBallot(ballot, proposal);
    return { kind: 'answer', answer: toAnswer(ballot, reasons) };
  } catch (error) {
    if (error instanceof z.ZodError) return { kind: 'invalid', why: fieldsOf(error) };
    if (error instanceof KeyError) return { kind: 'invalid', why: error.message };
    if (error instanceof BallotError) return { kind: 'invalid', why: `its ballot cannot be cast: ${error.code}` };
    throw error;
  }
}

function parseReply(
  value: unknown,
  { type }: Terms,
  options: readonly KeyedOption[],
): { ballot: Ballot; reasons: z.infer<typeof Reasons> } {
  const option = (key: string): Option => optionOf(key, options);
  const kind = ballotKind(type);
  switch (kind) {
    case 'single': {
      const { choice, ...reasons } = Single.parse(value);
      return { ballot: { kind, choice: option(choice) }, reasons };
    }
    case 'approval': {
      const { choices, ...reasons } = Approval.parse(value);
      return { ballot: { kind, choices: choices.map(option) }, reasons };
    }
    case 'ranking': {
      const { ranking, ...reasons } = Ranking.parse(value);
      return { ballot: { kind, ranking: ranking.map(option) }, reasons };
    }
    case 'weights': {
      const { weights, ...reasons } = Weights.parse(value);
      const given = weights.map(({ choice, percent }) => ({ ...option(choice), weight: percent }));
      // A choice at 0 % says nothing; a ballot cannot hold it.
      return { ballot: { kind, weights: given.filter(({ weight }) => weight > 0) }, reasons };
    }
    default:
      return assertNever(kind);
  }
}

function optionOf(key: string, options: readonly KeyedOption[]): Option {
  const found = options.find((candidate) => candidate.key === key);
  if (found === undefined) throw new KeyError('it names a choice that is not on the list');
  if (found.ambiguous) throw new KeyError('it names a choice whose label another choice bears too');
  return found.option;
}

function toAnswer(ballot: Ballot, reasons: z.infer<typeof Reasons>): Answer {
  const factors = (name: string, texts: readonly string[]): string[] =>
    texts.slice(0, MAX_FACTORS).map((text) => `${name}: ${prose(text, MAX_FACTOR)}`);
  return {
    ballot,
    confidence: reasons.confidence,
    risk_level: reasons.risk_level,
    stakes: reasons.stakes,
    rationale: prose(reasons.rationale, MAX_RATIONALE),
    key_factors: [
      ...factors('For', reasons.factors_for),
      ...factors('Against', reasons.factors_against),
      ...factors('Unknown', reasons.unknowns),
    ],
  };
}

/** A model's prose on one line, bounded, and well-formed: a lone surrogate could not be hashed. */
function prose(text: string, max: number): string {
  return printable(text.toWellFormed(), max);
}

/** The fields that do not fit, by name alone: what the model wrote in them is not repeated. */
function fieldsOf(error: z.ZodError): string {
  const names = error.issues.map(
    (issue) => issue.path.filter((part) => typeof part === 'string').join('.') || 'fields',
  );
  return `these do not fit: ${[...new Set(names)].slice(0, 10).join(', ')}`;
}
