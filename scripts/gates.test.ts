import { describe, expect, test } from 'vitest';
import { boundaryProblems, describeGates } from './gates.ts';

const RULES = [{ name: 'no-service-imports-another', comment: 'Services talk through queues.' }];
const breach = { from: 'services/a/src/x.ts', to: 'services/b/src/y.ts', rule: { name: RULES[0]?.name ?? '' } };

const cruised = (sources: readonly string[], violations = [breach]) => ({
  modules: sources.map((source) => ({ source })),
  summary: { violations },
});

describe('the boundaries', () => {
  const sources = ['services/a/src/x.ts', 'services/b/src/y.ts'];
  const broken = cruised(sources);

  test('hold where every source file was read, no rule is broken, and each would be noticed', () => {
    const tree = cruised([...sources, 'scripts/start.ts'], []);
    expect(boundaryProblems({ tree, broken, sources, rules: RULES })).toEqual([]);
  });

  test('prove nothing where a source file was not read, however many others were', () => {
    const tree = cruised(['services/a/src/x.ts', 'services/a/test/help.ts', 'services/b/src/y.test.ts'], []);
    const [problem, ...more] = boundaryProblems({ tree, broken, sources, rules: RULES });
    expect(problem).toMatch(/^services\/b\/src\/y\.ts was not read/);
    expect(more).toEqual([]);
    expect(boundaryProblems({ tree: cruised([], []), broken, sources, rules: RULES })).toHaveLength(2);
  });

  test('name a rule that would notice nothing', () => {
    const dead = cruised(sources, []);
    expect(boundaryProblems({ tree: dead, broken: dead, sources, rules: RULES })).toEqual([
      expect.stringContaining('no-service-imports-another is dead'),
    ]);
  });

  test('say what was broken, and why it is a rule', () => {
    expect(boundaryProblems({ tree: cruised(sources), broken, sources, rules: RULES })).toEqual([
      'services/a/src/x.ts → services/b/src/y.ts: no-service-imports-another. Services talk through queues.',
    ]);
  });
});

test('a gate that nobody could try says so, and why', () => {
  const skipped = {
    name: 'advisories',
    passed: true,
    skipped: true,
    output: 'nobody answers',
    remedy: 'none',
    seconds: 1,
  };
  expect(describeGates([skipped])).toBe('– advisories: skipped: nobody answers');
});

test('a gate that does not hold shows what was found and what mends it', () => {
  const told = describeGates([
    { name: 'types', passed: true, output: '', remedy: 'none', seconds: 1.26 },
    { name: 'format', passed: false, output: 'a.ts\nb.ts\n', remedy: 'npm run format', seconds: 1 },
  ]);
  expect(told).toBe('✓ types (1.3 s)\n✗ format\n  │ a.ts\n  │ b.ts\n  → npm run format');
});
