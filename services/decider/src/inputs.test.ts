import { fc, test as property } from '@fast-check/vitest';
import type { SpacePreferences } from '@quorum/shared/preferences';
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { preferencesWith } from '../test/fixtures.ts';
import { inputsHash, placeOf, questionInputs, sampleSeed, type QuestionSettings } from './inputs.ts';

const KEY = randomBytes(32);

type Inputs = {
  readonly version: string;
  readonly content: string;
  readonly preferences: SpacePreferences;
  readonly settings: QuestionSettings;
};

const hashOf = ({ version, content, preferences, settings }: Inputs): string =>
  inputsHash(questionInputs(version, content, preferences, settings));

const addresses = fc.array(fc.constantFrom(`0x${'1'.repeat(40)}`, `0x${'2'.repeat(40)}`), { maxLength: 2 });

/** Values of every preference, and whether a question depends on it. The type names a preference that has no line yet. */
const PREFERENCES = {
  voting_strategy: [fc.constantFrom('conservative', 'balanced', 'aggressive'), 'counts'],
  confidence_threshold: [fc.integer({ min: 0, max: 100 }).map((share) => share / 100), 'counts'],
  instructions: [fc.option(fc.string({ unit: 'grapheme', maxLength: 20 }), { nil: undefined }), 'counts'],
  approval: [fc.constantFrom('never', 'when_unsure', 'always'), 'counts'],
  publish_reason: [fc.constantFrom('template', 'full', 'none'), 'counts'],
  max_proposals_per_run: [fc.integer({ min: 1, max: 10 }), 'does not count'],
  blacklisted_proposers: [addresses, 'does not count'],
  whitelisted_proposers: [addresses, 'does not count'],
  revise_votes: [fc.boolean(), 'does not count'],
} as const satisfies Record<keyof SpacePreferences, readonly [fc.Arbitrary<unknown>, 'counts' | 'does not count']>;

const names = fc.array(fc.constantFrom('small', 'large', 'small,large'), { minLength: 1, maxLength: 3 });
/** Values of every setting that a question depends on; the type names one that has no line yet. */
const SETTINGS = {
  endpoint: fc.constantFrom('https://one.example/v1', 'https://two.example/v1'),
  models: names,
  fallbackModels: names,
  samples: fc.integer({ min: 1, max: 15 }),
  maxBodyTokens: fc.integer({ min: 500, max: 9_000 }),
  maxOutputTokens: fc.integer({ min: 200, max: 9_000 }),
  secondReading: fc.constantFrom('always', 'high_stakes', 'never'),
} as const satisfies { readonly [Name in keyof QuestionSettings]: fc.Arbitrary<QuestionSettings[Name]> };

const arbitraryOf = <T extends string>(lines: Record<T, readonly [fc.Arbitrary<unknown>, string]>) =>
  fc.record(
    Object.fromEntries(
      Object.entries<readonly [fc.Arbitrary<unknown>, string]>(lines).map(([name, [values]]) => [name, values]),
    ),
  );

const anyInputs: fc.Arbitrary<Inputs> = fc.record({
  version: fc.constantFrom('v1', 'v2'),
  content: fc.constantFrom('a'.repeat(64), 'b'.repeat(64)),
  preferences: arbitraryOf(PREFERENCES).map((given) => preferencesWith(given)),
  settings: fc.record(SETTINGS),
});

/** Two sets of inputs that differ in this one place at most. */
const twins = (name: 'preferences' | 'settings', field: string, values: fc.Arbitrary<unknown>) =>
  fc.tuple(anyInputs, values, values).map(([inputs, one, other]) => {
    const withValue = (value: unknown): Inputs =>
      name === 'settings'
        ? { ...inputs, settings: { ...inputs.settings, [field]: value } }
        : { ...inputs, preferences: preferencesWith({ ...inputs.preferences, [field]: value }) };
    return { inputs: [withValue(one), withValue(other)] as const, same: isDeepStrictEqual(one, other) };
  });

describe('the hash of the inputs', () => {
  property.prop([anyInputs])('is the same for the same inputs', (inputs) => {
    expect(hashOf(structuredClone(inputs))).toBe(hashOf(inputs));
  });

  property.prop([anyInputs, anyInputs])('is another for others', (one, other) => {
    const question = ({ preferences, ...rest }: Inputs): unknown => ({
      ...rest,
      preferences: Object.entries(PREFERENCES).flatMap(([name, [, counts]]) =>
        counts === 'counts' ? [new Map<string, unknown>(Object.entries(preferences)).get(name) ?? null] : [],
      ),
    });
    expect(hashOf(one) === hashOf(other)).toBe(isDeepStrictEqual(question(one), question(other)));
  });

  test.each(Object.entries(PREFERENCES))('the preference %s', (name, [values, counts]) => {
    fc.assert(
      fc.property(twins('preferences', name, values), ({ inputs: [one, other], same }) => {
        expect(hashOf(one) === hashOf(other)).toBe(same || counts === 'does not count');
      }),
    );
  });

  test.each(Object.entries(SETTINGS))('differs with the setting %s', (name, values) => {
    fc.assert(
      fc.property(twins('settings', name, values), ({ inputs: [one, other], same }) => {
        expect(hashOf(one) === hashOf(other)).toBe(same);
      }),
    );
  });

  property.prop([anyInputs])('differs with the version of the prompt and with the text', (inputs) => {
    const hashes = [inputs, { ...inputs, version: 'v3' }, { ...inputs, content: 'c'.repeat(64) }].map(hashOf);
    expect(new Set(hashes).size).toBe(3);
  });

  test('says where the models are without what may be secret in the address', () => {
    expect(placeOf('https://user:sesame@models.example:8443/v1?key=sesame')).toBe('https://models.example:8443/v1');
  });
});

describe('nonce and order of a sample', () => {
  property.prop([fc.integer({ min: 1, max: 60 }), fc.nat({ max: 50 })])('name every choice once', (choices, sample) => {
    const { order } = sampleSeed('h', sample, choices, KEY);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: choices }, (_, at) => at + 1));
  });

  test('can be made again, and only with the key', () => {
    expect(sampleSeed('h', 1, 9, KEY)).toEqual(sampleSeed('h', 1, 9, KEY));
    expect(sampleSeed('h', 1, 9, KEY).nonce).not.toBe(sampleSeed('h', 1, 9, randomBytes(32)).nonce);
  });

  test('differ from sample to sample and from question to question', () => {
    const nonces = [sampleSeed('h', 0, 3, KEY), sampleSeed('h', 1, 3, KEY), sampleSeed('g', 0, 3, KEY)];
    expect(new Set(nonces.map(({ nonce }) => nonce)).size).toBe(3);
  });

  test('put every choice first about equally often', () => {
    const first = [0, 0, 0];
    for (let sample = 0; sample < 900; sample += 1) {
      const at = (sampleSeed('h', sample, 3, Buffer.alloc(32, 7)).order[0] ?? 0) - 1;
      first[at] = (first[at] ?? 0) + 1;
    }
    for (const count of first) expect(Math.abs(count - 300)).toBeLessThan(60);
  });
});
