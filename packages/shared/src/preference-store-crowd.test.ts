/** Four processes change the preferences of one owner at the same time: none of their changes is lost. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { KINDS, storeOf, useFolder } from '../test/preference-stores.ts';
import { proposer, VALUES, type Key } from '../test/preferences-crowd.ts';
import { run } from '../test/process.ts';
import { anOwner } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { UserPreferences } from './preferences.ts';

const CROWD = join(import.meta.dirname, '../test/preferences-crowd.ts');
const UPDATES = 50;
const MINUTE_MS = 60_000;
const KEYS = ['confidence_threshold', 'instructions', 'whitelisted_proposers', 'space_overrides'] satisfies Key[];

const { server, redis } = useRedis();
const dir = useFolder();

/** Which value of the key these hold: 0, none of its values yet. */
function numberOf(key: Key, preferences: UserPreferences): number {
  const held = JSON.stringify(preferences[key]);
  for (let n = UPDATES; n > 0; n -= 1) if (JSON.stringify(VALUES[key](n)) === held) return n;
  return 0;
}

describe.each(KINDS)('200 updates at once of 4 processes, on %s', (kind) => {
  it('are all made, and nobody undoes what another did', { timeout: 10 * MINUTE_MS }, async () => {
    const owner = anOwner();
    const crowd = KEYS.map((key) => run(CROWD, [kind, dir(), server().url, owner, key, String(UPDATES)]));
    const ends = await Promise.all(crowd.map((one) => one.ended));
    expect(ends.map(({ code, errors }) => ({ code, errors }))).toEqual(KEYS.map(() => ({ code: 0, errors: '' })));

    for (const [at, key] of KEYS.entries()) {
      const got = z.array(UserPreferences).parse(JSON.parse(ends[at]?.lines.join('') ?? ''));
      // Its own values, in the order in which it asked.
      expect(got.map((preferences) => numberOf(key, preferences))).toEqual(got.map((_, index) => index + 1));
      // Those of the others only ever grow: an update lost would be one that goes back.
      for (const other of KEYS) {
        const seen = got.map((preferences) => numberOf(other, preferences));
        expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      }
    }
    const found = await storeOf(kind, dir(), redis()).load(owner);
    if (found.kind !== 'stored') throw new Error(found.kind);
    for (const key of KEYS) expect(numberOf(key, found.preferences)).toBe(UPDATES);
    const proposers = KEYS.flatMap((key) => Array.from({ length: UPDATES }, (_, index) => proposer(key, index + 1)));
    expect(found.preferences.blacklisted_proposers.toSorted()).toEqual(proposers.toSorted());
  });
});
