/**
 * From vitest's JSON report to `N passed, N failed`, and to the names of what failed. A failure that is no test's (a file that does
 * not load) counts too.
 */
import path from 'node:path';
import { z } from 'zod';
import { ROOT } from './root.ts';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
});

type FileResult = z.infer<typeof Report>['testResults'][number];

/**
 * @param report the JSON text, '' if there is none.
 * @param green whether vitest ended with exit code 0; if it did not, at least one failure is counted.
 */
export function countTests(report: string, green: boolean): Counts {
  return count(filesOf(report), green);
}

/**
 * A line for each failure, `FAILED file: test`: long after a failure was printed among thousands of lines, the end of the output
 * names it once more.
 *
 * @param reports of the run, and of the second run of its failed files if there was one.
 * @param gates the names of the gates that do not hold.
 */
export function formatFailures(reports: readonly string[], gates: readonly string[]): string[] {
  const [first = [], again = []] = reports.map(filesOf);
  const tests = standing(first, again).flatMap(({ name, status, assertionResults }) => {
    const file = path.relative(ROOT, name);
    const failed = assertionResults.filter((each) => each.status === 'failed').map((each) => `: ${each.fullName}`);
    return (status === 'failed' && failed.length === 0 ? [' does not load'] : failed).map((what) => `${file}${what}`);
  });
  return [...gates.map((name) => `the gate "${name}"`), ...tests].map((what) => `FAILED ${what}`);
}

/** The files with a failure in them, each an absolute path. */
export function failedFiles(report: string): string[] {
  return filesOf(report).flatMap(({ name, status }) => (status === 'failed' ? [name] : []));
}

/**
 * Counts a run whose failed files were run once more: what the second run says of a file stands.
 *
 * @param green whether the second run ended with exit code 0.
 */
export function countBoth(first: string, second: string, green: boolean): Counts {
  return count(standing(filesOf(first), filesOf(second)), green);
}

/** Of a file that was run again, what the second run says. */
function standing(first: readonly FileResult[], again: readonly FileResult[]): FileResult[] {
  const names = new Set(again.map(({ name }) => name));
  return [...first.filter(({ name }) => !names.has(name)), ...again];
}

function filesOf(report: string): FileResult[] {
  return report === '' ? [] : Report.parse(JSON.parse(report)).testResults;
}

function count(files: readonly FileResult[], green: boolean): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const statuses = file.assertionResults.map(({ status }) => status);
    for (const status of statuses) {
      if (status === 'passed') counts.passed += 1;
      else if (status === 'failed') counts.failed += 1;
      else counts.skipped += 1;
    }
    if (file.status === 'failed' && !statuses.includes('failed')) counts.failed += 1;
  }
  if (!green && counts.failed === 0) counts.failed = 1;
  return counts;
}

export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
