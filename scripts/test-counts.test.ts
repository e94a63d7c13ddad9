import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { countBoth, countTests, failedFiles, formatCounts, formatFailures } from './test-counts.ts';
import { ROOT } from './root.ts';

const report = (...files: { status: string; tests: string[] }[]): string =>
  JSON.stringify({
    testResults: files.map(({ status, tests }, at) => ({
      name: path.join(ROOT, `${tests.length === 0 ? 'empty' : String(at)}.test.ts`),
      status,
      assertionResults: tests.map((each, nth) => ({ status: each, fullName: `test ${nth}` })),
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
    expect(failedFiles(first)).toEqual([path.join(ROOT, '0.test.ts')]);
    const good = report({ status: 'passed', tests: ['passed', 'passed'] });
    expect(countBoth(first, good, true)).toEqual({ passed: 3, failed: 0, skipped: 0 });
    expect(countBoth(first, report({ status: 'failed', tests: ['passed', 'failed'] }), false).failed).toBe(1);
    // The second run never got as far as a report.
    expect(countBoth(first, '', false).failed).toBe(1);
    expect(failedFiles('')).toEqual([]);
  });

  test('what failed is named: gates, tests, files that do not load', () => {
    const first = report(
      { status: 'failed', tests: ['passed', 'failed', 'failed'] },
      { status: 'passed', tests: ['passed'] },
      { status: 'failed', tests: [] },
    );
    expect(formatFailures([first], ['format'])).toEqual([
      'FAILED the gate "format"',
      'FAILED 0.test.ts: test 1',
      'FAILED 0.test.ts: test 2',
      'FAILED empty.test.ts does not load',
    ]);
    // What passed in the second run failed no more.
    const second = report({ status: 'passed', tests: ['passed', 'passed', 'passed'] });
    expect(formatFailures([first, second], [])).toEqual(['FAILED empty.test.ts does not load']);
    expect(formatFailures([''], [])).toEqual([]);
  });

  test('skipped tests are named only where there are any', () => {
    expect(formatCounts({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(formatCounts({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });
});
