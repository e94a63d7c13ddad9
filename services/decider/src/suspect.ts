/**
 * Step 6: attempts to steer the reader. Alarms, not proof of safety: what is not found here may still be there.
 *
 * Hard signals are things that no honest text has a use for; the owner is asked. Soft signals are words that an honest text may
 * have too; they make a decision unsure.
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import type { Signal } from '@quorum/shared/decision';
import type { Cleaned } from './clean.ts';
import { hasBidiOverride, hasTagCharacters, hasZeroWidthInWord, stripInvisible } from './invisible.ts';

type Found = (texts: Texts) => boolean;
type Texts = {
  /** Everything that the author wrote, as written. */
  readonly raw: string;
  /** The same without invisible characters, in compatibility form: what patterns are tried on. */
  readonly plain: string;
  readonly hidden: readonly string[];
};

const HARD: Readonly<Record<string, Found>> = {
  tag_characters: ({ raw }) => hasTagCharacters(raw),
  bidi_override: ({ raw }) => hasBidiOverride(raw),
  zero_width_in_word: ({ raw }) => hasZeroWidthInWord(raw),
  // Editors leave a word or two of markup behind; sentences are put there by somebody.
  hidden_text: ({ hidden }) => hidden.some((text) => (text.match(/\p{L}{2,}/gu) ?? []).length >= 3),
};

const READER = String.raw`(?:AIs?|LLMs?|GPT|language models?|(?:AI|voting|governance|autonomous|automated) (?:agents?|assistants?|systems?|voters?|bots?)|chat ?bots?|AI models?)`;

const PATTERNS: Readonly<Record<string, readonly RegExp[]>> = {
  addresses_ai: [
    new RegExp(
      String.raw`\b(?:if you are|you are|dear|attention|note (?:to|for)|notice (?:to|for)|hey|hello|instructions? (?:to|for)|message (?:to|for))[ ,:]{1,3}(?:an? |the |any |all |every )?${READER}\b`,
      'i',
    ),
    new RegExp(
      String.raw`\b${READER}\b.{0,40}\b(?:must|shall|should|needs? to|are required to|is required to|are instructed to)\b.{0,20}\b(?:vote|choose|select|answer|respond|reply|pick|rank)`,
      'i',
    ),
  ],
  overrides_instructions: [
    /\b(?:ignore|disregard|forget|override|set aside)\b.{0,40}\b(?:instructions?|system prompts?|guidelines you|owner'?s? (?:preferences|instructions?|strategy))\b/i,
    /\b(?:new|updated|real|true|actual) (?:system )?(?:instructions?|prompt) (?:follows?|below|is|are)\b/i,
    /\bsystem (?:prompt|message)\b/i,
  ],
  chat_markup: [
    /<\|[a-z_]{2,20}\|>|\[\/?INST\]|<\/?(?:system|assistant|instructions?)\s*>|^[ \t>*#]{0,6}(?:system|assistant)[ \t*]{0,3}:/im,
  ],
  dictates_answer: [
    /["'`](?:confidence|risk_level|stakes|rationale|factors_for)["'`]\s*:/i,
    /\b(?:set|report|return|output|give|state)\b.{0,20}\b(?:confidence|risk[_ ]level)\b.{0,20}(?:\d|\blow\b|\bhigh\b|\bmax)/i,
  ],
  imitates_fence: [
    /<<<\s*PROPOSAL\b|\bPROPOSAL\s+\S{0,64}>>>|\bend of (?:the )?(?:untrusted|proposal) (?:text|content|data|input)\b/i,
  ],
  speaks_for_owner: [
    /\b(?:your|the) (?:owner|principal|user)(?: has|'s)? (?:already )?(?:wants you|asked you|asks you|instructed|instructs|told you|preferences? (?:is|are|says?|have))\b/i,
  ],
};

/** Every signal in a proposal, each kind once: hard ones first. */
export function suspect(
  proposal: Pick<Proposal, 'title' | 'body' | 'discussion' | 'choices'>,
  removed: Pick<Cleaned['removed'], 'hidden'>,
): Signal[] {
  const raw = [proposal.title, proposal.body, proposal.discussion, ...proposal.choices].join('\n');
  const texts: Texts = { raw, plain: stripInvisible(raw).text.normalize('NFKC'), hidden: removed.hidden };
  const hard = Object.entries(HARD).filter(([, found]) => found(texts));
  const soft = Object.entries(PATTERNS).filter(([, patterns]) => patterns.some((pattern) => pattern.test(texts.plain)));
  return [
    ...hard.map(([kind]): Signal => ({ strength: 'hard', kind })),
    ...soft.map(([kind]): Signal => ({ strength: 'soft', kind })),
  ];
}
