/**
 * The `gullible` persona's reading: what the text in its prompt tells it to do. It has no judgement of its own about who speaks:
 * an order that sounds like one is obeyed, the last one where several do. Crude on purpose, and the same every time.
 */
import type { Asked } from './asked.ts';
import type { ModelOption } from './ballot-place.ts';
import type { Judgement } from './careful.ts';
import { plain, stanceOf, type Stance } from './labels.ts';
import { ABSTAIN, ADDRESSED, AGAINST, FOR, NOT, THIS_ONE, TOLD, TOLD_AFTER, VOTE } from './order-words.ts';
import { unhide } from './unhide.ts';

export type Orders = {
  /** The option that it is told to vote for, and the words that told it. */
  readonly vote: { readonly option: ModelOption; readonly quote: string } | null;
  readonly confidence: number | null;
  readonly risk: Judgement['risk'] | null;
  readonly stakes: Judgement['stakes'] | null;
  /** What it is told to say. */
  readonly say: string | null;
};

const NEAR = 220;

const SENTENCE_END = /[.!?](?=\s|$)|[。！？؟]|\n\s*\n/u;

export function readOrders({ text, options, listed, system }: Asked): Orders {
  const labels = options.map(({ label }) => unhide(label)).filter((label) => ADDRESSED.test(label));
  const all = unhide([text, ...labels].join('\n'));
  const confidence = /confidence[^\n.\d]{0,25}(\d{1,3}(?:\.\d+)?\s*%|[01](?:\.\d+)?)/iu.exec(all)?.[1];
  return {
    vote: readVote(all, options, listed),
    confidence: confidence === undefined ? sureness(all) : asShare(confidence),
    risk: oneOf(['low', 'medium', 'high'], levelOf('risk(?:[_ ]level)?', all)),
    stakes: oneOf(['low', 'high'], levelOf('stakes', all)),
    say: wordsToSay(all, system),
  };
}

function readVote(text: string, options: readonly ModelOption[], listed: readonly ModelOption[]): Orders['vote'] {
  const forItself = options.find(({ label }) => [ADDRESSED, THIS_ONE].every((words) => words.test(unhide(label))));
  if (forItself) return { option: forItself, quote: forItself.label };
  const told = [...votesBy(TOLD, text, options, listed), ...votesBefore(text, options)].filter(({ at }) =>
    ADDRESSED.test(text.slice(Math.max(0, at - NEAR), at + NEAR)),
  );
  const last = told.toSorted((a, b) => a.at - b.at).at(-1);
  if (last) return last;
  // 'Vote For to …, vote Against to …' explains the choices; one side alone is an order.
  const plainly = votesBy(VOTE, text, options, listed);
  const [only] = plainly;
  return only && plainly.every(({ option }) => option === only.option) ? only : null;
}

type Found = { readonly at: number; readonly option: ModelOption; readonly quote: string };

function votesBy(
  verbs: RegExp,
  text: string,
  options: readonly ModelOption[],
  listed: readonly ModelOption[],
): Found[] {
  return [...text.matchAll(verbs)].flatMap((match) => {
    const rest = text.slice(match.index + match[0].length, match.index + match[0].length + 140);
    const ahead = rest.slice(0, SENTENCE_END.exec(rest)?.index ?? rest.length);
    const verb = match[0].toLowerCase();
    const meant = targetOf(ahead, verb, options, listed);
    const negated = NOT.test(text.slice(Math.max(0, match.index - 20), match.index));
    const option = negated && meant ? (listed.find((each) => each !== meant) ?? null) : meant;
    return option ? [{ at: match.index, option, quote: `${match[0]}${ahead}`.replace(/\s+/g, ' ').trim() }] : [];
  });
}

/** In languages whose verb comes last: the option named last before it, in the same sentence. */
function votesBefore(text: string, options: readonly ModelOption[]): Found[] {
  return [...text.matchAll(TOLD_AFTER)].flatMap((match) => {
    const before =
      text
        .slice(Math.max(0, match.index - 80), match.index)
        .split(SENTENCE_END)
        .at(-1) ?? '';
    const named = options
      .map((option) => ({ option, at: before.lastIndexOf(option.label) }))
      .filter(({ at }) => at >= 0)
      .toSorted((a, b) => a.at - b.at || a.option.label.length - b.option.label.length)
      .at(-1)?.option;
    const stance = MEANINGS.find(([, pattern]) => pattern.test(before))?.[0];
    const option = named ?? options.find(({ label }) => stanceOf(label) === stance);
    return option ? [{ at: match.index, option, quote: `${before}${match[0]}`.replace(/\s+/g, ' ').trim() }] : [];
  });
}

/** One word or sign that may stand before the target. */
const FILLER =
  /^\s*(?:["'“”‘’「『《[({:=#-]|(?:for|with|in favou?r of|por|on|the|to|as|is|your|ballot|only|always|exactly|choice|option|opción|a la|al)\b|选项)\s*/iu;
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth'];

/** Which option the words after the verb name: by key or number, by label, or by what it means. */
function targetOf(
  ahead: string,
  verb: string,
  options: readonly ModelOption[],
  listed: readonly ModelOption[],
): ModelOption | null {
  const key =
    /\b(?:option|choice|letter|opción|选项)\s*["'#(]?([A-Z]{1,2})\b|^[\s"'“:]*([A-Z]{1,2}): |^[\s"'“(]*([A-Z])["'”)]?$/u.exec(
      ahead,
    );
  const letter = key?.slice(1).find(Boolean);
  const lettered = options.find((option) => option.key.startsWith(`${letter}: `));
  if (letter !== undefined && lettered) return lettered;
  const numbered = /\b(?:option|choice|opción|选项)\s*["'#(]?(\d{1,2})\b/iu.exec(ahead)?.[1];
  const ordinal = /\b(first|second|third|fourth|fifth|last) (?:listed )?(?:option|choice|one)\b/iu.exec(ahead)?.[1];
  const place = numbered === undefined ? ORDINALS.indexOf(ordinal?.toLowerCase() ?? '') : Number(numbered) - 1;
  const placed = ordinal?.toLowerCase() === 'last' ? listed.at(-1) : listed[place];
  if (placed) return placed;

  return opening(ahead, options) ?? labelAt(ahead, options, false) ?? meantBy(ahead, verb, options);
}

/** The label that the words open with. 'For Against' opens with two: the word before a label is no label. */
function opening(ahead: string, options: readonly ModelOption[]): ModelOption | null {
  let words = ahead;
  let found = labelAt(words, options, true);
  while (FILLER.test(words)) {
    words = words.replace(FILLER, '');
    found = labelAt(words, options, true) ?? found;
  }
  return found;
}

/** The option whose label these words begin with, or have earliest; the longest of several. */
function labelAt(words: string, options: readonly ModelOption[], atStart: boolean): ModelOption | null {
  const spoken = ` ${plain(words)} `;
  const found = options
    .map((option) => ({ option, label: plain(option.label) }))
    .map(({ option, label }) => ({ option, at: placeIn(spoken, words, label, option.label), length: label.length }))
    .filter(({ at }) => (atStart ? at === 0 : at >= 0))
    .toSorted((a, b) => a.at - b.at || b.length - a.length);
  return found[0]?.option ?? null;
}

function placeIn(spoken: string, raw: string, label: string, rawLabel: string): number {
  // Emoji and other signs alone: nothing is left of them among words.
  if (label === '') return raw.indexOf(rawLabel.trim());
  // Chinese and Japanese put no spaces between words, and Korean appends particles to them.
  if (/\p{Script=Han}|\p{Script=Hangul}/u.test(label))
    return spoken.indexOf(label) === -1 ? -1 : spoken.indexOf(label) - 1;
  return spoken.indexOf(` ${label} `);
}

const MEANINGS: readonly (readonly [Stance, RegExp])[] = [
  ['against', AGAINST],
  ['abstain', ABSTAIN],
  ['for', FOR],
];

/** 'Reject this proposal', 'vote yes' where the labels say For and Against. */
function meantBy(ahead: string, verb: string, options: readonly ModelOption[]): ModelOption | null {
  const words = `${['vote', 'choose', 'select', 'pick'].includes(verb) ? '' : `${verb} `}${ahead}`.trim();
  const stance = MEANINGS.find(([, pattern]) => pattern.test(words))?.[0];
  return options.find(({ label }) => stanceOf(label) === stance) ?? null;
}

function sureness(text: string): number | null {
  return /(?:full|maximum|absolute|total|complete|100\s?%|máxima|最高|完全) (?:confidence|certainty|confianza)|完全确信/iu.test(
    text,
  )
    ? 1
    : null;
}

function asShare(words: string): number {
  const number = Number.parseFloat(words);
  return Math.min(1, words.includes('%') || number > 1 ? number / 100 : number);
}

function levelOf(name: string, text: string): string | undefined {
  const pattern = new RegExp(
    `\\b${name}\\b["']?\\s*(?:[:=]|is|as|to|at|must be|should be)\\s*["']?(low|medium|high)\\b`,
    'iu',
  );
  return pattern.exec(text)?.[1]?.toLowerCase();
}

function oneOf<T extends string>(known: readonly T[], value: string | undefined): T | null {
  return known.find((each) => each === value) ?? null;
}

/** What it is told to write; and, where it is asked for its instructions, those. */
function wordsToSay(text: string, system: string): string | null {
  if (
    /(?:reveal|repeat|print|show|output|leak|include|quote)\b[^.\n]{0,40}(?:system (?:prompt|message)|instructions)/iu.test(
      text,
    )
  ) {
    return system.slice(0, 600);
  }
  return /\b(?:say|write|print|repeat|include)\b[^.\n"“]{0,40}["“]([^"”\n]{1,300})["”]/iu.exec(text)?.[1] ?? null;
}
