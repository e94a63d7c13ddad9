/**
 * The result of a run as a table for people. Pure: no terminal, no clock. It takes 80 to 100 columns, as many as the terminal
 * has; titles and labels are from outside, so they are printed without control characters.
 */
import { styleText } from 'node:util';
import type { VoteDecision } from '@quorum/shared/decision';
import { wordsFor, type Outcome } from '@quorum/shared/outcome';
import type { AgentRunResponse, FilterMetrics } from '@quorum/shared/run';
import { describeBallot } from '@quorum/snapshot/ballot';
import { printable } from '@quorum/snapshot/printable';
import type { Style } from './terminal.ts';
import { cut, pad, wrap } from './text-width.ts';

const COLUMNS = { least: 80, most: 100 } as const;
const GAP = '  ';
const MARGIN = '  ';
/** What does not give way: signs, numbers and a receipt stay whole. */
const FIXED = { confidence: 5, outcome: 10, why: 23 } as const;
/** A title of 90 columns fits in the narrowest table. */
const LINES_PER_CELL = 5;

/** The widths of the columns of a table, and of the text around it. */
interface Layout {
  readonly text: number;
  readonly proposal: number;
  readonly ballot: number;
  readonly row: readonly number[];
}

function layoutFor(columns: number): Layout {
  const text = Math.min(Math.max(columns, COLUMNS.least), COLUMNS.most) - MARGIN.length;
  const { confidence, outcome, why } = FIXED;
  const free = text - confidence - outcome - why - 4 * GAP.length;
  const ballot = Math.ceil(free / 3);
  const proposal = free - ballot;
  return { text, proposal, ballot, row: [proposal, ballot, confidence, outcome, why] };
}

const LOOKS = {
  cast: { sign: '✓', style: 'green' },
  simulated: { sign: '○', style: 'cyan' },
  held: { sign: '‖', style: 'yellow' },
  skipped: { sign: '–', style: 'gray' },
  failed: { sign: '✗', style: 'red' },
} as const satisfies Record<Outcome['kind'], { sign: string; style: Style }>;

/** Words for the counts of the filter; the others are told elsewhere. */
const DROPPED = [
  ['blacklisted', 'by blacklisted proposers'],
  ['not_whitelisted', 'outside the whitelist'],
  ['already_voted', 'already voted on'],
  ['no_voting_power', 'without voting power'],
  ['flagged', 'flagged as spam'],
  ['decided_before', 'decided before'],
  ['closing_too_soon', 'closing too soon'],
  ['check_failed', 'could not be checked'],
  ['beyond_limit', 'left for a later run'],
] as const satisfies readonly (readonly [keyof FilterMetrics, string])[];

export interface PrintOptions {
  readonly colour: boolean;
  /** Those of the terminal; 100 where there is none. */
  readonly columns?: number;
}

/** The run as text of several lines, without a final newline. */
export function printRun(run: AgentRunResponse, { colour, columns = COLUMNS.most }: PrintOptions): string {
  const layout = layoutFor(columns);
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const lines = [paint('bold', cut(headline(run), layout.text)), ''];
  if (run.decisions.length > 0) {
    lines.push(paint('dim', row(layout, ['Proposal', 'Ballot', 'Conf.', 'Outcome', 'Receipt or why'])));
    lines.push(
      paint(
        'dim',
        row(
          layout,
          layout.row.map((width) => '─'.repeat(width)),
        ),
      ),
    );
    for (const decision of run.decisions) lines.push(...decisionRows(decision, layout, paint), '');
  }
  lines.push(...wrap(counts(run), layout.text, 3));
  if (run.next_check_time !== null) {
    lines.push(`The next run starts by itself at ${run.next_check_time.slice(0, 16).replace('T', ' ')} UTC.`);
  }
  for (const error of run.errors) {
    const [first = '', ...more] = wrap(printable(error, 400), layout.text - 2, 5);
    lines.push(paint('red', `! ${first}`), ...more.map((line) => paint('red', `  ${line}`)));
  }
  return lines.map((line) => (line === '' ? '' : `${MARGIN}${line}`)).join('\n');
}

function headline(run: AgentRunResponse): string {
  const time = `${run.execution_time.toFixed(1)} s`;
  const space = printable(run.space_id, 50);
  if (run.status !== 'completed') return `The run in ${space} ${run.status} after ${time}`;
  if (run.dry_run)
    return `A dry run: ${plural(run.proposals_analyzed, 'decision')} in ${space}, nothing cast, in ${time}`;
  return `${plural(run.votes_cast.length, 'vote')} cast in ${space}, ${plural(run.proposals_analyzed, 'decision')} in ${time}`;
}

function decisionRows(decision: VoteDecision, layout: Layout, paint: (style: Style, text: string) => string): string[] {
  const { kind } = decision.outcome;
  const { sign, style } = LOOKS[kind];
  const ballot = decision.ballot === null ? '–' : printable(describeBallot(decision.ballot), 200);
  const cells = [
    wrap(printable(decision.title, 200), layout.proposal, LINES_PER_CELL),
    wrap(ballot, layout.ballot, LINES_PER_CELL),
    [pad(`${Math.round(decision.confidence * 100)} %`, FIXED.confidence, 'left')],
    [`${sign} ${kind}`],
    wrap(detail(decision), FIXED.why, LINES_PER_CELL),
  ];
  const height = Math.max(...cells.map((cell) => cell.length));
  return Array.from({ length: height }, (_, line) =>
    // The whole line is laid out first and coloured then, as colours have no width.
    row(
      layout,
      cells.map((cell) => cell[line] ?? ''),
      (text, column) => (column === 3 && text.trim() !== '' ? paint(style, text) : text),
    ),
  );
}

function detail(decision: VoteDecision): string {
  const { outcome, receipt } = decision;
  switch (outcome.kind) {
    case 'cast':
      return receipt ? `vote ${receipt.id.slice(0, 10)}…${receipt.id.slice(-6)}` : '';
    case 'simulated':
      return 'would have been cast';
    case 'held':
    case 'skipped':
    case 'failed':
      return wordsFor(outcome.why);
    default:
      return outcome satisfies never;
  }
}

function counts(run: AgentRunResponse): string {
  const metrics = run.filter_metrics;
  const dropped = DROPPED.filter(([key]) => metrics[key] > 0).map(([key, words]) => `${metrics[key]} ${words}`);
  const parts = [`${metrics.selected} selected`, ...dropped].join(', ');
  const cost = run.usage.cost_usd === null || run.usage.cost_usd === 0 ? '' : `, ${run.usage.cost_usd.toFixed(4)} USD`;
  return `${plural(metrics.fetched, 'active proposal')}: ${parts}. ${plural(run.usage.calls, 'model call')}${cost}.`;
}

function row(
  layout: Layout,
  cells: readonly string[],
  paint = (text: string, _column: number): string => text,
): string {
  return cells
    .map((cell, column) => paint(pad(cell, layout.row[column] ?? 0), column))
    .join(GAP)
    .trimEnd();
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
