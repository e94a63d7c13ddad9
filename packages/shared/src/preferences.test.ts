import { Wallet } from 'ethers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anySpacePreferences } from '../test/arbitraries.ts';
import { anAddress, anyAddress, aSpace, preferences } from '../test/samples.ts';
import {
  inSpace,
  preferencesVersion,
  proposerRefused,
  type SpacePreferences,
  stricter,
  UserPreferences,
} from './preferences.ts';

/** A file as the first version of Quorum wrote it. */
const SEED = {
  voting_strategy: 'conservative',
  confidence_threshold: 0.8,
  max_proposals_per_run: 5,
  blacklisted_proposers: [],
  whitelisted_proposers: [],
};

describe('the preferences of an owner', () => {
  it('have the defaults of the seed', () => {
    expect(UserPreferences.parse({})).toEqual({
      voting_strategy: 'balanced',
      confidence_threshold: 0.7,
      max_proposals_per_run: 3,
      blacklisted_proposers: [],
      whitelisted_proposers: [],
      approval: 'never',
      publish_reason: 'template',
      revise_votes: false,
      space_overrides: {},
    });
  });

  it('with only the five fields of the seed are valid and ask for no approval', () => {
    expect(UserPreferences.parse(SEED)).toMatchObject({ ...SEED, approval: 'never' });
  });

  it.for([
    ['confidence_threshold', 0, true],
    ['confidence_threshold', 1, true],
    ['confidence_threshold', -0.01, false],
    ['confidence_threshold', 1.01, false],
    ['confidence_threshold', '0.7', false],
    ['max_proposals_per_run', 1, true],
    ['max_proposals_per_run', 10, true],
    ['max_proposals_per_run', 0, false],
    ['max_proposals_per_run', 11, false],
    ['max_proposals_per_run', 2.5, false],
    ['voting_strategy', 'aggressive', true],
    ['voting_strategy', 'reckless', false],
    ['approval', 'when_unsure', true],
    ['approval', 'sometimes', false],
    ['instructions', 'x'.repeat(8_000), true],
    ['instructions', 'x'.repeat(8_001), false],
    ['blacklisted_proposers', ['0x1234'], false],
    ['blacklisted_proposers', null, false],
  ] as const)('%s may be %j: %s', ([field, value, fits]) => {
    const parsed = UserPreferences.safeParse({ ...SEED, [field]: value });
    expect(parsed.success).toBe(fits);
    if (!fits) expect(parsed.error?.issues[0]?.path[0]).toBe(field);
  });

  it('name a field that is misspelt, also within a space', () => {
    expect(UserPreferences.safeParse({ confidence_treshold: 0.9 }).error?.message).toContain('confidence_treshold');
    const within = UserPreferences.safeParse({ space_overrides: { 'harbour.eth': { max_proposals_per_run: 5 } } });
    expect(within.error?.message).toContain('max_proposals_per_run');
  });

  it('take an address in any case and keep it checksummed', () => {
    const { address } = Wallet.createRandom();
    const given = [address, address.toLowerCase(), `0x${address.slice(2).toUpperCase()}`];
    expect(UserPreferences.parse({ blacklisted_proposers: given }).blacklisted_proposers).toEqual([
      address,
      address,
      address,
    ]);
  });

  it('refuse an address whose checksum is wrong', () => {
    const address = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
    const wrong = address.replace('70997970C', '70997970c');
    expect(UserPreferences.safeParse({ whitelisted_proposers: [wrong] }).success).toBe(false);
  });
});

describe('in a space', () => {
  const here = aSpace();
  const general = preferences({ confidence_threshold: 0.6, approval: 'never' });

  it('its own preferences win, and the rest is general', () => {
    const own = { ...general, space_overrides: { [here]: { approval: 'always', confidence_threshold: 0.9 } } } as const;
    expect(inSpace(own, here)).toEqual({
      ...inSpace(general, here),
      approval: 'always',
      confidence_threshold: 0.9,
    });
    expect(inSpace(own, aSpace('other.eth'))).toEqual(inSpace(general, here));
  });

  it('an override that says nothing changes nothing', () => {
    expect(inSpace({ ...general, space_overrides: { [here]: { approval: undefined } } }, here)).toEqual(
      inSpace(general, here),
    );
  });

  it('the overrides of other spaces are not told', () => {
    expect(inSpace(general, here)).not.toHaveProperty('space_overrides');
  });

  it.for(['constructor', 'tostring', 'valueof'])('a space named %s has no overrides by accident', (name) => {
    expect(inSpace(general, aSpace(name))).toEqual(inSpace(general, here));
  });
});

describe('the stricter of two', () => {
  const asked = (one: SpacePreferences): number => ['never', 'when_unsure', 'always'].indexOf(one.approval);

  const published = (one: SpacePreferences): number => ['none', 'template', 'full'].indexOf(one.publish_reason);

  it('is never laxer than either', () => {
    // Few addresses, so that the lists often meet.
    const few = [anAddress(), anAddress(), anAddress()];
    const lists = fc.record({
      blacklisted_proposers: fc.subarray(few),
      whitelisted_proposers: fc.subarray(few),
    });
    const same = { instructions: 'Grow the harbour.', voting_strategy: 'balanced' } as const;
    const any = fc.tuple(anySpacePreferences, lists).map(([one, own]) => ({ ...one, ...own, ...same }));
    fc.assert(
      fc.property(any, any, (pinned, current) => {
        const both = stricter(pinned, current);
        if (both.changed) throw new Error('nothing that the model was told differs');
        for (const either of [pinned, current]) {
          expect(both.preferences.confidence_threshold).toBeGreaterThanOrEqual(either.confidence_threshold);
          expect(asked(both.preferences)).toBeGreaterThanOrEqual(asked(either));
          expect(published(both.preferences)).toBeLessThanOrEqual(published(either));
          if (!either.revise_votes) expect(both.preferences.revise_votes).toBe(false);
          for (const author of few) {
            if (proposerRefused(author, either) !== null) {
              expect(proposerRefused(author, both.preferences)).not.toBeNull();
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is no stricter than it must be: who passes both lists passes', () => {
    const few = [anAddress(), anAddress(), anAddress()];
    const lists = fc.record({
      blacklisted_proposers: fc.subarray(few),
      whitelisted_proposers: fc.subarray(few),
    });
    fc.assert(
      fc.property(lists, lists, fc.constantFrom(...few), (one, other, author) => {
        const both = stricter(preferences(one), preferences(other));
        if (both.changed) throw new Error('nothing that the model was told differs');
        const passes = proposerRefused(author, one) === null && proposerRefused(author, other) === null;
        expect(proposerRefused(author, both.preferences) === null).toBe(passes);
      }),
      { numRuns: 300 },
    );
  });

  it('of one and the same is that one', () => {
    fc.assert(
      fc.property(anySpacePreferences, (one) => {
        const unique = { ...one, blacklisted_proposers: [...new Set(one.blacklisted_proposers)] };
        expect(stricter(unique, unique)).toEqual({ changed: false, preferences: unique });
      }),
    );
  });

  it.for([{ instructions: 'Shrink the harbour.' }, { voting_strategy: 'aggressive' as const }])(
    'is out of date after %j',
    (change) => {
      expect(stricter(preferences(), preferences(change))).toEqual({ changed: true });
    },
  );
});

describe('a proposer', () => {
  const author = anAddress();
  const other = anAddress();

  it.for([
    ['is voted on where there is no list', [], [], null],
    ['on the blacklist is refused', [author], [], 'blacklisted'],
    ['on both lists is refused: the blacklist wins', [author], [author], 'blacklisted'],
    ['on the whitelist passes', [other], [author], null],
    ['off a whitelist is refused', [], [other], 'not_whitelisted'],
  ] as const)('%s', ([, blacklist, whitelist, refused]) => {
    const lists = { blacklisted_proposers: [...blacklist], whitelisted_proposers: [...whitelist] };
    expect(proposerRefused(author, lists)).toBe(refused);
  });

  it('is found on a list whatever the case that either was written in', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const stored = UserPreferences.parse({ blacklisted_proposers: [address.toLowerCase()] });
        expect(proposerRefused(address, stored)).toBe('blacklisted');
      }),
    );
  });
});

describe('the version', () => {
  it('does not depend on the order of keys', () => {
    const one = preferences({ instructions: 'Grow.', approval: 'always' });
    const turned = Object.fromEntries(Object.entries(one).toReversed());
    expect(preferencesVersion(UserPreferences.parse(turned))).toBe(preferencesVersion(one));
    expect(preferencesVersion(UserPreferences.parse(JSON.parse(JSON.stringify(turned))))).toBe(preferencesVersion(one));
  });

  it('changes with any change', () => {
    const base = preferences();
    const changes: Partial<UserPreferences>[] = [
      { voting_strategy: 'aggressive' },
      { confidence_threshold: 0.71 },
      { max_proposals_per_run: 4 },
      { blacklisted_proposers: [anAddress()] },
      { whitelisted_proposers: [anAddress()] },
      { instructions: '' },
      { approval: 'always' },
      { publish_reason: 'none' },
      { revise_votes: true },
      { space_overrides: { [aSpace()]: {} } },
      { space_overrides: { [aSpace()]: { approval: 'never' } } },
    ];
    const versions = [base, ...changes.map((change) => ({ ...base, ...change }))].map(preferencesVersion);
    expect(new Set(versions).size).toBe(versions.length);
  });
});
