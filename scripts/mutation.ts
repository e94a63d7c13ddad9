/**
 * `npm run test:mutation`: whether the tests of what decides on a vote would notice a mistake in it. Stryker makes the mistakes; at
 * least 80 of 100 must be noticed in each module. The last line of stdout is `N passed, N failed`, in which a module counts as one.
 *
 *     npm run test:mutation                        every module, some minutes
 *     npm run test:mutation -- guard filter        these
 *     npm run test:mutation -- --lines 6 --seed 3  so many lines of each file, drawn by the seed; judged together, as they are few
 *     npm run test:mutation -- --at-once 1         one process instead of two
 *
 * What was not noticed is shown as a diff, and with all the rest in .data/mutation/mutation.html.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { z } from 'zod';
import { mutatedModules, type Mutated } from './mutated.ts';
import { describeScore, drawLines, holds, scoresOf, together } from './mutation-score.ts';
import { ROOT } from './root.ts';
import { propertySeed } from './property-seed.ts';
import { formatCounts } from './test-counts.ts';

const AT_LEAST_PERCENT = 80;
const REPORTS = '.data/mutation';
/** An endless loop is found by its count; this is for what waits, on a machine that is busy. */
const HANGS_MS = 120_000;
/** The tests as they are, on such a machine. */
const DRY_RUN_MINUTES = 20;

const Whole = z.coerce.number().int().min(1);
const Options = z.strictObject({
  lines: Whole.optional(),
  seed: z.coerce
    .number()
    .int()
    .default(() => Date.now() % 1_000_000),
  'at-once': Whole.default(2),
});

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { lines: { type: 'string' }, seed: { type: 'string' }, 'at-once': { type: 'string' } },
    allowPositionals: true,
  });
  const options = Options.parse(values);
  const modules = mutatedModules(positionals.join(','));
  process.chdir(ROOT);
  // Read by vitest.config.ts in the processes that Stryker starts. A test that drew anew each time would miss by chance.
  process.env['TEST_SET'] = 'mutation';
  process.env['MUTATED_MODULES'] = positionals.join(',');
  process.env['FAST_CHECK_SEED'] = String(propertySeed(process.env));

  const mutants = await new Stryker({
    mutate: await whatToMutate(modules, options),
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    // Which tests concern a module is said in mutated.ts: to find it out anew from the imports for each mutant takes longer than they do.
    vitest: { related: false },
    coverageAnalysis: 'perTest',
    // What is run as a module loads concerns every test of it, and takes as long as all of them: left to the whole run.
    ignoreStatic: options.lines !== undefined,
    concurrency: options['at-once'],
    timeoutMS: HANGS_MS,
    dryRunTimeoutMinutes: DRY_RUN_MINUTES,
    // It would rewrite it with the API of an older TypeScript, and Node needs none to run ours.
    tsconfigFile: 'none',
    ignorePatterns: ['/.data', '/coverage'],
    tempDirName: '.data/stryker',
    reporters: [process.stdout.isTTY ? 'progress' : 'progress-append-only', 'clear-text', 'html', 'json'],
    clearTextReporter: { reportTests: false, allowColor: process.stdout.isTTY },
    htmlReporter: { fileName: `${REPORTS}/mutation.html` },
    jsonReporter: { fileName: `${REPORTS}/mutation.json` },
  }).runMutationTest();

  const told = mutants.map(({ fileName, status }) => ({ file: path.relative(ROOT, path.resolve(fileName)), status }));
  const each = scoresOf(told, modules);
  const scores = options.lines === undefined ? each : [together(each)];
  const drawn =
    options.lines === undefined ? '' : `, ${options.lines} lines of each file drawn by --seed ${options.seed}`;
  process.stdout.write(`Mutants noticed (at least ${AT_LEAST_PERCENT} %)${drawn}\n`);
  for (const score of scores)
    process.stdout.write(`${holds(score, AT_LEAST_PERCENT) ? '✓' : '✗'} ${describeScore(score)}\n`);
  const passed = scores.filter((score) => holds(score, AT_LEAST_PERCENT)).length;
  process.stdout.write(`${formatCounts({ passed, failed: scores.length - passed, skipped: 0 })}\n`);
  return passed === scores.length ? 0 : 1;
}

async function whatToMutate(
  modules: readonly (readonly [string, Mutated])[],
  { lines, seed }: z.infer<typeof Options>,
): Promise<string[]> {
  const files = modules.flatMap(([, module]) => module.files);
  if (lines === undefined) return files;
  const parts = files.map(async (file) =>
    drawLines(file, await readFile(file, 'utf8'), lines, seed).map((line) => `${file}:${line}-${line}`),
  );
  return (await Promise.all(parts)).flat();
}

/** Where nothing could be judged, because a test fails as it is or an argument is wrong, that is a failure too. */
async function mainOrFailure(args: readonly string[]): Promise<number> {
  try {
    return await main(args);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stdout.write(`✗ ${why}\n${formatCounts({ passed: 0, failed: 1, skipped: 0 })}\n`);
    return 1;
  }
}

process.exitCode = await mainOrFailure(process.argv.slice(2));
