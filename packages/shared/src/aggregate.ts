/**
 * From many answers to one ballot, in code. The ballot is always one that a sample really chose: the medoid, never a mean.
 * Agreement is counted over the samples *asked*, so that a dissenting answer that goes missing can never raise confidence.
 */
import type { Ballot } from '@quorum/snapshot/ballot';
import { ballotDistance } from './ballot-distance.ts';
import { canonicalJson } from './canonical.ts';
import type { RiskLevel, Sample, Stakes } from './decision.ts';

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
 * Aggregates the samples of one decision. Fewer than two thirds valid answers, or a model of which no sample is valid, is
 * `too_few_answers`.
 */
export function aggregate(samples: readonly Sample[]): Aggregate {
  const answers = samples.filter((sample) => sample.kind === 'answer');
  const models = new Set(samples.map((sample) => sample.model));
  const answered = new Set(answers.map((answer) => answer.model));
  if (answers.length * 3 < samples.length * 2 || answered.size < models.size) return { kind: 'too_few_answers' };

  const winner = medoid(answers);
  if (winner === null) return { kind: 'too_few_answers' };
  const agreeing = answers.filter((answer) => ballotDistance(answer.ballot, winner.ballot) <= AGREEMENT_DISTANCE);
  const agreement = agreeing.length / samples.length;
  const confidence = Math.min(agreement, median(agreeing.map((answer) => answer.confidence)));
  const agreed = agreeing.length * 2 > samples.length && modelsAgree(answers, winner.ballot);
  return {
    kind: 'aggregated',
    ballot: agreed ? winner.ballot : null,
    agreement,
    confidence,
    risk_level: highestRisk(answers),
    stakes: answers.some((answer) => answer.stakes === 'high') ? 'high' : 'low',
    rationale: winner.rationale,
    key_factors: winner.key_factors,
  };
}

/** The answer whose ballot is nearest to all others; among equals the first by content, so that order does not matter. */
function medoid(answers: readonly Answer[]): Answer | null {
  // By content before anything is added up: sums of fractions depend on their order.
  const ordered = answers
    .map((answer) => ({ answer, name: canonicalJson(answer) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  const ranked = ordered
    .map(({ answer }) => ({
      answer,
      distance: ordered.reduce((sum, other) => sum + ballotDistance(answer.ballot, other.answer.ballot), 0),
    }))
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.answer ?? null;
}

/** Whether every model, asked alone, would have chosen what all chose together. */
function modelsAgree(answers: readonly Answer[], ballot: Ballot): boolean {
  const byModel = Map.groupBy(answers, (answer) => answer.model);
  return [...byModel.values()].every((own) => {
    const winner = medoid(own);
    return winner !== null && ballotDistance(winner.ballot, ballot) <= AGREEMENT_DISTANCE;
  });
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
