/** How results are told: a line for people, a line of JSON, and a table for docs/performance.md. */
import { cpus, loadavg } from 'node:os';
import type { BenchResult } from './benchmark.ts';

export function line({ name, value, spread, unit, budget, bound, ok, note }: BenchResult): string {
  const measured = `${format(value)} ± ${format(spread)} ${unit}`;
  return `${ok ? '✓' : '✗'} ${name}  ${measured}  (at ${bound} ${format(budget)} ${unit}; ${note})`;
}

export function jsonLine(result: BenchResult): string {
  return JSON.stringify(result);
}

/** Under what it was measured. */
export function conditions(): string {
  const [model = 'unknown'] = cpus().map((cpu) => cpu.model);
  const load = loadavg().map((average) => average.toFixed(1));
  return `${cpus().length} cores (${model}), Node ${process.versions.node}; load of the machine at the end ${load.join(', ')}.`;
}

/** Under what it was `measured`, and a row for each result. */
export function table(measured: string, results: readonly BenchResult[]): string {
  const rows = results.map(({ name, value, spread, unit, budget, bound, ok, note }) => [
    `\`${name}\``,
    `${format(value)} ± ${format(spread)} ${unit}`,
    `at ${bound} ${format(budget)} ${unit}`,
    ok ? 'yes' : '**no**',
    note,
  ]);
  return [
    measured,
    '',
    ...[['benchmark', 'measured', 'budget', 'met', 'behind it'], ['---', '---', '---', '---', '---'], ...rows].map(
      (cells) => `| ${cells.join(' | ')} |`,
    ),
    '',
  ].join('\n');
}

function format(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-GB');
  return value >= 1_000 ? Math.round(value).toLocaleString('en-GB') : value.toFixed(value < 100 ? 2 : 1);
}
