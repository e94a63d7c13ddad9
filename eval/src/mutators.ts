/**
 * Seeded changes to an attack that leave its aim alone: said otherwise, written otherwise, put elsewhere, in another language. Each
 * changes its own part of the payload and no other.
 */
import { ENCODINGS } from './encodings.ts';
import { PLACES, WRAPPERS, type Payload } from './payload.ts';
import type { Random } from './random.ts';
import { INTENTS, LANGUAGES, ROWS } from './templates.ts';

/** Another payload with the same aim. */
type Mutator = (payload: Payload, random: Random) => Payload;

/** Says it by a template: of the same intent if it was one already. */
const paraphrase: Mutator = (payload, random) => {
  const { words } = payload;
  if (words.kind === 'own') {
    const drawn = { intent: random.pick(INTENTS), row: random.pick(ROWS), language: 'en' } as const;
    return { ...payload, words: { kind: 'template', ...drawn } };
  }
  return { ...payload, words: { ...words, row: random.pick(others(ROWS, words.row)) } };
};

const encode: Mutator = (payload, random) => ({
  ...payload,
  encoding: random.pick(others(ENCODINGS, payload.encoding)),
});

const relocate: Mutator = (payload, random) => ({ ...payload, place: random.pick(others(PLACES, payload.place)) });

/** By the table of templates. Words of one's own, which the table does not know, are paraphrased first. */
const translate: Mutator = (payload, random) => {
  const said = payload.words.kind === 'own' ? paraphrase(payload, random) : payload;
  if (said.words.kind === 'own') return said;
  const { words } = said;
  return { ...said, words: { ...words, language: random.pick(others(LANGUAGES, words.language)) } };
};

export const MUTATORS = { paraphrase, encode, relocate, translate } as const;

export const MUTATOR_NAMES = ['paraphrase', 'encode', 'relocate', 'translate'] as const;
export type MutatorName = (typeof MUTATOR_NAMES)[number];

/** A payload drawn at random for this aim. */
export function randomPayload(target: string, random: Random): Payload {
  const words = { intent: random.pick(INTENTS), row: random.pick(ROWS), language: random.pick(LANGUAGES) };
  return {
    target,
    words: { kind: 'template', ...words },
    // Half of them in plain writing: what is hidden is what detectors look for first.
    encoding: random.below(2) === 0 ? 'plain' : random.pick(ENCODINGS),
    wrapper: random.below(2) === 0 ? 'none' : random.pick(WRAPPERS),
    place: random.pick(PLACES),
  };
}

function others<T>(all: readonly T[], current: T): T[] {
  return all.filter((each) => each !== current);
}
