/**
 * `npm run test:mutation` on some lines of each file that it knows: of the mistakes made there the tests notice at least 80 of 100.
 * On one tree it draws the same lines each time, so that what fails once is no chance.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { MUTATED } from './mutated.ts';
import { ROOT } from './root.ts';

/** Of each file. Enough that one mistake that goes unnoticed does not decide. */
const LINES = 8;
const AT_LEAST_MUTANTS = 60;
const SEED = 5;
const LIMIT_MS = 40 * 60 * 1_000;

/** Runs the command as it would be by hand, but with this environment as well. */
function mutate(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const all = [path.join(ROOT, 'scripts/mutation.ts'), ...args];
    const child = execFile(
      process.execPath,
      all,
      { cwd: ROOT, env: { PATH: process.env['PATH'], ...env }, maxBuffer: 2 ** 26 },
      (_error, out, err) => resolve({ code: child.exitCode, out: `${out}${err}` }),
    );
  });
}

describe('the tests', () => {
  test(
    'notice four of five mistakes in lines drawn from each module',
    async () => {
      const { code, out } = await mutate(['--lines', String(LINES), '--seed', String(SEED)]);
      const verdict = out.slice(out.lastIndexOf('Mutants noticed'));
      process.stdout.write(verdict);
      // Where it does not hold, the mistakes that nobody noticed are in what it printed.
      expect(code, out).toBe(0);
      expect(verdict).toContain(`--seed ${SEED}`);
      expect(verdict).toContain(`✓ ${Object.keys(MUTATED).join(', ')}: `);
      const [, judged] = /\(\d+ of (\d+)/.exec(verdict) ?? [];
      expect(Number(judged)).toBeGreaterThanOrEqual(AT_LEAST_MUTANTS);
    },
    LIMIT_MS,
  );

  test(
    'that fail as they are judge nothing, and that is a failure',
    async () => {
      const { code, out } = await mutate(['filter', '--lines', '1'], { FAST_CHECK_SEED: 'none' });
      expect(code).toBe(1);
      expect(out).toMatch(/^✗ .*\n0 passed, 1 failed\n$/m);
    },
    LIMIT_MS,
  );
});
