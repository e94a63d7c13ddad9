import { expect, test } from 'vitest';
import { anAddress, anOwner, aSpace } from '../../../packages/shared/test/samples.ts';
import { aliasWords } from './alias-words.ts';

const NOW_MS = Date.UTC(2026, 10, 20, 12);
const DAY_S = 24 * 60 * 60;
const owner = anOwner();
const floor = { voter: anAddress(), allowed_spaces: [aSpace()] };
const alias = anAddress();
const wordsAt = (leftS: number | null) => {
  const end = leftS === null ? null : NOW_MS / 1_000 + leftS;
  return aliasWords({ ...floor, kind: 'alias', alias, alias_expires_at: end }, owner, NOW_MS);
};

test('an alias that ran out is said to have, with what to do', () => {
  for (const leftS of [0, -1, -40 * DAY_S]) {
    expect(wordsAt(leftS)).toEqual([
      expect.stringMatching(/ran out on .*, so no vote can be signed\. .*keys -- alias/),
    ]);
  }
});

test('one that is about to is told a week before, with its day', () => {
  expect(wordsAt(7 * DAY_S - 1)).toEqual([expect.stringContaining('runs out on 2026-11-27')]);
  expect(wordsAt(1)).toEqual([expect.stringContaining(`--owner ${owner}`)]);
});

test('nothing is said of one with time left, of one whose end is not known, and of a key of one’s own', () => {
  expect([wordsAt(7 * DAY_S), wordsAt(null), aliasWords({ ...floor, kind: 'own_key' }, owner, NOW_MS)]).toEqual([
    [],
    [],
    [],
  ]);
});
