/**
 * `npm test`: the static gates, then the tests with coverage. The last line of stdout is `N passed, N failed` (with
 * `, N skipped` where there are any), in which each gate counts as one.
 *
 *     npm test                               everything but the long proofs
 *     npm test -- packages/snapshot          the tests there, nothing else
 *     npm run test:slow                      the long proofs: files that end in .slow.test.ts
 *     npm run test:slow -- packages/shared   those there
 *
 * It reads no `.env`: tests must not depend on what an operator set.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { ROOT } from './root.ts';
import { describeGates, runGates } from './gates.ts';
import { allSettings } from './schemas.ts';
import { countTests, formatCounts, type Counts } from './test-counts.ts';

const RESULTS = path.join(ROOT, '.data/test-results.json');

async function main(args: readonly string[]): Promise<number> {
  const slow = args.includes('--slow');
  const filters = args.filter((arg) => arg !== '--slow');
  const gates: Counts = { passed: 0, failed: 0, skipped: 0 };
  if (filters.length === 0 && !slow) {
    const results = await runGates();
    process.stdout.write(`${describeGates(results)}\n`);
    for (const { passed } of results) gates[passed ? 'passed' : 'failed'] += 1;
  }
  const tests = await runVitest(filters, slow);
  const total = {
    passed: gates.passed + tests.passed,
    failed: gates.failed + tests.failed,
    skipped: gates.skipped + tests.skipped,
  };
  process.stdout.write(`${formatCounts(total)}\n`);
  return total.failed === 0 ? 0 : 1;
}

async function runVitest(filters: readonly string[], slow: boolean): Promise<Counts> {
  await mkdir(path.dirname(RESULTS), { recursive: true });
  await rm(RESULTS, { force: true });
  const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const coverage = filters.length === 0 && !slow ? ['--coverage'] : [];
  // What an operator's shell may have set, and a test must not see.
  const settings = new Set(allSettings().map(({ name }) => name));
  const seen = Object.entries(process.env).filter(([name]) => !settings.has(name) && !name.startsWith('QUORUM_'));
  const env = { ...Object.fromEntries(seen), TEST_SET: slow ? 'slow' : 'usual' };
  const child = spawn(process.execPath, [vitest, 'run', ...coverage, ...reporters, ...filters], {
    cwd: ROOT,
    // Vitest colours a pipe too, and a log shall get plain lines.
    env: process.stdout.isTTY ? env : { ...env, NO_COLOR: '1' },
    stdio: 'inherit',
  });
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'close');
  return countTests(await readFile(RESULTS, 'utf8').catch(() => ''), code === 0);
}

process.exitCode = await main(process.argv.slice(2));
