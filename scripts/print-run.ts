/**
 * The result of a run as a table for people. Pure: no terminal, no clock. At most 100 columns wide; titles and labels are
 * from outside, so they are printed without control characters.
 */
import { styleText } from 'node:util';
import type { VoteDecision } from '@quorum/shared/decision';
import { wordsFor, type Outcome } from '@quorum/shared/outcome';
import type { AgentRunResponse, FilterMetrics } from '@quorum/shared/run';
import { describeBallot } from '@quorum/snapshot/ballot';
import { printable } from '@quorum/snapshot/printable';
import type { Style } from './terminal.ts';
import { cut, pad, wrap } from './text-width.ts';

const WIDTHS = { proposal: 34, ballot: 18, confidence: 5, outcome: 10, why: 23 } as const;
const GAP = '  ';
const LINES_PER_CELL = 3;
/** Together with the margin: 100 columns. */
const TEXT_WIDTH = 96;

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

/** The run as text of several lines, without a final newline. */
export function printRun(run: AgentRunResponse, { colour }: { readonly colour: boolean }): string {
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const lines = [paint('bold', cut(headline(run), TEXT_WIDTH)), ''];
  if (run.decisions.length > 0) {
    lines.push(paint('dim', row(['Proposal', 'Ballot', 'Conf.', 'Outcome', 'Receipt or why'])));
    lines.push(paint('dim', row(Object.values(WIDTHS).map((width) => '─'.repeat(width)))));
    for (const decision of run.decisions) lines.push(...decisionRows(decision, paint), '');
  }
  lines.push(...wrap(counts(run), TEXT_WIDTH, 3));
  if (run.next_check_time !== null) {
    lines.push(`What is left over needs a run by ${run.next_check_time.slice(0, 16).replace('T', ' ')} UTC.`);
  }
  for (const error of run.errors) {
    const [first = '', ...more] = wrap(printable(error, 400), TEXT_WIDTH - 2, 5);
    lines.push(paint('red', `! ${first}`), ...more.map((line) => paint('red', `  ${line}`)));
  }
  return lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}

function headline(run: AgentRunResponse): string {
  const time = `${run.execution_time.toFixed(1)} s`;
  const space = printable(run.space_id, 50);
  if (run.status !== 'completed') return `The run in ${space} ${run.status} after ${time}`;
  if (run.dry_run)
    return `A dry run: ${plural(run.proposals_analyzed, 'decision')} in ${space}, nothing cast, in ${time}`;
  return `${plural(run.votes_cast.length, 'vote')} cast in ${space}, ${plural(run.proposals_analyzed, 'decision')} in ${time}`;
}

function decisionRows(decision: VoteDecision, paint: (style: Style, text: string) => string): string[] {
  const { kind } = decision.outcome;
  const { sign, style } = LOOKS[kind];
  const ballot = decision.ballot === null ? '–' : printable(describeBallot(decision.ballot), 200);
  const cells = [
    wrap(printable(decision.title, 200), WIDTHS.proposal, LINES_PER_CELL),
    wrap(ballot, WIDTHS.ballot, LINES_PER_CELL),
    [pad(`${Math.round(decision.confidence * 100)} %`, WIDTHS.confidence, 'left')],
    [`${sign} ${kind}`],
    wrap(detail(decision), WIDTHS.why, LINES_PER_CELL),
  ];
  const height = Math.max(...cells.map((cell) => cell.length));
  return Array.from({ length: height }, (_, line) =>
    // The whole line is laid out first and coloured then, as colours have no width.
    row(
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

function row(cells: readonly string[], paint = (text: string, _column: number): string => text): string {
  const widths = Object.values(WIDTHS);
  return cells
    .map((cell, column) => paint(pad(cell, widths[column] ?? 0), column))
    .join(GAP)
    .trimEnd();
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
