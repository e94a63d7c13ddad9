import { fc, test as property } from '@fast-check/vitest';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { MUTATED, mutatedModules } from './mutated.ts';
import { describeScore, drawLines, holds, scoresOf, together } from './mutation-score.ts';
import { ROOT } from './root.ts';

const MODULES = [
  ['first', { files: ['a.ts', 'b.ts'], tests: [] }],
  ['second', { files: ['c.ts'], tests: [] }],
] as const;
const mutants = (file: string, ...statuses: string[]) => statuses.map((status) => ({ file, status }));

describe('the score of a module', () => {
  test('is the share of its mutants that was noticed, of those that could be judged', () => {
    const all = [
      ...mutants('a.ts', 'Killed', 'Timeout', 'Survived', 'CompileError', 'RuntimeError', 'Ignored'),
      ...mutants('b.ts', 'Killed', 'NoCoverage'),
      ...mutants('c.ts', 'Killed'),
      ...mutants('of-nobody.ts', 'Survived'),
    ];
    const scores = scoresOf(all, MODULES);
    expect(scores).toEqual([
      { module: 'first', noticed: 3, timedOut: 1, judged: 5 },
      { module: 'second', noticed: 1, timedOut: 0, judged: 1 },
    ]);
    expect(together(scores)).toEqual({ module: 'first, second', noticed: 4, timedOut: 1, judged: 6 });
    expect(scores.map(describeScore)).toEqual(['first: 60 % (3 of 5, 1 by the time limit)', 'second: 100 % (1 of 1)']);
  });

  test.each([
    [80, 0, 100, true],
    [79, 0, 100, false],
    [4, 0, 5, true],
    [0, 0, 0, false],
    [100, 50, 100, true],
    [100, 51, 100, false],
  ])('%i, %i of them late, of %i is enough for 80 %%: %s', (noticed, timedOut, judged, enough) => {
    expect(holds({ module: 'any', noticed, timedOut, judged }, 80)).toBe(enough);
  });

  test('is never said to be more than it is', () => {
    expect(describeScore({ module: 'any', noticed: 999, timedOut: 0, judged: 1000 })).toBe('any: 99 % (999 of 1000)');
    expect(describeScore({ module: 'any', noticed: 0, timedOut: 0, judged: 0 })).toBe('any: no mutant');
  });
});

describe('drawn lines', () => {
  const TEXT = [
    "import a from 'a';",
    '/** Why. */',
    ' * More.',
    '',
    'const one = 1;',
    '}',
    '  // note',
    'two();',
    'three();',
    '});',
  ];

  property.prop([fc.integer(), fc.nat({ max: 5 })])(
    'are lines with code, the same for the same seed',
    (seed, count) => {
      const drawn = drawLines('a.ts', TEXT.join('\n'), count, seed);
      expect(drawn).toEqual(drawLines('a.ts', TEXT.join('\n'), count, seed));
      expect(drawn).toHaveLength(Math.min(count, 3));
      expect([5, 8, 9]).toEqual(expect.arrayContaining(drawn));
      expect(drawn).toEqual([...new Set(drawn)].toSorted((a, b) => a - b));
    },
  );

  test('differ from seed to seed, and each is drawn by some', () => {
    const drawn = Array.from({ length: 50 }, (_, seed) => drawLines('a.ts', TEXT.join('\n'), 1, seed)[0]);
    expect(new Set(drawn)).toEqual(new Set([5, 8, 9]));
  });
});

describe('the modules', () => {
  test('are there, with their tests', async () => {
    const files = Object.values(MUTATED).flatMap(({ files: sources, tests }) => [...sources, ...tests]);
    for (const file of files) expect((await readFile(path.join(ROOT, file), 'utf8')).length, file).toBeGreaterThan(0);
  });

  test('are found by name, all of them by none', () => {
    expect(mutatedModules('').map(([name]) => name)).toEqual(Object.keys(MUTATED));
    expect(mutatedModules('guard,ballots')).toEqual([
      ['guard', MUTATED.guard],
      ['ballots', MUTATED.ballots],
    ]);
    expect(() => mutatedModules('guards')).toThrow('There is no module "guards": ballots, policy');
  });
});
