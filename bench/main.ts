/**
 * `npm run bench -- NAME… [--json]`: runs the benchmarks of these names and ends with 1 where one is over its budget. With `--json`
 * each result is one line on stdout and nothing else is.
 */
import type { Benchmark, BenchResult } from './benchmark.ts';
import { filterRank } from './filter-rank.ts';

const BENCHMARKS: readonly Benchmark[] = [filterRank];

const args = process.argv.slice(2);
const json = args.includes('--json');
const names = args.filter((arg) => arg !== '--json');
const unknown = names.filter((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));

if (names.length === 0 || unknown.length > 0) {
  const which = names.length === 0 ? 'Which benchmark?' : `There is no benchmark "${unknown.join('", "')}".`;
  const known = BENCHMARKS.map(({ name, does }) => `  npm run bench -- ${name.padEnd(12)}  ${does}`);
  process.stderr.write(`${[which, ...known].join('\n')}\n`);
  process.exitCode = 2;
} else {
  for (const benchmark of BENCHMARKS.filter(({ name }) => names.includes(name))) {
    for (const result of await benchmark.run()) {
      process.stdout.write(`${json ? JSON.stringify(result) : forPeople(result)}\n`);
      if (!result.ok) process.exitCode = 1;
    }
  }
}

function forPeople({ name, value, spread, unit, budget, ok, note }: BenchResult): string {
  const measured = `${value.toFixed(2)} ± ${spread.toFixed(2)} ${unit}`;
  return `${ok ? '✓' : '✗'} ${name}  ${measured}  (at most ${budget} ${unit}; ${note})`;
}
