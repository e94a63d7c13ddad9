/**
 * Step 3's questions: all that models are asked for one decision, within one hold of the budget, which covers the dearest way that it
 * can go.
 *
 *   samples         every model as often as configured, all at once, each time with a fence and an order of its own
 *   second reading  reader, then judge, beside the samples; after them only where nothing but a sample makes it due
 *   reason          once the ballot stands, and only where one may be published: the only call that waits for all others
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import type { Sample, Stakes } from '@quorum/shared/decision';
import type { Judgement } from '@quorum/shared/policy';
import type { SpacePreferences } from '@quorum/shared/preferences';
import type { AskRole } from '@quorum/shared/run-times';
import type { Gate } from '@quorum/shared/upstream-gate';
import { askedSample, type Answers, type AskedSample, type Said } from './answers.ts';
import { ask, put, type AskDeps, type Question } from './ask.ts';
import { canaryOf, echoes } from './canary.ts';
import type { Cleaned } from './clean.ts';
import type { PlannedQuestion } from './cost.ts';
import { buildMessages } from './fence.ts';
import { sampleSeed, type QuestionSettings, type SampleSeed, type SeedName } from './inputs.ts';
import type { EndedCall } from './model-call.ts';
import { isNotReached, readingNotReached } from './not-reached.ts';
import { keyOptions } from './options.ts';
import { takesReason } from './reason.ts';
import { answerSchema, readAnswer } from './schema.ts';
import { longestQuestions, readAgain, type Put, type SecondReadingInput } from './second-reading.ts';
import type { Spend, Spent } from './spending.ts';
import { questionTokens } from './tokens.ts';
import { longestReasonQuestion, writeReason, type WrittenReason } from './written-reason.ts';

/** What the questions of one decision are about. */
export type Matter = {
  readonly proposal: Proposal;
  readonly cleaned: Cleaned;
  readonly preferences: SpacePreferences;
  /** The hash of the inputs: nonces and orders are drawn from it. */
  readonly hash: string;
  /** As code finds them; a sample may raise them. */
  readonly stakes: Stakes;
};

export type QuestionDeps = AskDeps & {
  readonly settings: Omit<QuestionSettings, 'endpoint'>;
  /** The decider's own key: nonces and orders are drawn from it. */
  readonly key: Buffer;
  readonly spend: Spend;
  /** Told of each call that has ended: for what it was made, and for the how-manieth question of that kind, from 1. */
  readonly onAsk?: (role: AskRole, nth: number, ended: EndedCall) => void;
};

/**
 * Asks everything, or nobody. `kept`: earlier answers that are not whole; what they say is not asked again. `judgeBy`: the policy on
 * what was said, which tells whether a reason is asked for.
 */
export function askEverything(
  matter: Matter,
  kept: Answers | null,
  judgeBy: (said: Said) => Judgement,
  deps: QuestionDeps,
  signal: AbortSignal,
): Promise<Spent<Answers>> {
  const planned = (question: Planned): PlannedQuestion => plannedFor(question, deps.settings);
  const questions = sampleQuestions(matter, deps).map((each, at) => ({
    ...each,
    cost: planned(each.question),
    known: knownSample(kept, at),
  }));
  const due = questions.filter(({ known }) => known === null);
  const reading = readingInput(matter, deps);
  const plan = [...due.map(({ cost }) => cost), ...laterQuestions(matter, reading, deps).map(planned)];
  const gates = gatesAhead(deps);
  const asking = { ...deps, ...gates.deps };
  const spent = deps.spend(plan, async (meter) => {
    const metered: Put = (question, role) =>
      meter(planned(question), () => put(question, { ...asking, onCall: tellOf(role, 1, deps) }, signal));
    const asked = Promise.all(
      questions.map(async ({ seed, question, cost, known }, at) => {
        if (known !== null) return known;
        const told = { ...asking, onCall: tellOf('sample', at + 1, deps) };
        return askedSample(await meter(cost, () => ask(question, told, signal)), seed);
      }),
    );
    const isDue = (samples: readonly Sample[]) => readingIsDue(deps.settings.secondReading, matter.stakes, samples);
    const earlier = kept?.second_reading ?? null;
    const again = async () =>
      earlier !== null && readingNotReached(earlier) === null ? earlier : readAgain(reading, earlier, metered);
    const [samples, beside] = await Promise.all([asked, isDue([]) ? again() : null]);
    const second = beside ?? (isDue(samples.map(({ sample }) => sample)) ? await again() : null);
    const said = {
      samples,
      second_reading: second,
      canary_echoed: [kept, second].some((each) => each?.canary_echoed) || questions.some(({ echoed }) => echoed()),
    };
    // The ballot is that of the samples: what was written for it is for it still, where they are the same.
    const written = due.length === 0 && typeof kept?.written_reason?.text === 'string' ? kept.written_reason : null;
    return { ...said, written_reason: written ?? (await askForReason(matter, () => judgeBy(said), deps, metered)) };
  });
  gates.look(due.map(({ question }) => question.model));
  return spent;
}

/** Gates that are looked at behind the hold and in its turn, so that who asks first need not look once it is held. */
function gatesAhead({ gateOf }: Pick<QuestionDeps, 'gateOf'>): {
  readonly deps: Pick<QuestionDeps, 'gateOf'>;
  look(models: readonly string[]): void;
} {
  if (gateOf === undefined) return { deps: {}, look: () => undefined };
  const ahead = new Map<string, Gate>();
  return {
    deps: { gateOf: (model) => ahead.get(model) ?? gateOf(model) },
    look(models) {
      for (const model of new Set(models)) ahead.set(model, gateOf(model).ahead());
    },
  };
}

function tellOf(role: AskRole, nth: number, { onAsk }: Pick<QuestionDeps, 'onAsk'>): (ended: EndedCall) => void {
  return (ended) => onAsk?.(role, nth, ended);
}

/** An earlier sample that is not asked for again: an answer, or none that another attempt could bring. */
function knownSample(kept: Answers | null, at: number): AskedSample | null {
  const sample = kept?.samples[at];
  return sample === undefined || isNotReached(sample) ? null : sample;
}

/** Whether a second reading is among the answers, or is not due. */
export function hasItsReading(
  { samples, second_reading: reading }: Answers,
  stakes: Stakes,
  deps: QuestionDeps,
): boolean {
  const said = samples.map(({ sample }) => sample);
  return reading !== null || !readingIsDue(deps.settings.secondReading, stakes, said);
}

function readingIsDue(when: QuestionSettings['secondReading'], stakes: Stakes, samples: readonly Sample[]): boolean {
  const saysHigh = (sample: Sample): boolean => sample.kind === 'answer' && sample.stakes === 'high';
  return when === 'always' || (when === 'high_stakes' && (stakes === 'high' || samples.some(saysHigh)));
}

type SampleQuestion = {
  readonly seed: SampleSeed;
  readonly question: Question;
  /** Whether a reply so far repeated the mark of its instructions. */
  echoed(): boolean;
};

function sampleQuestions(matter: Matter, deps: QuestionDeps): SampleQuestion[] {
  const { proposal, cleaned, preferences } = matter;
  const { models, samples } = deps.settings;
  const asked = models.flatMap((model) => Array.from({ length: samples }, () => model));
  return asked.map((model, sample) => {
    const seed = seedOf(sample, matter, deps);
    const options = keyOptions(proposal.choices, seed.order);
    const messages = buildMessages({ proposal, cleaned, options, preferences, nonce: seed.nonce });
    let echoed = false;
    const read = (reply: string) => {
      // Before anything else: a reply that is of no use may still give the owner's words away.
      echoed ||= echoes(reply, canaryOf(seed.nonce));
      return readAnswer(reply, proposal, options, preferences.instructions);
    };
    const schema = answerSchema(proposal.type, options);
    return { seed, question: { model, messages, schema, read }, echoed: () => echoed };
  });
}

type Planned = Pick<Question, 'model' | 'messages' | 'schema'>;

/** What may come to be asked beside and after the samples, at its longest. */
function laterQuestions(matter: Matter, reading: SecondReadingInput, deps: QuestionDeps): readonly Planned[] {
  const { publish_reason: publish } = matter.preferences;
  const mayWrite = publish === 'full' && matter.proposal.privacy !== 'shutter';
  return [
    ...(deps.settings.secondReading === 'never' ? [] : longestQuestions(reading)),
    ...(mayWrite ? [longestReasonQuestion(reasonInput(matter, deps))] : []),
  ];
}

function plannedFor(
  { model, messages, schema }: Planned,
  { fallbackModels, maxOutputTokens }: QuestionDeps['settings'],
): PlannedQuestion {
  return {
    models: [model, ...fallbackModels.filter((name) => name !== model)],
    inputTokens: questionTokens(messages, schema),
    outputTokens: maxOutputTokens,
  };
}

/** A reason in a model's words, where the owner wants one and the ballot may come to be cast. */
async function askForReason(
  matter: Matter,
  judgeSaid: () => Judgement,
  deps: QuestionDeps,
  metered: Put,
): Promise<WrittenReason | null> {
  const { preferences, proposal } = matter;
  const { publish_reason: publish, instructions } = preferences;
  if (publish !== 'full') return null;
  const judgement = judgeSaid();
  if (judgement.kind !== 'judged' || judgement.verdict.kind === 'skip') return null;
  const { ballot } = judgement.aggregate;
  if (!takesReason(ballot, publish, proposal.privacy)) return null;
  return writeReason({ ...reasonInput(matter, deps), ballot, instructions }, metered);
}

function readingInput(matter: Matter, deps: QuestionDeps): SecondReadingInput {
  const { proposal, cleaned, preferences } = matter;
  const { models } = deps.settings;
  // Both questions are made twice, at their longest and to be asked.
  const seeds = new Map<SeedName, SampleSeed>();
  return {
    proposal,
    cleaned,
    preferences,
    models,
    seedOf(name) {
      const seed = seeds.get(name) ?? seedOf(name, matter, deps);
      seeds.set(name, seed);
      return seed;
    },
  };
}

function reasonInput(matter: Matter, deps: QuestionDeps): Parameters<typeof longestReasonQuestion>[0] {
  const { proposal, cleaned } = matter;
  return { proposal, cleaned, model: deps.settings.models[0] ?? '', seed: seedOf('reason', matter, deps) };
}

function seedOf(name: SeedName, { proposal, hash }: Matter, { key }: QuestionDeps): SampleSeed {
  return sampleSeed(hash, name, proposal.choices.length, key);
}
