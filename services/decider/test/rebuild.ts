/** Makes the prompts of a decision again, word for word, from its evidence and what that refers to. For tests: nothing asks twice. */
import { preferencesVersion, inSpace, type SpacePreferences, type UserPreferences } from '@quorum/shared/preferences';
import { Ballot } from '@quorum/snapshot/ballot';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Proposal } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { formMessages } from '../src/answer-form.ts';
import { Answers } from '../src/answers.ts';
import { withRepair } from '../src/ask.ts';
import type { AskedQuestion } from '../src/asked-question.ts';
import { clean } from '../src/clean.ts';
import { factMessages, factsSchema } from '../src/facts.ts';
import { buildMessages, PROMPT_VERSION, type Message } from '../src/fence.ts';
import { keyOptions } from '../src/options.ts';
import { answerSchema } from '../src/schema.ts';
import { judgeMessages, type SecondReading } from '../src/second-reading.ts';
import { reasonQuestion, type WrittenReason } from '../src/written-reason.ts';

const Evidence = Answers.extend({
  decision: z.object({ content_hash: z.string(), preferences_version: z.string() }),
  inputs: z.object({ prompt_version: z.string(), configuration: z.object({ max_body_tokens: z.int() }) }),
  judgement: z.object({ aggregate: z.object({ ballot: Ballot.nullable() }) }),
});

type Prompt = readonly Message[];

/** Every prompt that was answered or left without an answer: samples, second reading and reason, each with its tries in order. Throws where what is given is not what the evidence refers to. */
export function rebuildPrompts(
  evidence: string,
  given: { readonly proposal: Proposal; readonly preferences: UserPreferences },
): Prompt[] {
  const { decision, inputs, judgement, samples, ...later } = Evidence.parse(JSON.parse(evidence));
  const { proposal } = given;
  if (inputs.prompt_version !== PROMPT_VERSION) throw new Error(`Another prompt: ${inputs.prompt_version}`);
  if (contentHash(proposal) !== decision.content_hash) throw new Error('Another proposal');
  if (preferencesVersion(given.preferences) !== decision.preferences_version) throw new Error('Other preferences');
  const preferences = inSpace(given.preferences, proposal.space);
  const cleaned = clean(proposal, inputs.configuration.max_body_tokens);
  const optionsOf = ({ order }: AskedQuestion) => keyOptions(proposal.choices, order);

  const ofSamples = samples.flatMap((asked) => {
    const options = optionsOf(asked);
    const messages = buildMessages({ proposal, cleaned, options, preferences, nonce: asked.nonce });
    return promptsOf(asked, messages, answerSchema(proposal.type, options));
  });
  const { second_reading: reading, written_reason: written } = later;
  return [
    ...ofSamples,
    ...(reading === null ? [] : ofReading(reading, { proposal, cleaned, preferences })),
    ...(written === null ? [] : ofReason(written, judgement.aggregate.ballot)),
  ];

  function ofReading({ reader, judge, facts }: SecondReading, source: ReadingSource): Prompt[] {
    const options = optionsOf(reader);
    const prompts = promptsOf(reader, factMessages({ ...source, options, nonce: reader.nonce }), factsSchema(options));
    if (judge === null) return prompts;
    const shown = optionsOf(judge);
    const messages = judgeMessages(source, facts, shown, judge.nonce);
    return [...prompts, ...promptsOf(judge, messages, answerSchema(proposal.type, shown))];
  }

  function ofReason(reason: WrittenReason, ballot: Ballot | null): Prompt[] {
    if (ballot === null) throw new Error('A reason without a ballot');
    const { messages, schema } = reasonQuestion({ proposal, cleaned, ballot, model: reason.model, seed: reason });
    return promptsOf(reason, messages, schema);
  }
}

type ReadingSource = Pick<Parameters<typeof factMessages>[0], 'cleaned'> & {
  readonly proposal: Proposal;
  readonly preferences: SpacePreferences;
};

/** The prompts of one question: a model that is asked once more was told what was wrong. */
function promptsOf({ tries }: AskedQuestion, messages: Prompt, schema: Record<string, unknown>): Prompt[] {
  return tries.map(({ model, form }, at) => {
    const before = tries[at - 1];
    const asked = before?.model === model && before.why !== null ? withRepair(messages, before.why) : messages;
    return formMessages(form, asked, schema);
  });
}
