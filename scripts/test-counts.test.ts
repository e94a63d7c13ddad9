import { describe, expect, test } from 'vitest';
import { countTests, formatCounts } from './test-counts.ts';

const report = (...files: { status: string; tests: string[] }[]): string =>
  JSON.stringify({
    testResults: files.map(({ status, tests }) => ({
      status,
      assertionResults: tests.map((each) => ({ status: each })),
    })),
  });

describe('the summary of a test run', () => {
  test('counts tests by what became of them', () => {
    const text = report(
      { status: 'failed', tests: ['passed', 'failed', 'pending'] },
      { status: 'passed', tests: ['passed', 'todo'] },
    );
    expect(countTests(text, false)).toEqual({ passed: 2, failed: 1, skipped: 2 });
  });

  test('a file that does not load is a failure', () => {
    expect(countTests(report({ status: 'failed', tests: [] }), false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  test('a run that ended badly is never green, whatever its report says', () => {
    expect(countTests('', false).failed).toBe(1);
    expect(countTests(report({ status: 'passed', tests: ['passed'] }), false).failed).toBe(1);
  });

  test('skipped tests are named only where there are any', () => {
    expect(formatCounts({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(formatCounts({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });
});
