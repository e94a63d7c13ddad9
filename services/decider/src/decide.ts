/**
 * One proposal in, one decision out: the eight steps. Nothing is stored here, and nothing is known of jobs.
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import { aggregate } from '@quorum/shared/aggregate';
import { addUsage, Decision, whoAnswered, type Signal, type Usage } from '@quorum/shared/decision';
import type { OwnerId, RunId } from '@quorum/shared/ids';
import { judge, type Judgement } from '@quorum/shared/policy';
import type { SpacePreferences } from '@quorum/shared/preferences';
import type { AnswerBook, Answers, Said } from './answers.ts';
import type { Missing } from './ask.ts';
import { clean } from './clean.ts';
import { writeEvidence, type Evidence } from './evidence.ts';
import { PROMPT_VERSION } from './fence.ts';
import { inputsHash, placeOf, questionInputs } from './inputs.ts';
import { bothMissing, readingNotReached, samplesNotReached } from './not-reached.ts';
import { askEverything, hasItsReading, type Matter, type QuestionDeps } from './questions.ts';
import { publicReason } from './reason.ts';
import { readingSignals } from './second-reading.ts';
import type { Spent } from './spending.ts';
import { findStakes, isExecutable } from './stakes.ts';
import { suspect } from './suspect.ts';

export type DecideInput = {
  readonly runId: RunId;
  readonly owner: OwnerId;
  readonly proposal: Proposal;
  readonly contentHash: string;
  /** As they apply in the proposal's space. */
  readonly preferences: SpacePreferences;
  readonly preferencesVersion: string;
  /** The owner's on this proposal; null where there is no voter. */
  readonly votingPower: number | null;
  /** Whether the vote takes power back from a delegate. */
  readonly takesPowerBack: boolean;
  /** What earlier attempts at this decision cost. */
  readonly spentBefore: Usage;
};

export type DecideDeps = QuestionDeps & {
  readonly answers: Pick<AnswerBook, 'find'>;
  /** Unix milliseconds. */
  now(): number;
};

export type Decided =
  | {
      readonly kind: 'decided';
      readonly decision: Decision;
      readonly evidence: Evidence;
      readonly judgement: Extract<Judgement, { kind: 'judged' }>;
      /** Whether the answers are those of an earlier decision, and nobody was asked. */
      readonly reused: boolean;
      /** What another attempt may bring: of the second reading, and samples that may have it cast; null where nothing. */
      readonly notReached: Missing | null;
      /** Whether it would be skipped, and what was not reached may have it cast: no skip for good. */
      readonly undone: boolean;
    }
  /** Too few usable answers for any decision. `whys`: of those that are missing. */
  | ({ readonly kind: 'too_few_answers'; readonly asked: number; readonly usage: Usage } & Missing)
  /** Nobody was asked. `detail`: why, for the owner. */
  | { readonly kind: 'no_budget'; readonly detail: string; readonly usage: Usage };

/** Decides one proposal. Throws only what `signal` was aborted with, and what `answers` and `spend` throw. */
export async function decide(input: DecideInput, deps: DecideDeps, signal: AbortSignal): Promise<Decided> {
  const { proposal, preferences } = input;
  const { openai, openRouter } = deps.client;
  // OpenRouter's fields choose among providers: the same name may be another model with them.
  const endpoint = `${placeOf(openai.baseURL)}${openRouter ? ' openrouter' : ''}`;
  const inputs = questionInputs(PROMPT_VERSION, input.contentHash, preferences, { ...deps.settings, endpoint });
  const hash = inputsHash(inputs);

  const cleaned = clean(proposal, deps.settings.maxBodyTokens);
  const { stakes, grounds } = findStakes(proposal, cleaned, input);
  const executable = isExecutable(proposal.plugins);
  const inText = suspect(proposal, cleaned.removed);
  const judgeBy = (said: Said): Judged => {
    const samples = said.samples.map(({ sample }) => sample);
    const signals = [...signalsOf(said, preferences.confidence_threshold), ...inText].toSorted(hardFirst);
    return { samples, signals, judgement: judge({ executable, samples, signals, stakes }, preferences) };
  };
  const matter = { proposal, cleaned, preferences, hash, stakes };
  const told = await recallOrAsk(input.owner, matter, (said) => judgeBy(said).judgement, deps, signal);
  if (told.kind === 'refused') return { kind: 'no_budget', detail: told.detail, usage: input.spentBefore };
  const { answers, reusedFrom } = told;
  const usage = addUsage([input.spentBefore, ...(told.usage === null ? [] : [told.usage])]);
  const { samples, signals, judgement } = judgeBy(answers);
  if (judgement.kind === 'no_decision') {
    return { kind: 'too_few_answers', asked: samples.length, ...missing(answers), usage };
  }
  const written = answers.written_reason?.text ?? null;
  const decision = {
    run_id: input.runId,
    owner: input.owner,
    space_id: proposal.space,
    proposal_id: proposal.id,
    content_hash: input.contentHash,
    preferences_version: input.preferencesVersion,
    strategy_used: preferences.voting_strategy,
    executable,
    samples,
    signals,
    stakes,
    inputs_hash: hash,
    public_reason: publicReason(judgement.aggregate.ballot, preferences, proposal.privacy, written),
    usage,
    decided_at: deps.now(),
  };
  // Nobody was asked: nothing of it was due, or there is no budget for it.
  const notReached = told.usage === null ? null : whatIsMissing(answers, judgement);
  const evidence = writeEvidence({ decision, inputs, cleaned, answers, reusedFrom, stakesGrounds: grounds, judgement });
  // Parsed, so that what is sealed is exactly what a reader of the record will parse again.
  return {
    kind: 'decided',
    decision: Decision.parse({ ...decision, evidence_hash: evidence.hash }),
    evidence,
    judgement,
    reused: told.usage === null,
    notReached,
    // A signal of the text alone has it skipped, whatever else is said.
    undone: notReached !== null && judgement.verdict.kind === 'skip' && inText.length === 0,
  };
}

/** What another attempt may bring, and is worth one; null where nothing. */
function whatIsMissing({ samples, second_reading: reading }: Said, judgement: Judgement): Missing | null {
  return bothMissing(samplesNotReached(samples, judgement), readingNotReached(reading));
}

type Judged = Pick<Decision, 'samples' | 'signals'> & { readonly judgement: Judgement };

type Told =
  | {
      readonly kind: 'told';
      readonly answers: Answers;
      /** The evidence that earlier answers among them are from. */
      readonly reusedFrom: string | null;
      /** Null where nobody was asked. */
      readonly usage: Usage | null;
    }
  | Extract<Spent<Answers>, { kind: 'refused' }>;

/** What models said to this very question before, or say now. */
async function recallOrAsk(
  owner: OwnerId,
  matter: Matter,
  judgeBy: JudgeBy,
  deps: DecideDeps,
  signal: AbortSignal,
): Promise<Told> {
  const kept = await deps.answers.find(owner, matter.hash);
  const reusedFrom = kept?.evidenceHash ?? null;
  if (kept !== null && areWhole(kept.answers, matter, judgeBy, deps)) {
    return { kind: 'told', answers: kept.answers, reusedFrom, usage: null };
  }
  const asked = await askEverything(matter, kept?.answers ?? null, judgeBy, deps, signal);
  if (asked.kind === 'asked') return { kind: 'told', answers: asked.value, reusedFrom, usage: asked.usage };
  return kept !== null && isForOwner(kept.answers, matter, judgeBy, deps)
    ? { kind: 'told', answers: kept.answers, reusedFrom, usage: null }
    : asked;
}

type JudgeBy = (said: Said) => Judgement;

/** Whether earlier answers are all that would be asked for now. Stakes are not among the inputs, and a line may have been busy. */
function areWhole(answers: Answers, { stakes }: Matter, judgeBy: JudgeBy, deps: DecideDeps): boolean {
  return hasItsReading(answers, stakes, deps) && whatIsMissing(answers, judgeBy(answers)) === null;
}

/**
 * Whether earlier answers are enough to ask the owner, who may answer before there is a budget again. What was not reached shows in
 * them, as a signal or as less agreement; a second reading that nobody asked for would not.
 */
function isForOwner(answers: Answers, { stakes }: Matter, judgeBy: JudgeBy, deps: DecideDeps): boolean {
  const judgement = judgeBy(answers);
  return hasItsReading(answers, stakes, deps) && judgement.kind === 'judged' && judgement.verdict.kind === 'hold';
}

/** The signals that come of asking; those of the text are found by `suspect`. */
function signalsOf({ samples, second_reading: reading, canary_echoed: echoed }: Said, threshold: number): Signal[] {
  const said = samples.map(({ sample }) => sample);
  const together = aggregate(said);
  const ballot = together.kind === 'aggregated' ? together.ballot : null;
  const canary: Signal[] = echoed ? [{ strength: 'hard', kind: 'canary_echoed' }] : [];
  const confidences = said.flatMap((sample) => (sample.kind === 'answer' ? [sample.confidence] : []));
  return [...canary, ...readingSignals(reading, { ballot, confidences, threshold })];
}

const hardFirst = (a: Signal, b: Signal): number => Number(a.strength === 'soft') - Number(b.strength === 'soft');

/** Why answers are missing: of models that nobody stood in for, or one that has its own answers to give. */
function missing({ samples }: Answers): Missing {
  const whys = samples.flatMap(({ sample, tries }) => {
    if (sample.kind === 'no_answer') return [sample.why];
    const [first] = tries;
    return first === undefined || first.result === 'answer' || first.model === whoAnswered(sample)
      ? []
      : [first.result];
  });
  const pauses = samples.flatMap(({ retry_after_s: pause }) => (pause === null ? [] : [pause]));
  return { whys, retryAfterS: pauses.length === 0 ? null : Math.max(...pauses) };
}
