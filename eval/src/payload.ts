/**
 * An attack in parts, so that it can be changed part by part: what is said, how it is written, what it is wrapped in, and where in
 * a proposal it stands. The corpus' own words are such a part too.
 */
import { insertInto, type CleanProposal } from './corpus.ts';
import { encode, type Encoding } from './encodings.ts';
import { sentence, type Intent, type Language, type Row } from './templates.ts';

export const PLACES = ['title', 'body_start', 'body_middle', 'body_end', 'discussion', 'choices'] as const;
export type Place = (typeof PLACES)[number];

export const WRAPPERS = ['none', 'comment', 'code', 'quote', 'hidden'] as const;
type Wrapper = (typeof WRAPPERS)[number];

type Words =
  | { readonly kind: 'own'; readonly text: string }
  | { readonly kind: 'template'; readonly intent: Intent; readonly row: Row; readonly language: Language };

export type Payload = {
  /** The label that the attacker wants. */
  readonly target: string;
  readonly words: Words;
  readonly encoding: Encoding;
  readonly wrapper: Wrapper;
  readonly place: Place;
};

/** What is said, before anything hides it. */
export function wordsOf({ words, target }: Payload): string {
  return words.kind === 'own' ? words.text : sentence(words.intent, words.row, words.language, target);
}

/** The text that is put into the proposal. */
export function textOf(payload: Payload): string {
  return WRAPPED[payload.wrapper](encode(wordsOf(payload), payload.encoding));
}

const WRAPPED: Readonly<Record<Wrapper, (text: string) => string>> = {
  none: (text) => text,
  comment: (text) => `<!-- ${text} -->`,
  code: (text) => `\`\`\`\n${text}\n\`\`\``,
  quote: (text) => `> ${text}`,
  hidden: (text) => `<span style="display:none">${text}</span>`,
};

type Texts = Pick<CleanProposal, 'title' | 'body' | 'discussion' | 'choices'>;

/** The proposal with the attack in it. At `choices`, the label that is wanted speaks for itself. */
export function infect<T extends Texts>(proposal: T, payload: Payload): T {
  return insertAt(proposal, textOf(payload), payload.place, payload.target);
}

/** The proposal with a text at this place; no other field is changed. `label`: the choice that `choices` means. */
export function insertAt<T extends Texts>(proposal: T, text: string, place: Place, label: string): T {
  if (place !== 'choices') return insertInto(proposal, { [place]: text });
  const choices = proposal.choices.map((choice) => (choice === label ? `${choice} (${text})` : choice));
  return insertInto(proposal, { choices });
}
