/**
 * `npm run bench`: runs every benchmark but those that run alone, or those that are named, and ends with 1 where one is not within its budget.
 *
 *     npm run bench
 *     npm run bench -- filter-rank observing-cost
 *     npm run bench -- --json          a line of JSON for each result, and nothing else on stdout
 *     npm run bench -- --out FILE      the results as a table of docs/performance.md, into the file too
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './all.ts';
import { conditions, jsonLine, line, table } from './report.ts';
import { exitCodeOf, runAll } from './run.ts';

const { values: options, positionals: names } = parseArgs({
  options: { json: { type: 'boolean', default: false }, out: { type: 'string' } },
  allowPositionals: true,
});
const unknown = names.filter((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));

if (unknown.length > 0) {
  const known = BENCHMARKS.map(({ name, does }) => `  npm run bench -- ${name.padEnd(14)}  ${does}`);
  process.stderr.write(`${[`There is no benchmark "${unknown.join('", "')}".`, ...known].join('\n')}\n`);
  process.exitCode = 2;
} else {
  const wanted = BENCHMARKS.filter(({ name, alone }) => names.includes(name) || (names.length === 0 && alone !== true));
  const results = await runAll(
    wanted,
    ({ name, does }) => void process.stderr.write(`… ${name}: ${does}\n`),
    (result) => void process.stdout.write(`${options.json ? jsonLine(result) : line(result)}\n`),
  );
  const measured = conditions();
  process.stderr.write(`${measured}\n`);
  if (options.out !== undefined) await writeFile(options.out, table(measured, results));
  process.exitCode = exitCodeOf(results);
}
