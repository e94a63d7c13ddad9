/**
 * `npm test`: the static gates, then the tests with coverage. The last line of stdout is `N passed, N failed` (with
 * `, N skipped` where there are any), in which each gate counts as one; before it stands a line `FAILED …` for each that failed.
 *
 *     npm test                               everything but the long proofs
 *     npm test -- packages/snapshot          the tests there, nothing else
 *     npm run test:slow                      the long proofs: files that end in .slow.test.ts
 *     npm run test:slow -- packages/shared   those there
 *     npm run test:containers                what wants a container engine: files that end in .containers.test.ts, and a few others
 *                                            with Redis in a container. Without an engine it says so, and counts one as skipped
 *     npm run test:testnet                   one run on Snapshot's test network: docs/operations/testnet.md
 *
 * Redis in the tests is a container where an engine is reachable, else a process of its own (`test/redis.ts`); TEST_REDIS=process or
 * =container decides it by hand.
 *
 * It reads no `.env`: tests must not depend on what an operator set.
 *
 * With CI=true the files that failed, if they are few, are run once more by themselves, and the second run counts: whoever waits
 * for CI waits long, and one test in thousands may meet a busy machine. What passed only then is named: it is a fault to mend.
 *
 * Properties draw from one seed, which is printed: FAST_CHECK_SEED=N npm test … draws the same again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { findEngine, type Engine } from './container-engine.ts';
import { ROOT } from './root.ts';
import { describeGates, runGates } from './gates.ts';
import { propertySeed } from './property-seed.ts';
import { allSettings } from './schemas.ts';
import { countBoth, countTests, failedFiles, formatCounts, formatFailures, type Counts } from './test-counts.ts';

/** More failed files than these are no accident. */
const RUN_AGAIN_AT_MOST = 3;
const RESULTS = path.join(ROOT, '.data/test-results.json');

type TestSet = 'usual' | 'slow' | 'containers' | 'testnet';
type Chosen = {
  readonly set: TestSet;
  readonly filters: readonly string[];
  readonly redis: 'process' | 'container';
  readonly seed: number;
};

async function main(args: readonly string[]): Promise<number> {
  const set = args.includes('--slow')
    ? 'slow'
    : args.includes('--containers')
      ? 'containers'
      : args.includes('--testnet')
        ? 'testnet'
        : 'usual';
  const filters = args.filter((arg) => arg !== '--slow' && arg !== '--containers' && arg !== '--testnet');
  const seed = propertySeed(process.env);
  const engine = await findEngine(process.env);
  if (set === 'containers' && engine.kind === 'none') {
    process.stdout.write(`No container engine: ${engine.why}. Nothing was tried in containers.\n`);
    process.stdout.write(`${formatCounts({ passed: 0, failed: 0, skipped: 1 })}\n`);
    return 0;
  }
  const chosen = { set, filters, redis: set === 'containers' ? 'container' : await redisFor(engine), seed } as const;
  const gates: Counts = { passed: 0, failed: 0, skipped: 0 };
  const broken: string[] = [];
  if (filters.length === 0 && set === 'usual') {
    const results = await runGates();
    process.stdout.write(`${describeGates(results)}\n`);
    for (const { name, passed, skipped } of results) {
      gates[skipped === true ? 'skipped' : passed ? 'passed' : 'failed'] += 1;
      if (!passed) broken.push(name);
    }
  }
  const { counts: tests, reports } = await runTests(chosen);
  process.stdout.write(
    `Properties drew from FAST_CHECK_SEED=${seed}; with it in the environment they draw the same again.\n`,
  );
  const total = {
    passed: gates.passed + tests.passed,
    failed: gates.failed + tests.failed,
    skipped: gates.skipped + tests.skipped,
  };
  for (const line of formatFailures(reports, broken)) process.stdout.write(`${line}\n`);
  process.stdout.write(`${formatCounts(total)}\n`);
  return total.failed === 0 ? 0 : 1;
}

/** An engine that cannot start a Redis, having no image and no way to one, is none to the tests of the other sets. */
async function redisFor(engine: Engine): Promise<Chosen['redis']> {
  const asked = process.env['TEST_REDIS'];
  if (asked === 'process' || asked === 'container') return asked;
  if (engine.kind === 'none') return 'process';
  try {
    const { startRedisContainer } = await import('../test/redis-container.ts');
    const redis = await startRedisContainer();
    await redis.stop();
    process.stdout.write('Redis in the tests: a container\n');
    return 'container';
  } catch (error) {
    process.stdout.write(`Redis in the tests: a process, as no container of it starts: ${String(error)}\n`);
    return 'process';
  }
}

async function runTests(chosen: Chosen): Promise<{ counts: Counts; reports: readonly string[] }> {
  const first = await runVitest(chosen);
  const files = first.green ? [] : failedFiles(first.report);
  if (process.env['CI'] !== 'true' || files.length === 0 || files.length > RUN_AGAIN_AT_MOST) {
    return { counts: countTests(first.report, first.green), reports: [first.report] };
  }
  const names = files.map((file) => path.relative(ROOT, file)).join(', ');
  process.stdout.write(`Once more, by themselves: ${names}\n`);
  const second = await runVitest({ ...chosen, filters: files });
  if (second.green) process.stdout.write(`Failed at first and passed by themselves, which is to be mended: ${names}\n`);
  return {
    counts: countBoth(first.report, second.report, second.green),
    reports: [first.report, second.report],
  };
}

/** @returns vitest's JSON report, '' if there is none, and whether it ended with exit code 0. */
async function runVitest({ set, filters, redis, seed }: Chosen): Promise<{ report: string; green: boolean }> {
  await mkdir(path.dirname(RESULTS), { recursive: true });
  await rm(RESULTS, { force: true });
  const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const coverage = filters.length === 0 && set === 'usual' ? ['--coverage'] : [];
  // What an operator's shell may have set, and a test must not see.
  const settings = new Set(allSettings().map(({ name }) => name));
  const seen = Object.entries(process.env).filter(([name]) => !settings.has(name) && !name.startsWith('QUORUM_'));
  const env = { ...Object.fromEntries(seen), TEST_SET: set, TEST_REDIS: redis, FAST_CHECK_SEED: String(seed) };
  const child = spawn(process.execPath, [vitest, 'run', ...coverage, ...reporters, ...filters], {
    cwd: ROOT,
    // Vitest colours a pipe too, and a log shall get plain lines.
    env: process.stdout.isTTY ? env : { ...env, NO_COLOR: '1' },
    stdio: 'inherit',
  });
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'close');
  return { report: await readFile(RESULTS, 'utf8').catch(() => ''), green: code === 0 };
}

process.exitCode = await main(process.argv.slice(2));
