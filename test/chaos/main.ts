/**
 * `npm run test:chaos -- [--seed N] [--seeds COUNT] [--rounds R]`: plays the seed, or so many from it on, and says what broke. It ends by
 * itself, with 1 where a law was broken; everything that it kills is its own.
 */
import { parseArgs } from 'node:util';
import { chaos, type Report } from './chaos.ts';
import { lawNames } from './invariants.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seeds: { type: 'string' }, rounds: { type: 'string' } },
  strict: true,
});
const first = whole('seed', values.seed ?? `${Date.now() % 1_000_000}`, 0);
const count = whole('seeds', values.seeds ?? '1', 1);
const rounds = whole('rounds', values.rounds ?? '2', 1);

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  process.stderr.write(`--${name} must be a whole number of at least ${least}, not ${text}\n`);
  process.exit(2);
}

const reports: Report[] = [];
for (let seed = first; seed < first + count; seed += 1) {
  process.stdout.write(`seed ${seed}\n`);
  const report = await chaos({ seed, rounds, say: (line) => void process.stdout.write(`${line}\n`) });
  reports.push(report);
  for (const { law, what } of report.broken) process.stdout.write(`✗ ${law}: ${what}\n`);
  const verdict = report.broken.length === 0 ? `✓ all ${lawNames().length} laws hold` : '✗ broken';
  process.stdout.write(`${verdict}; again: npm run test:chaos -- --seed ${seed} --rounds ${rounds}\n`);
  if (report.broken.length > 0) break;
}

const total = new Map<string, number>();
for (const { done } of reports) {
  for (const [kind, times] of Object.entries(done)) total.set(kind, (total.get(kind) ?? 0) + times);
}
const sum = (of: (report: Report) => number): number => reports.reduce((all, report) => all + of(report), 0);
const rows: readonly (readonly [string, number])[] = [
  ['seeds', reports.length],
  ['rounds', sum((report) => report.rounds)],
  ...[...total].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ['runs', sum(({ runs }) => runs)],
  ['votes of ours', sum(({ votes }) => votes)],
  ['votes by hand', sum((report) => report.by_hand)],
  ...lawNames().map((law): readonly [string, number] => [
    `broken: ${law}`,
    sum(({ broken }) => broken.filter((each) => each.law === law).length),
  ]),
];
process.stdout.write(`\n${rows.map(([name, value]) => `${name.padEnd(54)}${value}`).join('\n')}\n`);
process.exitCode = reports.some(({ broken }) => broken.length > 0) ? 1 : 0;
