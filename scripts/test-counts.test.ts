import { describe, expect, test } from 'vitest';
import { countBoth, countTests, failedFiles, formatCounts } from './test-counts.ts';

const report = (...files: { status: string; tests: string[] }[]): string =>
  JSON.stringify({
    testResults: files.map(({ status, tests }, at) => ({
      name: `/${tests.length === 0 ? 'empty' : String(at)}.test.ts`,
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

  test('of a file that was run again the second run counts', () => {
    const first = report({ status: 'failed', tests: ['failed', 'passed'] }, { status: 'passed', tests: ['passed'] });
    expect(failedFiles(first)).toEqual(['/0.test.ts']);
    const good = report({ status: 'passed', tests: ['passed', 'passed'] });
    expect(countBoth(first, good, true)).toEqual({ passed: 3, failed: 0, skipped: 0 });
    expect(countBoth(first, report({ status: 'failed', tests: ['passed', 'failed'] }), false).failed).toBe(1);
    // The second run never got as far as a report.
    expect(countBoth(first, '', false).failed).toBe(1);
    expect(failedFiles('')).toEqual([]);
  });

  test('skipped tests are named only where there are any', () => {
    expect(formatCounts({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(formatCounts({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });
});
