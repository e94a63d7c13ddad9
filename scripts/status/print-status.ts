/**
 * The status as text for people. Pure: no terminal, no clock. Names and titles are from outside, so they are printed without control
 * characters, and cut.
 */
import { styleText } from 'node:util';
import { printable } from '@quorum/snapshot/printable';
import type { Style } from '../terminal.ts';
import { cut, pad, textWidth } from '../text-width.ts';
import type { Due, HoldLine, QueueStatus, RunStatusLine, Status } from './read-status.ts';

const SECOND_MS = 1_000;
const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;
const LEAST_COLUMNS = 60;
const GAP = '  ';
/** Further holds, and further turns, are counted. */
const MOST_LINES = 8;
const LONGEST_NAME = 32;

export type PrintOptions = {
  readonly colour: boolean;
  /** Those of the terminal; where there is none, nothing is cut. */
  readonly columns?: number | undefined;
};

type Paint = (style: Style, text: string) => string;
type Row = readonly string[];

/** The status as lines, none wider than the terminal. */
export function printStatus(status: Status, { colour, columns = Infinity }: PrintOptions): string[] {
  const width = Math.max(columns, LEAST_COLUMNS);
  const paint: Paint = (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text);
  const part = (title: string, rows: readonly Row[], none: string): string[] =>
    rows.length === 0
      ? [paint('bold', title), none]
      : [paint('bold', title), ...table(rows).map((line) => cut(line, width))];
  const { atMs } = status;
  return [
    `${paint('bold', 'Quorum')}  ${modeOf(status)}, ${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    votingLine(status, paint, width),
    '',
    ...part('Queues', queueRows(status), ''),
    ...missingWorkers(status).map((line) => paint('red', cut(line, width))),
    '',
    ...part('Runs, the newest first', status.runs.map(runRow(atMs)), 'none'),
    '',
    ...part('What waits for an answer', some(status.holds, holdRow(atMs)), 'nothing'),
    '',
    ...part('What starts by itself', some(status.due, dueRow(atMs)), 'nothing'),
    ...(status.unreadable === 0
      ? []
      : ['', paint('red', `Records that cannot be read: ${status.unreadable}. npm run doctor and the logs say which`)]),
  ];
}

function modeOf({ mode }: Status): string {
  if (mode === null) return 'no start so far';
  return mode === 'live' ? 'live: votes are real' : 'sandbox: no vote is real';
}

function votingLine({ voting }: Status, paint: Paint, width: number): string {
  if (!voting.all) return paint('red', 'Voting is paused for everybody: POST /voting/resume');
  if (voting.paused_owners.length === 0) return 'Voting is enabled';
  return paint('red', cut(`Voting is paused for ${voting.paused_owners.map(name).join(', ')}`, width));
}

function queueRows({ queues, atMs }: Status): Row[] {
  return [
    ['queue', 'waiting', 'oldest', 'active', 'delayed', 'with children', 'failed', 'workers'],
    ...queues.map((one) => [
      one.queue,
      String(one.waiting),
      one.oldestMs === null ? '–' : span(atMs - one.oldestMs),
      String(one.active),
      String(one.delayed),
      String(one.parents),
      String(one.failed),
      one.workers === null ? 'unknown' : String(one.workers.length),
    ]),
  ];
}

function missingWorkers({ queues }: Status): string[] {
  const missing = queues.filter(({ workers }: QueueStatus) => workers?.length === 0).map(({ queue }) => queue);
  if (missing.length === 0) return [];
  return [missing.length === queues.length ? 'No workers: no service runs' : `No workers: ${missing.join(', ')}`];
}

function runRow(atMs: number): (run: RunStatusLine) => Row {
  return (run) => {
    const ends = Object.entries(run.outcomes).map(([kind, count]) => `${count} ${kind}`);
    const done = Object.values(run.outcomes).reduce((sum, count) => sum + count, 0);
    const open = run.finishedMs === null && run.selected !== null ? [`${done} of ${run.selected} done`] : [];
    return [
      run.cancelled && run.finishedMs === null ? 'cancelling' : run.status,
      name(run.space_id),
      name(run.owner),
      run.dry_run ? 'dry' : 'live',
      `${span(atMs - run.acceptedMs)} ago`,
      [...open, ...ends].join(', '),
      run.run_id,
    ];
  };
}

function holdRow(atMs: number): (hold: HoldLine) => Row {
  return ({ deadlineMs, state, why, space_id, owner, title, hold_id }) => [
    `${span(deadlineMs - atMs)} left`,
    name(space_id),
    name(owner),
    hold_id,
    state === 'approved' ? 'approved' : why,
    printable(title),
  ];
}

function dueRow(atMs: number): (due: Due) => Row {
  return ({ atMs: at, kind, space_id, owner, dry_run }) => [
    at === null ? 'not yet known' : at <= atMs ? 'now' : `in ${span(at - atMs)}`,
    name(space_id),
    name(owner),
    dry_run ? 'dry' : 'live',
    kind,
  ];
}

/** The first rows, and how many there are beyond. */
function some<T>(all: readonly T[], row: (one: T) => Row): Row[] {
  const rest = all.length - MOST_LINES;
  return [...all.slice(0, MOST_LINES).map(row), ...(rest > 0 ? [[`and ${rest} more`]] : [])];
}

/** Rows with their columns below each other; the last one of each may be as long as it is. */
function table(rows: readonly Row[]): string[] {
  const widths = new Map<number, number>();
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, at) => widths.set(at, Math.max(widths.get(at) ?? 0, textWidth(cell))));
  }
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : pad(cell, widths.get(at) ?? 0)))
      .join(GAP)
      .trimEnd(),
  );
}

function name(text: string): string {
  return cut(printable(text), LONGEST_NAME);
}

/** A time in its largest unit: `12 s`, `3 min`, `5 h`, `2 d`. */
function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / SECOND_MS));
  if (s < 2 * MINUTE_S) return `${s} s`;
  if (s < 2 * HOUR_S) return `${Math.floor(s / MINUTE_S)} min`;
  return s < 2 * DAY_S ? `${Math.floor(s / HOUR_S)} h` : `${Math.floor(s / DAY_S)} d`;
}
