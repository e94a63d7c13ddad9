/**
 * What goes into a question, in one value: its hash names the question, so that equal inputs can be known for equal and any change
 * shows. References only: the text is in the content hash.
 */
import { hashOf, macOf } from '@quorum/shared/canonical';
import type { SpacePreferences } from '@quorum/shared/preferences';

export type QuestionInputs = {
  readonly prompt_version: string;
  readonly content_hash: string;
  readonly preferences: {
    readonly voting_strategy: SpacePreferences['voting_strategy'];
    readonly instructions: string | null;
    readonly confidence_threshold: number;
    readonly approval: SpacePreferences['approval'];
    readonly publish_reason: SpacePreferences['publish_reason'];
  };
  readonly configuration: {
    readonly models: readonly string[];
    readonly samples: number;
    readonly max_body_chars: number;
  };
};

/** Gathers the inputs of a question. */
export function questionInputs(
  promptVersion: string,
  contentHash: string,
  preferences: SpacePreferences,
  settings: { readonly models: readonly string[]; readonly samples: number; readonly maxBodyChars: number },
): QuestionInputs {
  return {
    prompt_version: promptVersion,
    content_hash: contentHash,
    preferences: {
      voting_strategy: preferences.voting_strategy,
      instructions: preferences.instructions ?? null,
      confidence_threshold: preferences.confidence_threshold,
      approval: preferences.approval,
      publish_reason: preferences.publish_reason,
    },
    configuration: { models: settings.models, samples: settings.samples, max_body_chars: settings.maxBodyChars },
  };
}

/** Names a question: 64 hex digits. */
export function inputsHash(inputs: QuestionInputs): string {
  return hashOf(inputs);
}

/** What differs from sample to sample. Kept in the evidence, so that each prompt can be made again without the key. */
export type SampleSeed = {
  /** Marks the fence; whoever wrote the proposal cannot know it. */
  readonly nonce: string;
  /** The choices' indices (from 1) in the order in which they are shown. */
  readonly order: readonly number[];
};

const NONCE_DIGITS = 24;

/**
 * The nonce and the order of one sample, from an HMAC under the decider's key: the same for the same question, and unknown to
 * everybody else.
 */
export function sampleSeed(hash: string, sample: number, choices: number, key: Buffer): SampleSeed {
  const draw = (what: string, index: number): string =>
    macOf('quorum prompt v1', { inputs_hash: hash, sample, what, index }, key);
  const drawn = Array.from({ length: choices }, (_, at) => ({ index: at + 1, rank: draw('order', at + 1) }));
  return {
    nonce: draw('nonce', 0).slice(0, NONCE_DIGITS),
    order: drawn.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ index }) => index),
  };
}
