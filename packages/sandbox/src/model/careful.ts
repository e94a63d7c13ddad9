/**
 * The `careful` persona's judgement: it reads labels by meaning, counts red flags against benefits, and looks up what the text
 * says about each candidate. It depends on the words of the proposal alone, never on the order of the options. It stands in
 * for a model so that the rest can be run; what it decides is worth nothing.
 */
import type { ModelOption } from './ballot-place.ts';
import { plain, stanceOf, type Stance } from './labels.ts';
import { readSignals, weigh, type Signal } from './signals.ts';

export type Judgement = {
  /** Best first; ties by label. */
  readonly scored: readonly { readonly option: ModelOption; readonly score: number }[];
  readonly rationale: string;
  readonly factorsFor: readonly string[];
  readonly factorsAgainst: readonly string[];
  readonly unknowns: readonly string[];
  readonly confidence: number;
  readonly risk: 'low' | 'medium' | 'high';
  readonly riskGround: string;
  readonly stakes: 'low' | 'high';
};

/** Abstaining wins only where hardly anything speaks for either side. */
const ABSTAIN_SCORE = 0.4;
/** How much the text about one label moves it among others of the same stance. */
const OVERLAP_SHARE = 0.1;
/** What being spoken of at all is worth, a line. */
const MENTION_SHARE = 0.05;

export function judge(text: string, options: readonly ModelOption[]): Judgement {
  const whole = readSignals(text);
  const lean = weigh(whole.benefits) - weigh(whole.flags);
  const passages = passagesOf(text, options);
  const heard = new Map(options.map((option) => [option, readSignals((passages.get(option) ?? []).join('\n'))]));
  const overlap = (option: ModelOption): number => {
    const signals = heard.get(option);
    const mentions = Math.min(passages.get(option)?.length ?? 0, 5) * MENTION_SHARE;
    return signals ? weigh(signals.benefits) - weigh(signals.flags) + mentions : 0;
  };
  const scored = options
    .map((option) => ({ option, score: scoreOf(stanceOf(option.label), lean, overlap(option)) }))
    .toSorted((a, b) => b.score - a.score || (a.option.label < b.option.label ? -1 : 1));
  const best = scored[0];

  // Between For and Against the whole text speaks; among candidates, what it says about the best one.
  const sides = options.some(({ label }) => ['for', 'against'].includes(stanceOf(label)));
  const spread = sides ? Math.abs(lean) : (best?.score ?? 0) - (scored.at(-1)?.score ?? 0);
  const against = sides ? weigh(whole.benefits) + weigh(whole.flags) : spread;
  const { benefits, flags } = (!sides && best && heard.get(best.option)) || whole;

  return {
    scored,
    rationale: rationale(benefits, flags, best?.option.label ?? null),
    factorsFor: benefits.map(({ quote }) => `"${quote}"`),
    factorsAgainst: flags.map(({ quote }) => `"${quote}"`),
    unknowns: unknowns(text),
    confidence: Math.round(Math.min(0.95, 0.55 + (0.4 * spread) / (against + 1.5)) * 100) / 100,
    risk: riskOf(weigh(flags)),
    riskGround: riskGround(flags),
    stakes: /constitution|constitución|multisig|upgrade|\bmint|all funds|entire treasury/iu.test(text) ? 'high' : 'low',
  };
}

function scoreOf(stance: Stance, lean: number, overlap: number): number {
  const scores: Record<Stance, number> = {
    for: lean + OVERLAP_SHARE * overlap,
    against: -lean + OVERLAP_SHARE * overlap,
    abstain: ABSTAIN_SCORE,
    other: overlap,
  };
  return scores[stance];
}

function riskOf(bad: number): Judgement['risk'] {
  if (bad >= 5) return 'high';
  return bad >= 1.5 ? 'medium' : 'low';
}

/**
 * The lines about each option. Where headings name the options, the section under its heading; else the lines that have the
 * option's own words, and those that follow until an empty line or a heading.
 */
export function passagesOf(text: string, options: readonly ModelOption[]): Map<ModelOption, string[]> {
  const lines = text.split('\n');
  const words = new Map(options.map((option) => [option, distinctive(option, options)]));
  const inHeading = (line: string): ModelOption[] =>
    line.startsWith('#') ? options.filter(({ label }) => ` ${plain(line)} `.includes(` ${plain(label)} `)) : [];
  const inLine = (line: string): ModelOption[] => {
    const spoken = new Set(plain(line).split(' '));
    return options.filter((option) => words.get(option)?.some((word) => spoken.has(word)));
  };
  const sections = lines.some((line) => inHeading(line).length > 0);
  const passages = new Map(options.map((option): [ModelOption, string[]] => [option, []]));
  let about: ModelOption[] = [];
  for (const line of lines) {
    const named = sections ? inHeading(line) : inLine(line);
    const ends = line.startsWith('#') || (!sections && line.trim() === '');
    if (named.length > 0) about = named;
    else if (ends) about = [];
    for (const option of about) passages.get(option)?.push(line);
  }
  return passages;
}

/** The words of a label that no differently worded label has too. */
function distinctive(option: ModelOption, options: readonly ModelOption[]): string[] {
  const own = plain(option.label).split(' ');
  const others = options.filter(({ label }) => plain(label) !== plain(option.label));
  const shared = new Set(others.flatMap(({ label }) => plain(label).split(' ')));
  return own.filter((word) => word.length >= 3 && !shared.has(word));
}

function rationale(benefits: readonly Signal[], flags: readonly Signal[], choice: string | null): string {
  const offers =
    benefits.length > 0
      ? `The text speaks of ${quoted(benefits)}, which counts for it.`
      : 'The text names no safeguard that I know of.';
  const decided = choice === null ? 'I have nothing to choose from.' : `I choose "${choice}".`;
  const doubts = flags.length > 0 ? `Against it stand ${quoted(flags)}; ` : 'I found no red flag; ';
  return `${offers} ${doubts}${decided}`;
}

/** What the risk is measured by: the red flags alone. */
function riskGround(flags: readonly Signal[]): string {
  if (flags.length === 0) return 'No red flag that I know of stands in the text.';
  return `The text speaks of ${quoted(flags)}, which could do harm.`;
}

function quoted(signals: readonly Signal[]): string {
  const heaviest = signals.toSorted((a, b) => b.weight - a.weight).slice(0, 3);
  return heaviest.map(({ quote }) => `"${quote}"`).join(' and ');
}

function unknowns(text: string): string[] {
  const open: string[] = [];
  if (!/report|informe|publish/iu.test(text)) open.push('How the outcome will be reported');
  if (!/budget|cost|presupuesto|\$|USDC|tokens?\b/iu.test(text)) open.push('What it costs');
  return open;
}
