/**
 * The form of an answer, made for one proposal: a JSON schema in which an impossible ballot cannot be said, and the reader of the
 * reply, which checks it all the same. Nothing is mapped by likeness: a key is the exact key or there is no ballot.
 */
import { ballotKind, BallotError, checkBallot, type Ballot, type Option } from '@quorum/snapshot/ballot';
import { printable } from '@quorum/snapshot/printable';
import type { Proposal } from '@quorum/snapshot/proposal';
import { assertNever } from '@quorum/shared/assert-never';
import { RiskLevel, Stakes, type Sample } from '@quorum/shared/decision';
import { stripInvisible } from '@quorum/shared/invisible';
import { z } from 'zod';
import { isForeign } from './language.ts';
import type { KeyedOption } from './options.ts';
import { readJson } from './reply-json.ts';

type Terms = Pick<Proposal, 'type' | 'choices'>;

/** An answer without the names of models. */
export type Answer = Omit<Extract<Sample, { kind: 'answer' }>, 'kind' | 'model' | 'stand_in'>;

/** `why` is ours, not the model's: it may be shown to the model and to the owner. */
export type Reading<T = Answer> =
  | { readonly kind: 'answer'; readonly answer: T }
  | { readonly kind: 'invalid'; readonly why: string };

const MAX_RATIONALE = 1_200;
const MAX_FACTOR = 400;
const MAX_FACTORS = 8;

/** The JSON schema of an answer: reasons first, so that the choice follows from them, and the risk from its ground. */
export function answerSchema(type: Proposal['type'], options: readonly KeyedOption[]): Record<string, unknown> {
  const texts = { type: 'array', items: { type: 'string' } };
  const properties = {
    rationale: { type: 'string' },
    factors_for: texts,
    factors_against: texts,
    unknowns: texts,
    ...ballotSchema(type, options),
    confidence: { type: 'number', minimum: 0, maximum: 1 },
    risk_ground: { type: 'string' },
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

/** A text that says something: a dash, or what nobody sees, is no reason. */
const Words = z.string().refine((text) => /[\p{L}\p{N}]/u.test(stripInvisible(text).text));
const Reasons = z.strictObject({
  rationale: Words,
  factors_for: z.array(z.string()),
  factors_against: z.array(z.string()),
  unknowns: z.array(z.string()),
  confidence: z.number().min(0).max(1),
  risk_ground: Words,
  risk_level: RiskLevel,
  stakes: Stakes,
});
type Reasons = z.infer<typeof Reasons>;
/** A number is read, to be told that it names no choice. */
const Key = z.union([z.string(), z.number()]);
const Single = Reasons.extend({ choice: Key });
const Approval = Reasons.extend({ choices: z.array(Key) });
const Ranking = Reasons.extend({ ranking: z.array(Key) });
const Weights = Reasons.extend({
  weights: z.array(z.strictObject({ choice: Key, percent: z.number().min(0).max(100) })),
});

/** Of scripts, not languages: who writes Serbian or Hindi in Latin letters is answered in their language, only in other letters. */
const OTHER_SCRIPT = "a script that is neither Latin nor that of the owner's instructions";

/** A key that leads to no single option. Caught in `readAnswer`. */
class KeyError extends Error {
  override readonly name = 'KeyError';
}

/**
 * Reads a reply, whatever it holds: an answer with a ballot that can be cast on this proposal and reasons that the owner can read, or
 * why there is none. `instructions`: the owner's, whose language was asked for.
 */
export function readAnswer(
  reply: string,
  proposal: Terms,
  options: readonly KeyedOption[],
  instructions: string | undefined,
): Reading {
  const json = readJson(reply);
  if (json.kind === 'none') return { kind: 'invalid', why: json.why };
  try {
    const { ballot, reasons } = parseReply(json.value, proposal, options);
    checkBallot(ballot, proposal);
    const shown = shownOf(reasons);
    const foreign = foreignIn(shown, instructions ?? '');
    if (foreign !== null) return { kind: 'invalid', why: `${foreign} in ${OTHER_SCRIPT}` };
    return { kind: 'answer', answer: toAnswer(ballot, shown) };
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
): { ballot: Ballot; reasons: Reasons } {
  const option = (key: string | number): Option => optionOf(key, options);
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

function optionOf(key: string | number, options: readonly KeyedOption[]): Option {
  if (typeof key === 'number') throw new KeyError('it names a choice by a number; only the full key names one');
  const found = options.find((candidate) => candidate.key === key);
  if (found === undefined) throw new KeyError('it names a choice that is not on the list');
  if (found.ambiguous) throw new KeyError('it names a choice whose label another choice bears too');
  return found.option;
}

/** Which of the reasons are in a script that was not asked for; null where none are. */
function foreignIn(reasons: Reasons, instructions: string): string | null {
  const { rationale, risk_ground: ground, factors_for: pro, factors_against: con, unknowns } = reasons;
  if (isForeign(rationale, instructions)) return 'its rationale is';
  // Together: one that is nothing but a name from the text is no other language.
  return isForeign([...pro, ...con, ...unknowns, ground].join('\n'), instructions) ? 'its reasons are' : null;
}

/** The reasons as far as an owner is shown them. */
function shownOf(reasons: Reasons): Reasons {
  const factors = (texts: readonly string[]): string[] =>
    texts.slice(0, MAX_FACTORS).map((text) => prose(text, MAX_FACTOR));
  return {
    ...reasons,
    rationale: prose(reasons.rationale, MAX_RATIONALE),
    factors_for: factors(reasons.factors_for),
    factors_against: factors(reasons.factors_against),
    unknowns: factors(reasons.unknowns),
    risk_ground: prose(reasons.risk_ground, MAX_FACTOR),
  };
}

function toAnswer(ballot: Ballot, reasons: Reasons): Answer {
  return {
    ballot,
    confidence: reasons.confidence,
    risk_level: reasons.risk_level,
    risk_ground: reasons.risk_ground,
    stakes: reasons.stakes,
    rationale: reasons.rationale,
    key_factors: [
      ...reasons.factors_for.map((text) => `For: ${text}`),
      ...reasons.factors_against.map((text) => `Against: ${text}`),
      ...reasons.unknowns.map((text) => `Unknown: ${text}`),
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
