/** Four processes change the preferences of one owner at the same time: none of their changes is lost. */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { z } from 'zod';
import { UserPreferences } from '../src/preferences.ts';
import { storeOf, type Kind } from './preference-stores.ts';
import { proposer, VALUES, type Key } from './preferences-crowd.ts';
import { run } from './process.ts';
import { anOwner } from './samples.ts';

const CROWD = join(import.meta.dirname, 'preferences-crowd.ts');
const KEYS = ['confidence_threshold', 'instructions', 'whitelisted_proposers', 'space_overrides'] satisfies Key[];

type Place = { readonly dir: string; readonly url: string; readonly redis: Redis };

/** Lets each of four processes make as many updates, and looks at what became of every one of them. */
export async function crowdOf(kind: Kind, updates: number, { dir, url, redis }: Place): Promise<void> {
  /** Which value of the key these hold: 0, none of its values yet. */
  function numberOf(key: Key, preferences: UserPreferences): number {
    const held = JSON.stringify(preferences[key]);
    for (let n = updates; n > 0; n -= 1) if (JSON.stringify(VALUES[key](n)) === held) return n;
    return 0;
  }

  const owner = anOwner();
  const crowd = KEYS.map((key) => run(CROWD, [kind, dir, url, owner, key, String(updates)]));
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
  const found = await storeOf(kind, dir, redis).load(owner);
  if (found.kind !== 'stored') throw new Error(found.kind);
  for (const key of KEYS) expect(numberOf(key, found.preferences)).toBe(updates);
  const proposers = KEYS.flatMap((key) => Array.from({ length: updates }, (_, index) => proposer(key, index + 1)));
  expect(found.preferences.blacklisted_proposers.toSorted()).toEqual(proposers.toSorted());
}
