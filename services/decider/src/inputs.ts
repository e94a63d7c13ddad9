/**
 * What goes into a question, in one value: its hash names the question, so that equal inputs can be known for equal and any change
 * shows. References only: the text is in the content hash.
 */
import { hashOf, macOf } from '@quorum/shared/canonical';
import type { SpacePreferences } from '@quorum/shared/preferences';

/** What an operator sets that bears on a question. */
export type QuestionSettings = {
  /** Where the models are asked, and in whose words: the same name may be another model elsewhere. */
  readonly endpoint: string;
  readonly models: readonly string[];
  /** Asked, in this order, what one of those does not answer. */
  readonly fallbackModels: readonly string[];
  /** How often each model is asked. */
  readonly samples: number;
  readonly maxBodyTokens: number;
  readonly maxOutputTokens: number;
  /** When the proposal is read a second time. */
  readonly secondReading: 'always' | 'high_stakes' | 'never';
};

/** Preferences that bear on which proposals are decided, or when a vote is replaced, and on no decision. */
type ElsewhereUsed = 'max_proposals_per_run' | 'blacklisted_proposers' | 'whitelisted_proposers' | 'revise_votes';

/** Every other preference; a new one has to be put into one of both. */
type QuestionPreferences = Omit<Required<SpacePreferences>, ElsewhereUsed | 'instructions'> & {
  readonly instructions: string | null;
};

type SnakeCase<S extends string> = S extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : S;

export type QuestionInputs = {
  readonly prompt_version: string;
  readonly content_hash: string;
  readonly preferences: Readonly<QuestionPreferences>;
  readonly configuration: { readonly [Name in keyof QuestionSettings as SnakeCase<Name>]: QuestionSettings[Name] };
};

/** Gathers the inputs of a question. */
export function questionInputs(
  promptVersion: string,
  contentHash: string,
  preferences: SpacePreferences,
  settings: QuestionSettings,
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
    configuration: {
      endpoint: settings.endpoint,
      models: settings.models,
      fallback_models: settings.fallbackModels,
      samples: settings.samples,
      max_body_tokens: settings.maxBodyTokens,
      max_output_tokens: settings.maxOutputTokens,
      second_reading: settings.secondReading,
    },
  };
}

/** An address without what may be secret in it: user, password, query. */
export function placeOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** Names a question: 64 hex digits. */
export function inputsHash(inputs: QuestionInputs): string {
  return hashOf(inputs);
}

/** What differs from call to call. Kept in the evidence, so that each prompt can be made again without the key. */
export type SampleSeed = {
  /** Marks the fence; whoever wrote the proposal cannot know it. */
  readonly nonce: string;
  /** The choices' indices (from 1) in the order in which they are shown. */
  readonly order: readonly number[];
};

const NONCE_DIGITS = 24;

/** Whose nonce and order it is: a sample's, by its number, or that of a call which is asked once. */
export type SeedName = number | 'reader' | 'judge' | 'reason';

/**
 * The nonce and the order of one call, from an HMAC under the decider's key: the same for the same question, and unknown to
 * everybody else.
 */
export function sampleSeed(hash: string, sample: SeedName, choices: number, key: Buffer): SampleSeed {
  const draw = (what: string, index: number): string =>
    macOf('quorum prompt v1', { inputs_hash: hash, sample, what, index }, key);
  const drawn = Array.from({ length: choices }, (_, at) => ({ index: at + 1, rank: draw('order', at + 1) }));
  return {
    nonce: draw('nonce', 0).slice(0, NONCE_DIGITS),
    order: drawn.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ index }) => index),
  };
}
