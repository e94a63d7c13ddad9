/** The contract of the preference store, over both stores. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { anyPreferences } from '../test/arbitraries.ts';
import { byHand, DEFAULTS, KINDS, storeOf, useFolder, type ByHand } from '../test/preference-stores.ts';
import { anAddress, anOwner, aSpace, preferences } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { QuorumError, ValidationError } from './errors.ts';
import { UnusablePreferencesError, VersionConflictError, type PreferenceStore } from './preference-store.ts';
import { preferencesVersion, UserPreferences } from './preferences.ts';

const { redis } = useRedis();
const dir = useFolder();

describe.each(KINDS)('the preference store on %s', (kind) => {
  let store: PreferenceStore;
  let hand: ByHand;
  beforeAll(() => {
    store = storeOf(kind, dir(), redis());
    hand = byHand(kind, dir(), redis());
  });
  const defaults = UserPreferences.parse(DEFAULTS);
  const missing = { kind: 'missing', preferences: defaults, version: preferencesVersion(defaults) };

  it("gives the operator's defaults to an owner who never said anything", async () => {
    expect(await store.load(anOwner())).toEqual(missing);
  });

  it('gives back what was saved, whatever it was', async () => {
    await fc.assert(
      fc.asyncProperty(anyPreferences, async (wanted) => {
        const owner = anOwner();
        const version = preferencesVersion(wanted);
        expect(await store.save(owner, wanted)).toEqual({ preferences: wanted, version });
        expect(await store.load(owner)).toEqual({ kind: 'stored', preferences: wanted, version });
      }),
      { numRuns: 40 },
    );
  });

  it('keeps owners apart', async () => {
    const [one, other] = [anOwner(), anOwner()];
    await store.save(one, preferences({ approval: 'always' }));
    await hand.write(other, 'rubbish');
    expect(await store.load(one)).toMatchObject({ kind: 'stored', preferences: { approval: 'always' } });
    expect(await store.load(anOwner())).toEqual(missing);
  });

  it('takes five fields alone, and gives the rest its defaults', async () => {
    const owner = anOwner();
    const seed = {
      voting_strategy: 'conservative',
      confidence_threshold: 0.8,
      max_proposals_per_run: 5,
      blacklisted_proposers: [],
      whitelisted_proposers: [],
    };
    await hand.write(owner, JSON.stringify(seed));
    const wanted = UserPreferences.parse(seed);
    expect(await store.load(owner)).toEqual({
      kind: 'stored',
      preferences: wanted,
      version: preferencesVersion(wanted),
    });
  });

  describe('an update', () => {
    it('sets its key and nothing else: what was left out goes on following the operator', async () => {
      const owner = anOwner();
      await hand.write(owner, '{"voting_strategy": "aggressive"}');
      const { preferences: now, version } = await store.update(owner, 'approval', 'always');
      const wanted = UserPreferences.parse({ ...DEFAULTS, voting_strategy: 'aggressive', approval: 'always' });
      expect(now).toEqual(wanted);
      expect(await store.load(owner)).toEqual({ kind: 'stored', preferences: wanted, version });
      // Another start, with other settings.
      const other = storeOf(kind, dir(), redis(), { ...DEFAULTS, max_proposals_per_run: 9 });
      expect(await other.load(owner)).toMatchObject({ preferences: { ...wanted, max_proposals_per_run: 9 } });
    });

    it('where nothing is stored begins with the defaults, and asks where it is unsure', async () => {
      const owner = anOwner();
      const { preferences: now } = await store.update(owner, 'confidence_threshold', 0.9);
      expect(now).toEqual({ ...defaults, confidence_threshold: 0.9, approval: 'when_unsure' });
      expect(await store.load(owner)).toMatchObject({ kind: 'stored', preferences: now });
    });

    it('of several keys is one step', async () => {
      const owner = anOwner();
      const fields = { approval: 'always', instructions: 'Grow the harbour.' } as const;
      expect((await store.patch(owner, fields)).preferences).toEqual({ ...defaults, ...fields });
    });

    it.for([
      ['a value out of range', { confidence_threshold: 7 }, 'confidence_threshold'],
      ['an unknown key', { confidence_treshold: 0.7 }, 'confidence_treshold'],
      ['a bad address', { blacklisted_proposers: [anAddress(), '0x12'] }, 'blacklisted_proposers[1]'],
      ['a bad override', { space_overrides: { 'harbour.eth': { approval: 'often' } } }, 'harbour.eth'],
      ['half a character', { instructions: '\ud800' }, 'instructions'],
      ['null', { approval: null }, 'approval'],
    ] as const)('to %s is refused, names the path, and changes nothing', async ([, fields, path]) => {
      const owner = anOwner();
      const before = await store.save(owner, preferences());
      const refused = await store.patch(owner, fields).catch((error: unknown) => error);
      if (!(refused instanceof ValidationError)) throw new Error('it was taken');
      expect(refused.issues[0]?.path).toContain(path);
      expect(await store.load(owner)).toEqual({ kind: 'stored', ...before });
    });

    it('never throws anything but an error of ours', async () => {
      const key = fc.oneof(fc.constantFrom(...Object.keys(UserPreferences.shape)), fc.string());
      const owner = anOwner();
      await fc.assert(
        fc.asyncProperty(fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 2 }), async (fields) => {
          const after = await store.patch(owner, fields).catch((error: unknown) => {
            if (error instanceof ValidationError && error.issues.length > 0) return null;
            throw error;
          });
          const found = await store.load(owner);
          if (after !== null) expect(found).toEqual({ kind: 'stored', ...after });
          expect(found.kind).not.toBe('unusable');
        }),
        { numRuns: 60 },
      );
    });
  });

  describe('a version', () => {
    it('is that of the content, wherever it came from', async () => {
      const [one, other] = [anOwner(), anOwner()];
      await hand.write(one, '{"confidence_threshold":0.9,"approval":"always"}');
      await hand.write(other, '{\n "approval": "always",\n "confidence_threshold": 0.90\n}');
      expect(await store.load(one)).toEqual(await store.load(other));
    });

    it('that stands lets a change pass, and one that does not stand refuses it, changing nothing', async () => {
      const owner = anOwner();
      const first = await store.save(owner, preferences(), { ifVersion: missing.version });
      const second = await store.update(owner, 'approval', 'always', { ifVersion: first.version });
      for (const late of [
        store.update(owner, 'approval', 'never', { ifVersion: first.version }),
        store.save(owner, preferences(), { ifVersion: first.version }),
        store.patch(owner, {}, { ifVersion: missing.version }),
      ]) {
        const error: unknown = await late.catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(VersionConflictError);
        expect(error).toMatchObject({ category: 'preferences', current: second.version });
      }
      expect(await store.load(owner)).toEqual({ kind: 'stored', ...second });
    });

    it('lets one of many pass who change the same', async () => {
      const owner = anOwner();
      const { version } = await store.save(owner, preferences());
      const tries = Array.from({ length: 8 }, (_, at) =>
        store.update(owner, 'max_proposals_per_run', at + 1, { ifVersion: version }),
      );
      const settled = await Promise.allSettled(tries);
      // The number that it had before is no change, so two may pass.
      const changed = settled.filter((one) => one.status === 'fulfilled' && one.value.version !== version);
      expect(changed).toHaveLength(1);
    });
  });

  describe('what cannot be used', () => {
    const good = preferences({ approval: 'always' });
    const lastGood = { preferences: good, version: preferencesVersion(good) };

    it.for([
      ['no JSON', '{"approval": "always"', 'unparsable', /:1:22: is not JSON: a } is missing/],
      ['nothing', '', 'unparsable', /:1:1: is not JSON/],
      ['a comment', '{\n  // mine\n}', 'unparsable', /:2:3: is not JSON: comments are not allowed/],
      ['no text', Uint8Array.of(0x7b, 0xff, 0x7d), 'unparsable', /:1:2: is not UTF-8/],
      ['a list', '[]', 'invalid', /:1:1: must be an object/],
      ['null', 'null', 'invalid', /:1:1: must be an object/],
      ['a field out of range', '{\n "confidence_threshold": 70\n}', 'invalid', /:2:26: confidence_threshold /],
      ['an unknown field', '{"approval": "always", "treshold": 1}', 'invalid', /:1:24: treshold is not a known field/],
      ['a field twice', '{"approval": "never",\n"approval": "always"}', 'invalid', /:2:1: approval stands here twice/],
    ] as const)('%s names place and field, shows the last good copy, and is mended by saving', async (row) => {
      const [, text, fault, why] = row;
      const owner = anOwner();
      await store.save(owner, good);
      await hand.write(owner, text);
      const found = await store.load(owner);
      expect(found).toEqual({ kind: 'unusable', fault, why: expect.stringMatching(why), last_good: lastGood });

      const refused: unknown = await store.update(owner, 'approval', 'never').catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(UnusablePreferencesError);
      expect(refused).toMatchObject({ category: 'preferences', fault, message: expect.stringMatching(why) });
      expect(await store.load(owner)).toEqual(found);

      const conflict = store.save(owner, good, { ifVersion: lastGood.version });
      await expect(conflict).rejects.toMatchObject({ name: 'VersionConflictError', current: null });
      const mended = await store.save(owner, preferences());
      expect(await store.load(owner)).toEqual({ kind: 'stored', ...mended });
    });

    it('has no last good copy where none ever was', async () => {
      const owner = anOwner();
      await hand.write(owner, '{');
      expect(await store.load(owner)).toMatchObject({ kind: 'unusable', fault: 'unparsable', last_good: null });
    });

    it('is what is gone after it was saved; saving mends it', async () => {
      const owner = anOwner();
      await store.save(owner, good);
      await hand.remove(owner);
      const why = expect.stringMatching(/was there before and is gone\. Put it back .* or save them anew/);
      expect(await store.load(owner)).toEqual({ kind: 'unusable', fault: 'gone', why, last_good: lastGood });
      await expect(store.update(owner, 'approval', 'never')).rejects.toBeInstanceOf(UnusablePreferencesError);
      await store.save(owner, good);
      expect(await store.load(owner)).toEqual({ kind: 'stored', ...lastGood });
    });

    it('is what is gone after it was only read, with all that stood beside it', async () => {
      const owner = anOwner();
      await hand.write(owner, '{"approval": "always"}');
      await store.load(owner);
      await hand.removeAll(owner);
      expect(await store.load(owner)).toMatchObject({ kind: 'unusable', fault: 'gone', last_good: null });
      // The same for another process.
      expect(await storeOf(kind, dir(), redis()).load(owner)).toMatchObject({ kind: 'unusable', fault: 'gone' });
    });

    it('shows what was written by hand and was good', async () => {
      const owner = anOwner();
      await store.save(owner, preferences());
      await hand.write(owner, '{"instructions": "By hand."}');
      await store.load(owner);
      await hand.write(owner, '{"instructions": "By ha');
      expect(await store.load(owner)).toMatchObject({
        kind: 'unusable',
        last_good: { preferences: { instructions: 'By hand.' } },
      });
    });
  });

  it('finds preferences while they are saved for the first time, or none, but never that they are gone', async () => {
    for (let round = 0; round < 10; round += 1) {
      const owner = anOwner();
      const saved = store.save(owner, preferences());
      const seen = await Promise.all(Array.from({ length: 10 }, () => store.load(owner)));
      await saved;
      for (const found of seen) expect(['missing', 'stored']).toContain(found.kind);
    }
  });

  it('loses none of the changes that one process makes at once', async () => {
    const owner = anOwner();
    const spaces = Array.from({ length: 20 }, (_, at) => aSpace(`s${at}.eth`));
    const append = async (space: (typeof spaces)[number]): Promise<void> => {
      for (;;) {
        const found = await store.load(owner);
        if (found.kind === 'unusable') throw new QuorumError('preferences', found.why);
        const overrides = { ...found.preferences.space_overrides, [space]: { approval: 'always' } } as const;
        try {
          await store.update(owner, 'space_overrides', overrides, { ifVersion: found.version });
          return;
        } catch (error) {
          if (!(error instanceof VersionConflictError)) throw error;
        }
      }
    };
    await Promise.all(spaces.map(append));
    const found = await store.load(owner);
    if (found.kind !== 'stored') throw new Error(found.kind);
    expect(Object.keys(found.preferences.space_overrides).toSorted()).toEqual(spaces.toSorted());
  });
});
