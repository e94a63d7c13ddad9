/**
 * Step 6: attempts to steer the reader. Alarms, not proof of safety: what is not found here may still be there.
 *
 * Hard signals are things that no honest text has a use for; the owner is asked. Soft signals are words that an honest text may
 * have too; they make a decision unsure. Besides the text there are two that come of asking: `canary_echoed`, hard, where a model
 * repeated a mark that only its instructions hold, and `second_reading_…`, soft (`second-reading.ts`).
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import type { Signal } from '@quorum/shared/decision';
import { fold, hasLookalikes } from '@quorum/shared/likeness';
import { hasBidiOverride, hasInvisibleRow, hasTagCharacters, hasZeroWidthInWord } from '@quorum/shared/invisible';
import { CLAIMS, pressesFor } from './claims.ts';
import type { Cleaned } from './clean.ts';
import { differentWordsIn, formsOf, turnedForms, wordsIn, type Forms } from './disguise.ts';
import { ORDERS } from './orders.ts';
import { anyOf } from './patterns.ts';

type Texts = {
  /** Everything that the author wrote, as written. */
  readonly raw: string;
  readonly forms: Forms;
  readonly hidden: readonly string[];
  readonly choices: readonly string[];
};
type Found = (texts: Texts) => boolean;

const PROSE = { ...ORDERS, ...CLAIMS };
const holdsProse = anyOf(Object.values(PROSE).flat());

/** Editors leave a word or two of markup behind; sentences are put there by somebody, in one piece or in many. */
const HIDDEN_WORDS = 3;
/** What editors are known to leave behind, whole and by its name: no part of a sentence that is put there in pieces. */
const EDITOR_MARK =
  /^\s*(?:\[if !(?:supportLists|supportEmptyParas|supportLineBreakNewLine|vml|mso)\]>?|(?:<!)?\[endif\]|(?:Start|End)Fragment|more|\/?wp:(?:paragraph|heading|list|list-item|quote|table|image|separator))\s*$/i;
const byHand = (hidden: readonly string[]): readonly string[] => hidden.filter((text) => !EDITOR_MARK.test(text));

const HARD: Readonly<Record<string, Found>> = {
  tag_characters: ({ raw }) => hasTagCharacters(raw),
  bidi_override: ({ raw }) => hasBidiOverride(raw),
  zero_width_in_word: ({ raw }) => hasZeroWidthInWord(raw),
  invisible_row: ({ raw }) => hasInvisibleRow(raw),
  hidden_text: ({ hidden }) =>
    hidden.some((text) => wordsIn(text) >= HIDDEN_WORDS) || differentWordsIn(byHand(hidden)) >= HIDDEN_WORDS,
  // Nobody encodes by chance what would be an order if it were read.
  encoded_order: ({ forms }) => [...forms.decoded, ...turnedForms(forms.flat)].some(holdsProse),
};

/** Tried line by line: the marks of a chat or of an answer, in a text that should have none. */
const LINES: Readonly<Record<string, readonly RegExp[]>> = {
  chat_markup: [
    /<\|[a-z_]{2,20}\|>|\[\/?inst\]|<<\/?sys>>|<\/?(?:system|assistant|instructions?|developer|human|tool_(?:call|response|result)s?|function_(?:calls?|results?))\s*>/,
    /^[ \t>*#_[(-]{0,8}(?:system|assistant|sistema|systeme|системное|система|系统|系統|システム|النظام)(?: ?(?:messages?|prompt|notice|override|instructions?|alert|note|update|消息|提示|指令|通知))?[ \t*_\])]{0,4}[:：]/m,
    /^[ \t>*#_[(-]{0,8}(?:tool|function)[ _-](?:call|output|result|response|message)s?\b.{0,40}[:：{]/m,
    /[([{"'“*]system ?[:：]/,
    /["']role["']\s*:\s*["'](?:system|assistant|user|tool|developer)["']/,
  ],
  dictates_answer: [
    /["'`](?:confidence|risk_(?:level|ground)|stakes|rationale|factors_(?:for|against)|key_factors|ballot)["'`]\s*[:=]/,
    /\brisk_level\b|\bconfidence(?: of| is| to| at|:|=)? ?(?:1(?:\.0+)?|100 ?%|0?\.9\d*)(?![\d.]*\d| ?%? ?(?:interval|level|limit))/,
    /\{\s*["'`](?:choices?|ranking|weights|vote|decision|answer|verdict)["'`]\s*:\s*["'`[{]/,
  ],
  imitates_fence: [
    /<<<\s*proposal\b|\bproposal\s+\S{0,64}>>>|^[ \t>*#=-]{0,8}(?:end|close|begin) of (?:the )?(?:untrusted |quoted |user )?(?:proposal|text|content|data|input|document)\b/m,
    /\b(?:untrusted|quoted) (?:text|content|data|input|material) (?:ends|is over|stops)\b/,
  ],
};

/** Examples of answers, one after the other: a model goes on in the same vein. */
const EXAMPLE_ANSWER =
  /^[ \t>*#_|-]{0,8}(?:(?:example|sample|correct|final|expected|your|agent|model|ai) )?(?:decision|vote|ballot|verdict|output|completion|assistant|response|answer|choice)(?: ?#?\d{1,3})?[*_]{0,3} ?(?::|=>?|->|→)[ \t*_"']{0,4}\S/gm;
const EXAMPLES = 3;

/** Every signal in a proposal, each kind once: hard ones first. */
export function suspect(
  proposal: Pick<Proposal, 'title' | 'body' | 'discussion' | 'choices'>,
  removed: Pick<Cleaned['removed'], 'hidden'>,
): Signal[] {
  const { choices } = proposal;
  // Together, since an order may be split over them; the choices by content, so that their own order does not matter.
  const raw = [proposal.title, proposal.body, proposal.discussion, ...choices.toSorted()].join('\n');
  const texts: Texts = { raw, forms: formsOf(raw), hidden: removed.hidden, choices };
  const hard = Object.entries(HARD).filter(([, found]) => found(texts));
  return [
    ...hard.map(([kind]): Signal => ({ strength: 'hard', kind })),
    ...softIn(texts).map((kind): Signal => ({ strength: 'soft', kind })),
  ];
}

/** Whether a text speaks to its reader; for texts that are no proposal, such as a fact that was read from one. */
export function isOrder(text: string): boolean {
  const forms = formsOf(text);
  const said = [forms.flat, ...forms.disguised, ...forms.decoded];
  return said.some(holdsProse) || kindsIn([forms.lines], LINES).length > 0;
}

function softIn({ raw, forms, choices }: Texts): string[] {
  const labels = choices.map(fold);
  const found = [
    ...proseIn([forms.flat, ...forms.disguised]),
    ...(pressesFor(forms.flat, labels) ? ['pressures_voter'] : []),
    ...kindsIn([forms.lines], LINES),
    ...((forms.lines.match(EXAMPLE_ANSWER) ?? []).length >= EXAMPLES ? ['many_examples'] : []),
    ...(hasLookalikes(raw) ? ['lookalike_letters'] : []),
    ...(forms.decoded.length > 0 ? ['encoded_text'] : []),
    ...(choices.some(isPersuading) ? ['label_persuades'] : []),
  ];
  return [...new Set(found)];
}

/** Which kind it is, is asked of the few texts that hold any. */
function proseIn(texts: readonly string[]): string[] {
  return texts.some(holdsProse) ? kindsIn(texts, PROSE) : [];
}

function kindsIn(texts: readonly string[], patterns: Readonly<Record<string, readonly RegExp[]>>): string[] {
  return Object.entries(patterns)
    .filter(([, each]) => each.some((pattern) => texts.some((text) => pattern.test(text))))
    .map(([kind]) => kind);
}

/** A label says what is voted for; one that says what should be is an advertisement. */
function isPersuading(label: string): boolean {
  return /(?:\b(?:recommended|correct|official|safe|endorsed)|[([:–—-] ?default)(?: (?:answer|choice|option|vote|by [\p{L} ]{2,30}))?\s*[)\].!*]*$/iu.test(
    label.trim(),
  );
}
