/**
 * Changes, one at a time, of everything that a record holds: each leaf of its JSON becomes another value of the same kind, each list
 * loses its last entry. Text that is JSON itself is walked too. Where no other value can be read as such a record, one is
 * taken that cannot.
 */
import { z } from 'zod';

export type Change = {
  /** Where, as `decision.samples.0.ballot.choice.index`. */
  readonly path: string;
  readonly value: unknown;
  readonly isReadable: boolean;
};

type Json = z.infer<ReturnType<typeof z.json>>;
const Json = z.json();

/** Words of our closed lists: where a text must be one of a list, one of these is. */
const WORDS = [
  'low medium high balanced conservative aggressive hard soft timeout refusal reserved cast voided as_cast different',
  'approve reject decision owner basic approval waiting approved rejected expired superseded skipped failed',
  'approval_always voting_paused',
].flatMap((words) => words.split(' '));

/** Every change of this value. `reads` says whether a changed one can still be read as what it is. */
export function changesOf(value: unknown, reads: (changed: unknown) => boolean): readonly Change[] {
  return walk(Json.parse(value), [], (changed) => changed, reads);
}

function walk(
  value: Json,
  path: readonly string[],
  within: (changed: Json) => Json,
  reads: (changed: unknown) => boolean,
): Change[] {
  if (Array.isArray(value)) {
    const cut = within(value.length === 0 ? ['x'] : value.slice(0, -1));
    const shorter: Change = { path: [...path, 'length'].join('.'), value: cut, isReadable: reads(cut) };
    const entries = value.flatMap((entry, at) =>
      walk(entry, [...path, String(at)], (changed) => within(value.with(at, changed)), reads),
    );
    return [shorter, ...entries];
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, entry]) =>
      walk(entry, [...path, name], (changed) => within({ ...value, [name]: changed }), reads),
    );
  }
  const inner = typeof value === 'string' ? jsonOf(value) : null;
  if (inner !== null) return walk(inner, path, (changed) => within(JSON.stringify(changed)), reads);
  const others = othersOf(value).map(within);
  const readable = others.find(reads);
  return [{ path: path.join('.'), value: readable ?? others[0], isReadable: readable !== undefined }];
}

/** Other values of the same kind, the likeliest first. */
function othersOf(value: string | number | boolean | null): readonly Json[] {
  switch (typeof value) {
    case 'boolean':
      return [!value];
    case 'number':
      return [value + 1, value - 1, value / 2];
    case 'string': {
      const numeric = /^\d+$/.test(value) ? [String(Number(value) + 1)] : [];
      return [...numeric, flipped(value), ...WORDS.filter((word) => word !== value), `${value}x`];
    }
    default:
      return ['a'.repeat(64), 1, 'x', true];
  }
}

/** The same text with another last digit or letter. */
function flipped(text: string): string {
  const last = text.at(-1) ?? '';
  return text.slice(0, -1) + (last === '1' ? '2' : '1');
}

/** What a text of JSON says, if that is an object or a list. */
function jsonOf(text: string): Json | null {
  if (!/^[[{]/.test(text)) return null;
  try {
    return Json.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
