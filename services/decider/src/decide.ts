/**
 * One proposal in, one decision out: the eight steps. Nothing is stored here, and nothing is known of jobs.
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import { addUsage, Decision, type Usage } from '@quorum/shared/decision';
import type { OwnerId, RunId } from '@quorum/shared/ids';
import { judge, type Judgement } from '@quorum/shared/policy';
import type { SpacePreferences } from '@quorum/shared/preferences';
import { ask, type AskDeps, type Asked, type NoAnswerWhy } from './ask.ts';
import { clean, type Cleaned } from './clean.ts';
import { writeEvidence, type Evidence } from './evidence.ts';
import { buildMessages, PROMPT_VERSION } from './fence.ts';
import { inputsHash, questionInputs, sampleSeed, type SampleSeed } from './inputs.ts';
import { keyOptions } from './options.ts';
import { publicReason } from './reason.ts';
import { answerSchema, readAnswer } from './schema.ts';
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
};

type DecideSettings = {
  readonly models: readonly string[];
  /** How often each model is asked. */
  readonly samples: number;
  readonly maxBodyChars: number;
};

export type DecideDeps = AskDeps & {
  readonly settings: DecideSettings;
  /** The decider's own key: nonces and orders are drawn from it. */
  readonly key: Buffer;
  /** Unix milliseconds. */
  now(): number;
};

export type Decided =
  | {
      readonly kind: 'decided';
      readonly decision: Decision;
      readonly evidence: Evidence;
      readonly judgement: Extract<Judgement, { kind: 'judged' }>;
    }
  /** Too few usable answers for any decision. `whys`: of those that are missing. */
  | {
      readonly kind: 'too_few_answers';
      readonly asked: number;
      readonly whys: readonly NoAnswerWhy[];
      readonly usage: Usage;
    };

/** Decides one proposal. Throws only what `signal` was aborted with. */
export async function decide(input: DecideInput, deps: DecideDeps, signal: AbortSignal): Promise<Decided> {
  const { proposal, preferences } = input;
  const inputs = questionInputs(PROMPT_VERSION, input.contentHash, preferences, deps.settings);
  const hash = inputsHash(inputs);

  const cleaned = clean(proposal, deps.settings.maxBodyChars);
  const asked = await askAll(input, cleaned, hash, deps, signal);
  const samples = asked.map(({ sample }) => sample);
  const usage = addUsage(asked.map((each) => each.usage));
  const { stakes, grounds } = findStakes(proposal, cleaned, input.votingPower);
  const signals = suspect(proposal, cleaned.removed);
  const executable = isExecutable(proposal.plugins);
  const judgement = judge({ executable, samples, signals, stakes }, preferences);
  if (judgement.kind === 'no_decision') {
    const whys = samples.flatMap((sample) => (sample.kind === 'no_answer' ? [sample.why] : []));
    return { kind: 'too_few_answers', asked: samples.length, whys, usage };
  }
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
    public_reason: publicReason(judgement.aggregate.ballot, preferences.publish_reason, proposal.privacy),
    usage,
    decided_at: deps.now(),
  };
  const evidence = writeEvidence({ decision, inputs, cleaned, asked, stakesGrounds: grounds, judgement });
  // Parsed, so that what is sealed is exactly what a reader of the record will parse again.
  return {
    kind: 'decided',
    decision: Decision.parse({ ...decision, evidence_hash: evidence.hash }),
    evidence,
    judgement,
  };
}

/** Asks every model as often as configured, all at once, each time with a fence and an order of its own. */
function askAll(
  input: DecideInput,
  cleaned: Cleaned,
  hash: string,
  deps: DecideDeps,
  signal: AbortSignal,
): Promise<(Asked & { seed: SampleSeed })[]> {
  const { proposal, preferences } = input;
  const models = deps.settings.models.flatMap((model) => Array.from({ length: deps.settings.samples }, () => model));
  return Promise.all(
    models.map(async (model, sample) => {
      const seed = sampleSeed(hash, sample, proposal.choices.length, deps.key);
      const options = keyOptions(proposal.choices, seed.order);
      const messages = buildMessages({ proposal, cleaned, options, preferences, nonce: seed.nonce });
      const schema = answerSchema(proposal.type, options);
      const read = (reply: string) => readAnswer(reply, proposal, options);
      return { ...(await ask({ model, messages, schema, read }, deps, signal)), seed };
    }),
  );
}
