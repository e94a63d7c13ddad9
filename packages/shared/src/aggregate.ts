/**
 * From many answers to one ballot, in code. The ballot is always one that a sample really chose, never a mean.
 *
 * Everything is counted over the samples *asked*. So an answer that goes missing can never raise the agreement, nor the confidence in
 * a ballot, and one that dissented cannot turn a disagreement into a ballot either.
 *
 * Where several models are configured, as many must have answered and agree, each for one of them: a fallback model that stands in
 * for two is one voice, not two.
 */
import type { Ballot } from '@quorum/snapshot/ballot';
import { ballotDistance } from './ballot-distance.ts';
import { canonicalJson } from './canonical.ts';
import { whoAnswered, type RiskLevel, type Sample, type Stakes } from './decision.ts';

/** Ballots at most this far apart agree; single choices must be equal. */
export const AGREEMENT_DISTANCE = 0.2;

/** What the samples say together. */
export type Aggregate =
  | { readonly kind: 'too_few_answers' }
  | {
      readonly kind: 'aggregated';
      /** Null where no ballot has more than half of the samples asked, or two models chose differently. */
      readonly ballot: Ballot | null;
      readonly agreement: number;
      readonly confidence: number;
      readonly risk_level: RiskLevel;
      /** The highest that any answer says; code may already have said high. */
      readonly stakes: Stakes;
      readonly rationale: string;
      readonly key_factors: readonly string[];
    };

type Answer = Extract<Sample, { kind: 'answer' }>;

/**
 * Aggregates the samples of one decision. Fewer than two thirds valid answers, or fewer models that answered than were configured,
 * is `too_few_answers`.
 */
export function aggregate(samples: readonly Sample[]): Aggregate {
  const answers = samples.filter((sample) => sample.kind === 'answer');
  const models = new Set(samples.map((sample) => sample.model));
  if (answers.length * 3 < samples.length * 2 || !haveVoices(models, answers)) return { kind: 'too_few_answers' };

  const ordered = inOrder(answers);
  const winner = mostAgreedWith(ordered);
  if (winner === null) return { kind: 'too_few_answers' };
  const agreeing = answers.filter((answer) => agree(answer.ballot, winner.ballot));
  const agreement = agreeing.length / samples.length;
  // A missing answer is one without any confidence: one that agreed but doubted could else raise the median by going missing.
  const missing = samples.flatMap((sample) => (sample.kind === 'no_answer' ? [0] : []));
  const confidence = Math.min(agreement, median([...agreeing.map((answer) => answer.confidence), ...missing]));
  const risk = highestRisk(answers);
  return {
    kind: 'aggregated',
    ballot: everyModelAgrees(samples, winner.ballot) && haveVoices(models, agreeing) ? winner.ballot : null,
    agreement,
    confidence,
    risk_level: risk,
    stakes: answers.some((answer) => answer.stakes === 'high') ? 'high' : 'low',
    rationale: winner.rationale,
    key_factors: [...winner.key_factors, ...groundOf(risk, [winner, ...ordered])],
  };
}

function agree(a: Ballot, b: Ballot): boolean {
  return ballotDistance(a, b) <= AGREEMENT_DISTANCE;
}

/**
 * The answer that most answers agree with; among equals the one nearest to those that agree with it (the medoid of its group),
 * then the first by content, so that order does not matter. Answers outside its group never count, or one that goes missing
 * could change the winner. `ordered`: by content, since sums of fractions depend on their order too.
 */
function mostAgreedWith(ordered: readonly Answer[]): Answer | null {
  const ranked = ordered
    .map((answer) => {
      const group = ordered.filter((other) => agree(answer.ballot, other.ballot));
      const distance = group.reduce((sum, other) => sum + ballotDistance(answer.ballot, other.ballot), 0);
      return { answer, size: group.length, distance };
    })
    .toSorted((a, b) => b.size - a.size || a.distance - b.distance);
  return ranked[0]?.answer ?? null;
}

/** By content, so that the order in which they were given does not matter. */
function inOrder(answers: readonly Answer[]): Answer[] {
  return answers
    .map((answer) => ({ answer, name: canonicalJson(answer) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))
    .map(({ answer }) => answer);
}

/** Whether more than half of what each model was asked agrees with the ballot: of one model alone, or of each of several. */
function everyModelAgrees(samples: readonly Sample[], ballot: Ballot): boolean {
  const byModel = Map.groupBy(samples, (sample) => sample.model);
  return [...byModel.values()].every((own) => {
    const agreeing = own.filter((sample) => sample.kind === 'answer' && agree(sample.ballot, ballot));
    return agreeing.length * 2 > own.length;
  });
}

/**
 * Whether each of the configured models has an answer by somebody of its own: a matching of models and those who answered for them,
 * found by augmenting paths. With no fallback model it says that every model has an answer.
 */
function haveVoices(models: ReadonlySet<string>, answers: readonly Answer[]): boolean {
  const speaksFor = new Map<string, string>();
  const place = (model: string, tried: Set<string>): boolean =>
    answers.some((answer) => {
      const voice = whoAnswered(answer);
      if (answer.model !== model || tried.has(voice)) return false;
      tried.add(voice);
      const other = speaksFor.get(voice);
      if (other !== undefined && !place(other, tried)) return false;
      speaksFor.set(voice, model);
      return true;
    });
  return [...models].every((model) => place(model, new Set()));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function highestRisk(answers: readonly Answer[]): RiskLevel {
  const said = new Set(answers.map((answer) => answer.risk_level));
  if (said.has('high')) return 'high';
  return said.has('medium') ? 'medium' : 'low';
}

/** The ground of that risk, in the words of the first answer that says so: that of another would not be one. */
function groundOf(risk: RiskLevel, answers: readonly Answer[]): string[] {
  const ground = answers.find((answer) => answer.risk_level === risk && answer.risk_ground !== undefined)?.risk_ground;
  return ground === undefined ? [] : [`Risk (${risk}): ${ground}`];
}
