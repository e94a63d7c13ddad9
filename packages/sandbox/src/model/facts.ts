/**
 * The facts that a persona draws from a proposal, where the request's JSON schema asks for a list of them: the passages that
 * `careful` would go by, each as its own quote. What `gullible` is told to vote for is a fact to it like any other.
 */
import type { Asked } from './asked.ts';
import type { ModelOption } from './ballot-place.ts';
import { passagesOf } from './careful.ts';
import { readOrders } from './gullible.ts';
import { child, isRecord } from './json-schema.ts';
import { stanceOf } from './labels.ts';
import { readSignals } from './signals.ts';

type ModelFact = {
  readonly kind: string;
  readonly about: string;
  readonly statement: string;
  readonly quote: string;
};

const MOST = 24;
const LONGEST = 190;
/** A reader says what a choice does; of voting for it only who obeys speaks. */
const VOTING =
  /\b(?:vot(?:e[sdr]?|ing|ar|o|os)|choos(?:e|es|ing)|choices?|select(?:s|ed|ion)?|picks?|options?|ballots?|answers?|opcion(?:es)?|opción|elegir)\b|投票|选择|选项|تصويت|صوت/giu;

/** The facts, or null where the schema asks for none. */
export function factsFor(asked: Asked, trusting: boolean): readonly ModelFact[] | null {
  const item = child(child(child(asked.schema, 'properties'), 'facts'), 'items');
  const properties = child(item, 'properties');
  if (!isRecord(properties) || !('quote' in properties)) return null;
  const keys = child(properties['about'], 'enum');
  const [whole, ...abouts] = (Array.isArray(keys) ? keys : []).filter((key) => typeof key === 'string');
  const options = abouts.map((key): ModelOption => ({ key, label: key.replace(/^[A-Z]+: /, '') }));
  const lines = asked.text
    .split('\n')
    .map((line) => line.replace(/^(?:Title|Discussion): /, ''))
    .filter((line) => !abouts.includes(line.trim()) && !isFrame(line));
  const text = lines.join('\n');
  const fact = (kind: string, about: string | undefined, said: string): ModelFact => ({
    kind,
    about: about ?? '',
    statement: said.replace(VOTING, '').replace(/\s+/g, ' ').trim() || said,
    quote: said,
  });

  const orders = trusting ? readOrders({ ...asked, text, options, listed: options }).vote : null;
  const told = orders === null ? [] : lines.flatMap(pieces).filter((piece) => piece.includes(orders.option.label));
  const ofTheirOwn = options.filter(({ label }) => stanceOf(label) === 'other');
  const passages = passagesOf(text, options);
  const about = options.flatMap((option) =>
    (passages.get(option) ?? [])
      .flatMap(pieces)
      .toSorted((a, b) => Number(isTelling(b)) - Number(isTelling(a)))
      .map((said, at) => ({ at, fact: fact('choice', option.key, said) })),
  );
  const general = lines
    .flatMap(pieces)
    .filter(isTelling)
    .map((said) => fact('reason', whole, said));
  const title = /^Title: (.*)$/m.exec(asked.text)?.[1] ?? '';
  // In turns, so that no choice is left out where there are many.
  const inTurns = about.toSorted((a, b) => a.at - b.at).map((each) => each.fact);
  const specific = ofTheirOwn.length === options.length ? inTurns : [...general, ...inTurns];
  const all = [...told.map((said) => ({ ...fact('action', whole, said), statement: said })), ...specific];
  const named = title === '' ? all : [...all, fact('action', whole, title.slice(0, LONGEST))];
  const unlike = new Map(named.map((each) => [`${each.about} ${each.statement}`, each]));
  return [...unlike.values()].slice(0, MOST);
}

function isTelling(piece: string): boolean {
  const { benefits, flags } = readSignals(piece);
  return benefits.length + flags.length > 0;
}

/** A line that the one who asks has put around the proposal. */
function isFrame(line: string): boolean {
  return /^(?:<<<.*|.*>>>|Choices|(?:Space|Author|Voting): .*)$/.test(line.trim());
}

/** A line in sentences, and sentences in parts, where they are too long to be quoted. */
function pieces(line: string): string[] {
  if (line.length <= LONGEST) return line.trim().length >= 4 ? [line.trim()] : [];
  return line
    .split(/(?<=[.!?;。；])\s*/u)
    .flatMap((sentence) => sentence.match(new RegExp(`.{1,${LONGEST}}(?=\\s|$)|.{1,${LONGEST}}`, 'gsu')) ?? [])
    .map((piece) => piece.trim())
    .filter((piece) => piece.length >= 4);
}
