/**
 * Where in a JSON schema the ballot goes, in which form, and what can be voted for. The decider's schemas name it `choice`,
 * `choices`, `ranking` or `weights`; in anybody else's it is found by the words of its name and by its shape.
 */
import { child, fill, isRecord, resolve } from './json-schema.ts';

/** One thing that can be voted for: the key that the answer must use, and the label that it stands for. */
export type ModelOption = { readonly key: string; readonly label: string };

export type BallotForm = 'choice' | 'choices' | 'ranking' | 'weights';

export type BallotPlace = {
  /** The property that takes the ballot, and its schema. */
  readonly name: string;
  readonly schema: unknown;
  readonly form: BallotForm;
  /** As the schema lists them. */
  readonly options: readonly ModelOption[];
};

const EXACT: readonly string[] = ['choice', 'choices', 'ranking', 'weights'];
const LIKELY =
  /choice|vote|option|select|answer|decision|ballot|pick|verdict|recommend|prefer|candidate|rank|order|weight|alloc/iu;

/** The ballot's property: one with the decider's names before one with a likely name, an outer one before an inner one. */
export function findBallot(schema: unknown): BallotPlace | null {
  const places: BallotPlace[] = [];
  let level: unknown[] = [schema];
  // Four levels: deeper than any schema that a person would write for a vote, and an end for one that holds itself.
  for (let depth = 0; depth < 4 && level.length > 0; depth += 1) {
    const next: unknown[] = [];
    for (const outer of level) {
      const properties = child(outer, 'properties');
      for (const [name, given] of isRecord(properties) ? Object.entries(properties) : []) {
        const inner = resolve(given, schema);
        const place = placeOf(name, inner, schema);
        if (place) places.push(place);
        else next.push(inner, ...variants(inner, schema));
      }
    }
    level = next;
  }
  return places.find(({ name }) => EXACT.includes(name)) ?? places.find(({ name }) => LIKELY.test(name)) ?? null;
}

function variants(schema: unknown, root: unknown): unknown[] {
  const ways = child(schema, 'anyOf') ?? child(schema, 'oneOf');
  return Array.isArray(ways) ? ways.map((way) => resolve(way, root)) : [];
}

function placeOf(name: string, given: unknown, root: unknown): BallotPlace | null {
  // A nullable ballot is a choice between the ballot and null.
  const [schema = given] = variants(given, root).filter((way) => child(way, 'type') !== 'null');
  const place = (form: BallotForm, keys: readonly string[]): BallotPlace => ({
    name,
    schema,
    form,
    options: keys.map((key) => ({ key, label: key.replace(/^[A-Z]+: /, '') })),
  });
  const single = keysOf(schema);
  if (single) return place('choice', single);
  const items = resolve(child(schema, 'items'), root);
  const several = keysOf(items);
  if (several) return place(isRanking(name, schema, several.length) ? 'ranking' : 'choices', several);
  const share = shareFields(items, root);
  if (share) return place('weights', share.keys);
  const shares = /weight|alloc|share|split/iu.test(name) ? child(schema, 'properties') : undefined;
  return isRecord(shares) && Object.values(shares).every((each) => isNumber(resolve(each, root)))
    ? place('weights', Object.keys(shares))
    : null;
}

function isRanking(name: string, schema: unknown, options: number): boolean {
  return /rank|order/iu.test(name) || child(schema, 'minItems') === options;
}

/** The strings of an enum; null for one without a string. */
function keysOf(schema: unknown): readonly string[] | null {
  const allowed = child(schema, 'enum');
  const keys = Array.isArray(allowed) ? allowed.filter((key) => typeof key === 'string') : [];
  return keys.length > 0 ? keys : null;
}

function isNumber(schema: unknown): boolean {
  const type = child(schema, 'type');
  return type === 'number' || type === 'integer';
}

/** In a list of shares: which property of an item holds the key and which the number. */
function shareFields(
  item: unknown,
  root: unknown,
): { keyName: string; keys: readonly string[]; shareName: string; share: unknown } | null {
  const properties = child(item, 'properties');
  if (!isRecord(properties)) return null;
  const fields = Object.entries(properties).map(([name, schema]) => ({ name, schema: resolve(schema, root) }));
  const key = fields.find(({ schema }) => keysOf(schema) !== null);
  const share = fields.find(({ schema }) => isNumber(schema));
  const keys = keysOf(key?.schema);
  return key && share && keys ? { keyName: key.name, keys, shareName: share.name, share: share.schema } : null;
}

/** Percentages in the form that the schema wants them: a list of items, or an object with a number for each key. */
export function shapeWeights(
  shares: readonly { readonly choice: string; readonly percent: number }[],
  place: BallotPlace,
  root: unknown,
): unknown {
  const scaled = (percent: number, schema: unknown): number =>
    child(schema, 'maximum') === 1 ? percent / 100 : percent;
  const item = resolve(child(place.schema, 'items'), root);
  const fields = shareFields(item, root);
  if (fields) {
    const { keyName, shareName, share } = fields;
    return shares.map(({ choice, percent }) =>
      fill(item, root, (name) => ({ [keyName]: choice, [shareName]: scaled(percent, share) })[name]),
    );
  }
  return Object.fromEntries(
    place.options.map(({ key }) => {
      const percent = shares.find(({ choice }) => choice === key)?.percent ?? 0;
      return [key, scaled(percent, resolve(child(child(place.schema, 'properties'), key), root))];
    }),
  );
}
