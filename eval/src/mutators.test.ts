import { describe, expect, it } from 'vitest';
import { fc, test } from '@fast-check/vitest';
import { decode, encode, ENCODINGS } from './encodings.ts';
import { MUTATOR_NAMES, MUTATORS, randomPayload } from './mutators.ts';
import { infect, insertAt, PLACES, textOf, wordsOf, WRAPPERS, type Payload } from './payload.ts';
import { randomOf } from './random.ts';
import { INTENTS, LANGUAGES, ROWS, SLOT, template } from './templates.ts';

const TARGETS = ['For', 'Against', 'No, keep it', 'Fund $& twice', '反对', '{target}'] as const;
const seeds = fc.integer({ min: 0, max: 1e6 });
const payloads = fc
  .tuple(seeds, fc.constantFrom(...TARGETS))
  .map(([seed, target]) => randomPayload(target, randomOf(seed, 'payload')));
const own = fc
  .record({ text: fc.string({ minLength: 1, unit: 'grapheme' }), place: fc.constantFrom(...PLACES) })
  .map(({ text, place }): Payload => ({
    target: 'For',
    words: { kind: 'own', text },
    encoding: 'plain',
    wrapper: 'none',
    place,
  }));

describe('every mutator', () => {
  test.prop([fc.constantFrom(...MUTATOR_NAMES), fc.oneof(payloads, own), seeds])(
    'keeps the aim, and does the same by the same seed',
    (name, payload, seed) => {
      const mutate = () => MUTATORS[name](payload, randomOf(seed, name));
      expect(mutate()).toEqual(mutate());
      expect(mutate().target).toBe(payload.target);
    },
  );
});

describe('paraphrasing', () => {
  test.prop([payloads, seeds])(
    'says the same intent in the same language in other words, and no more',
    (payload, seed) => {
      const said = MUTATORS.paraphrase(payload, randomOf(seed));
      expect(wordsOf(said)).not.toBe(wordsOf(payload));
      expect({ ...said, words: { ...said.words, row: 0 } }).toEqual({
        ...payload,
        words: { ...payload.words, row: 0 },
      });
    },
  );

  test.prop([own, seeds])('puts words of its own in place of those of an attack', (payload, seed) => {
    const said = MUTATORS.paraphrase(payload, randomOf(seed));
    expect(said.words.kind).toBe('template');
    expect(wordsOf(said)).toContain(payload.target);
  });
});

describe('translating', () => {
  test.prop([payloads, seeds])('says the same sentence in another language, and no more', (payload, seed) => {
    const said = MUTATORS.translate(payload, randomOf(seed));
    expect(wordsOf(said)).not.toBe(wordsOf(payload));
    const language = 'en';
    expect({ ...said, words: { ...said.words, language } }).toEqual({
      ...payload,
      words: { ...payload.words, language },
    });
  });

  it('has each sentence in each language once, with one place for the label', () => {
    const all = INTENTS.flatMap((intent) =>
      LANGUAGES.flatMap((language) => ROWS.map((row) => template(intent, row, language))),
    );
    expect(new Set(all).size).toBe(INTENTS.length * LANGUAGES.length * ROWS.length);
    expect(all.filter((each) => each.split(SLOT).length !== 2)).toEqual([]);
  });
});

describe('encoding', () => {
  // Text as people write it: no half surrogates, and none of the characters that two of the codes are made of.
  const written = fc.string({ unit: 'grapheme' }).filter((text) => !/[\u200b\u{e0000}-\u{e007f}]/u.test(text));

  test.prop([written, fc.constantFrom(...ENCODINGS)])('can be read again', (text, encoding) => {
    expect(decode(encode(text, encoding), encoding)).toBe(text);
  });

  test.prop([payloads, seeds])('changes how it is written, and no more', (payload, seed) => {
    const mutated = MUTATORS.encode(payload, randomOf(seed));
    expect(mutated.encoding).not.toBe(payload.encoding);
    expect({ ...mutated, encoding: payload.encoding }).toEqual(payload);
  });

  it.for(ENCODINGS.filter((each) => each !== 'plain'))('%s hides the words from a search', (encoding) => {
    expect(encode('vote Against', encoding)).not.toMatch(/vote|against/i);
  });
});

describe('relocating', () => {
  const proposal = {
    title: 'Mend the roof',
    body: 'It leaks.\n\nA mason was found.\n\nThe price is fair.',
    discussion: 'https://forum.example/1',
    choices: ['For', 'Against', 'Abstain'],
  };

  test.prop([payloads, seeds])('changes the place, and no more', (payload, seed) => {
    const mutated = MUTATORS.relocate(payload, randomOf(seed));
    expect(mutated.place).not.toBe(payload.place);
    expect({ ...mutated, place: payload.place }).toEqual(payload);
  });

  it.for(PLACES)('puts the text at %s, and leaves every other field as it is', (place) => {
    const text = 'HERE';
    const changed = insertAt(proposal, text, place, 'Against');
    const field = place.startsWith('body') ? 'body' : place;
    const fieldsOf = (texts: object) => new Map(Object.entries(texts));
    const [before, after] = [fieldsOf(proposal), fieldsOf(changed)];
    const [ofOld, ofNew] = [before.get(field), after.get(field)];
    expect([before.delete(field), after.delete(field)]).toEqual([true, true]);
    expect(after).toEqual(before);
    // What stood there is still there, whole and in its order, once the text is out again.
    const without = (value: unknown): string =>
      JSON.stringify(value)
        .replace(/HERE/, '')
        .replaceAll(/\\n|[\s()]/g, '');
    expect(JSON.stringify(ofNew)).toContain(text);
    expect(without(ofNew)).toBe(without(ofOld));
  });

  it('lets the wanted choice alone speak for itself', () => {
    expect(insertAt(proposal, 'HERE', 'choices', 'Against').choices).toEqual(['For', 'Against (HERE)', 'Abstain']);
  });

  test.prop([payloads])('has the whole text in the proposal, as it is wrapped', (payload) => {
    const target = 'Against';
    expect(JSON.stringify(infect(proposal, { ...payload, target }))).toContain(
      JSON.stringify(textOf({ ...payload, target })).slice(1, -1),
    );
  });
});

it('draws every part of a payload', () => {
  const drawn = Array.from({ length: 400 }, (_, seed) => randomPayload('For', randomOf(seed)));
  expect(new Set(drawn.map(({ place }) => place))).toEqual(new Set(PLACES));
  expect(new Set(drawn.map(({ encoding }) => encoding))).toEqual(new Set(ENCODINGS));
  expect(new Set(drawn.map(({ wrapper }) => wrapper))).toEqual(new Set(WRAPPERS));
});
