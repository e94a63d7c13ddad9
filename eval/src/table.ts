/** What was measured, as tables for people. */
import { printable } from '@quorum/snapshot/printable';
import type { AttackerReport, EvalLine, Flips, ModelReport, NamedReport, OwnedReports, TextsReport } from './report.ts';

/** Rows of cells, aligned: the first column to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join('\n');
}

export function forPeople(line: EvalLine): string {
  const named = Object.entries(line.model ?? {}).filter(isReport);
  const models: Record<string, ModelReport> = Object.fromEntries([['gullible', line] as const, ...named]);
  const parts = [
    `Of each model, detectors ${line.detectors} (seed ${line.seed}, ${line.seconds.toFixed(0)} s)`,
    table([
      ['', ...Object.keys(models).map((name) => printable(name, 40))],
      ...ROWS.map(([name, cell]) => [name, ...Object.values(models).map(cell)]),
    ]),
    '',
    'gullible by kind of attack (* not seen while detectors were made)',
    table([
      ['', 'attacks', 'moot', 'escaped', 'escalated', 'placebos held'],
      ...Object.entries(line.by_kind)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([kind, report]) => [
          `${kind}${report.seen ? '' : ' *'}`,
          ...numbers(report),
          String(report.placebo_escalations),
        ]),
      ...Object.entries(line.mutated.by_mutator).map(([by, report]) => [`mutated: ${by}`, ...numbers(report)]),
    ]),
    ...forOthers(line),
  ];
  return `${parts.join('\n')}\n`;
}

const ROWS: readonly (readonly [string, (report: ModelReport) => string])[] = [
  ['attacks (of them moot)', (report) => `${report.attacks} (${report.moot})`],
  ['flips that would be cast', (report) => `${report.flips_escaped} ${interval(report.flips_escaped_ci)}`],
  [
    'of them, of unseen kinds',
    (report) => `${report.flips_escaped_unseen_kinds} ${interval(report.flips_escaped_unseen_kinds_ci)}`,
  ],
  ['flips held or skipped', (report) => String(report.flips_escalated)],
  ['flips cast, detectors off', (report) => String(report.by_detectors.off.flips_escaped)],
  ['mutated attacks cast', (report) => `${report.mutated.all.flips_escaped} of ${report.mutated.all.attacks}`],
  ['clean proposals', (report) => String(report.clean)],
  ['falsely escalated', (report) => `${report.false_escalations} ${interval(report.false_escalations_ci)}`],
  ['the same, detectors off', (report) => String(report.by_detectors.off.false_escalations)],
  ['placebos escalated', (report) => `${report.placebo_escalations} of ${report.attacks}`],
  ['agreement', (report) => percent(report.agreement)],
  ['coverage (cast)', (report) => percent(report.coverage)],
  ['calibration error', (report) => report.ece?.toFixed(3) ?? 'unknown'],
  ['reasons that leak', (report) => `${report.reason_leaks} of ${report.reasons}`],
  ['answers missing', (report) => String(Object.values(report.missing_answers).reduce((sum, count) => sum + count, 0))],
  ['cost', (report) => (report.cost_usd === null ? 'unknown' : `$${report.cost_usd.toFixed(2)}`)],
];

function numbers({ attacks, moot, flips_escaped, flips_escalated }: Flips): string[] {
  return [attacks, moot, flips_escaped, flips_escalated].map(String);
}

/** What only some runs measure. */
function forOthers({ attacker, model = {}, proposals = {} }: EvalLine): string[] {
  const named = Object.entries(model).filter(isReport);
  const attackers = [
    ['gullible', attacker] as const,
    ...named.map(([name, report]) => [name, report.attacker] as const),
  ];
  return [
    ...attackers.flatMap(([name, report]) => (report === undefined ? [] : attackerWords(name, report))),
    ...Object.values(model).flatMap((report) => ('alone' in report ? ownedWords(report) : [])),
    ...named.flatMap(([name, { first_option: first }]) => {
      if (first === undefined) return [];
      const share = `${percent(first.first_option_share)} of ${first.answers} answers; by chance ${percent(first.chance)}`;
      return ['', `${printable(name, 40)}, the first option in front: ${share}`];
    }),
    ...Object.entries(proposals).flatMap(([name, report]) => textsWords(name, report)),
  ];
}

function attackerWords(name: string, report: AttackerReport): string[] {
  const { won, proposals, success_ci, queries_per_proposal, median_queries_to_win } = report;
  const many = `at most ${queries_per_proposal} queries each, ${median_queries_to_win ?? 'no'} in the middle of those that won`;
  const rate = `${won} of ${proposals} proposals ${interval(success_ci)}`;
  return ['', `Attacker on ${printable(name, 40)}: got through on ${rate}, ${many}`];
}

function ownedWords(reports: OwnedReports): string[] {
  const rows = Object.entries(reports).map(([name, { high_stakes: high, low_stakes: low }]) => [
    name.replaceAll('_', ' '),
    ...[high, low].map((each) => `${each.auto_casts_of_target} of ${each.proposals}`),
  ]);
  return ['', 'owned, auto-casts of its target', table([['', 'high stakes', 'low stakes'], ...rows])];
}

function textsWords(name: string, report: TextsReport): string[] {
  const { on, off } = report.false_escalations;
  const rates = report.false_escalation_rate;
  return [
    '',
    `Real texts, ${printable(name, 40)}: ${report.proposals} read, ${report.unreadable} unreadable, ${report.failed} failed; cast ${percent(report.coverage)}`,
    `falsely escalated ${on} (${percent(rates.on)}), with the detectors off ${off} (${percent(rates.off)})`,
    ...counts('not cast', report.escalated_by),
    ...counts('signals', report.by_signal),
  ];
}

function counts(what: string, by: Readonly<Record<string, number>>): string[] {
  const all = Object.entries(by).map(([name, count]) => `${count} ${name}`);
  return all.length === 0 ? [] : [`  ${what}: ${all.join(', ')}`];
}

function isReport(entry: [string, NamedReport | OwnedReports]): entry is [string, NamedReport] {
  return !('alone' in entry[1]);
}

function interval([low, high]: readonly [number, number]): string {
  return `(${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %)`;
}

function percent(share: number | null): string {
  return share === null ? 'unknown' : `${(100 * share).toFixed(1)} %`;
}
