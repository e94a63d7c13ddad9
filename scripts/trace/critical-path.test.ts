/** The chain that the end of a run waited for, and the laws of it. */
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { criticalPath, type Leaf } from './critical-path.ts';

const leaf = (proposal_id: string | null, begin: number, end: number): Leaf => ({ proposal_id, begin, end });

const anyLeaf: fc.Arbitrary<Leaf> = fc
  .record({
    proposal_id: fc.constantFrom(null, 'a', 'b', 'c'),
    begin: fc.integer({ min: 0, max: 60 }),
    took: fc.integer({ min: 0, max: 30 }),
  })
  .map(({ proposal_id, begin, took }) => ({ proposal_id, begin, end: begin + took }));
const leaves = fc.array(anyLeaf, { maxLength: 40 });

const mayFollow = (before: Leaf, after: Leaf): boolean =>
  before.proposal_id === null || after.proposal_id === null || before.proposal_id === after.proposal_id;

describe('the laws of the path', () => {
  test.prop([leaves])(
    'it is a chain: each step begins after the one before ended, and could have waited for it',
    (all) => {
      const path = criticalPath(all);
      for (const [at, step] of path.entries()) {
        const before = path[at - 1];
        if (before === undefined) continue;
        expect(before.end).toBeLessThanOrEqual(step.begin);
        expect(mayFollow(before, step)).toBe(true);
      }
    },
  );

  test.prop([leaves])('it takes no longer than the run did', (all) => {
    const wall = Math.max(0, ...all.map(({ end }) => end)) - Math.min(...all.map(({ begin }) => begin), 0);
    expect(criticalPath(all).reduce((sum, { begin, end }) => sum + end - begin, 0)).toBeLessThanOrEqual(wall);
  });

  test.prop([leaves])(
    'it ends with the last of all, and nothing ended in between that a step could have waited for',
    (all) => {
      const path = criticalPath(all);
      const timed = all.filter(({ begin, end }) => end > begin);
      expect(path.at(-1)?.end).toBe(timed.length === 0 ? undefined : Math.max(...timed.map(({ end }) => end)));
      for (const [at, step] of path.entries()) {
        const since = path[at - 1]?.end ?? -Infinity;
        const missed = timed.filter((one) => mayFollow(one, step) && one.end > since && one.end <= step.begin);
        expect(missed).toEqual([]);
      }
    },
  );
});

test('of several proposals it goes through the one that took longest, and through none of the others', () => {
  const fetch = leaf(null, 0, 10);
  const [ask, vote] = [leaf('slow', 12, 90), leaf('slow', 91, 95)];
  const close = leaf(null, 96, 100);
  const others = [leaf('quick', 12, 89), leaf('quick', 89, 91)];
  expect(criticalPath([...others, close, vote, ask, fetch])).toEqual([fetch, ask, vote, close]);
});

test('of calls side by side the longest is on it; of those that follow each other all', () => {
  const side = [leaf('a', 0, 50), leaf('a', 0, 80), leaf('a', 0, 20)];
  expect(criticalPath(side)).toEqual([side[1]]);
  const [reader, judge] = [leaf('a', 0, 50), leaf('a', 50, 85)];
  expect(criticalPath([...side, reader, judge])).toEqual([reader, judge]);
});

test('of nothing it is nothing', () => {
  expect(criticalPath([])).toEqual([]);
  expect(criticalPath([leaf(null, 3, 3)])).toEqual([]);
});
