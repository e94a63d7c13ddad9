/**
 * The waterfall of a run for people. Pure: no terminal, no clock. At least 80 columns; titles and the names of models are from
 * outside, so they are printed without control characters.
 */
import { styleText } from 'node:util';
import type { Span } from '@quorum/shared/run-span';
import type { RunTimings } from '@quorum/shared/run-timings';
import { printable } from '@quorum/snapshot/printable';
import type { Style } from '../terminal.ts';
import { cut, pad } from '../text-width.ts';
import { afterRun, criticalSpans, endOf } from './critical-path.ts';
import { figuresOf, type Figures } from './figures.ts';

const COLUMNS = { least: 80, most: 140 } as const;
const LABEL = 30;
const TOOK = 9;
const MARK = '●';
const BAR = { critical: '█', other: '▒', whole: '┄', open: '▶', later: '→' } as const;

const LABELS: Readonly<Record<Exclude<Span['kind'], 'ask'>, string>> = {
  queued: 'queued',
  fetch: 'fetch, filter, rank',
  wait: 'wait for a worker',
  decide: 'decide',
  put_off: 'put off',
  vote: 'vote',
  check: 'check',
  reserve: 'reserve',
  sign: 'sign',
  send: 'send',
  read_back: 'read back',
  answer: "wait for the owner's answer",
  resume: 'wait until voting is resumed',
  close: 'close',
};

/** The lines of a waterfall. `columns`: how wide the terminal is. */
export function printTrace(
  timings: RunTimings,
  options: { readonly colour: boolean; readonly columns?: number | undefined },
): string[] {
  const columns = Math.min(COLUMNS.most, Math.max(COLUMNS.least, options.columns ?? 0));
  const paint = (style: Style, text: string): string =>
    options.colour ? styleText(style, text, { validateStream: false }) : text;
  const chart: Chart = {
    width: columns - LABEL - TOOK - 4,
    end: endOf(timings),
    critical: criticalSpans(timings),
    after: afterRun(timings),
    paint,
  };
  const rowsOf = (id: string | null, kinds?: readonly Span['kind'][]): string[] =>
    timings.spans
      .filter((span) => span.proposal_id === id && (kinds === undefined || kinds.includes(span.kind)))
      .map((span) => row(span, chart));

  const kind = timings.dry_run ? 'dry' : 'live';
  return [
    paint('bold', `Run ${timings.run_id}`),
    `${timings.status}, ${kind}, in ${printable(timings.space_id)}, accepted ${timings.accepted_at}`,
    '',
    `${' '.repeat(LABEL + TOOK + 4)}0${pad(duration(chart.end), chart.width - 1, 'left')}`,
    ...rowsOf(null, ['queued', 'fetch']),
    ...timings.proposals.flatMap((proposal) => [
      cut(`  ${printable(proposal.title)} ${outcomeOf(proposal, timings)}`, columns),
      ...rowsOf(proposal.proposal_id),
    ]),
    ...rowsOf(null, ['close']),
    '',
    ...footer(timings, figuresOf(timings)),
  ];
}

type Chart = {
  readonly width: number;
  readonly end: number;
  readonly critical: ReadonlySet<Span>;
  readonly after: ReadonlySet<Span>;
  readonly paint: (style: Style, text: string) => string;
};

function row(span: Span, chart: Chart): string {
  const isCritical = chart.critical.has(span);
  const depth = span.proposal_id === null ? 0 : span.kind === 'ask' ? 2 : 1;
  const label = pad(cut('  '.repeat(depth) + labelOf(span), LABEL), LABEL);
  const took = span.end === null ? 'open' : duration(span.end - span.begin);
  const bar = barOf(span, isCritical, chart);
  const line = `${isCritical ? MARK : ' '} ${label}${pad(took, TOOK, 'left')}  `;
  return isCritical ? line + chart.paint('cyan', bar) : `${line}${bar}`.trimEnd();
}

function labelOf({ kind, ask, answered }: Span): string {
  if (kind !== 'ask') {
    return answered === undefined || answered === 'accepted' ? LABELS[kind] : `${LABELS[kind]}: ${printable(answered)}`;
  }
  if (ask === undefined) return 'ask';
  const what = ask.role === 'sample' ? `sample ${ask.nth}` : ask.role;
  const result = ask.result === 'answer' ? '' : `: ${printable(ask.result)}`;
  return `${what} ${printable(ask.model)}${result}`;
}

function barOf(span: Span, isCritical: boolean, { width, end, after }: Chart): string {
  // It would make the run itself a dot.
  if (after.has(span)) return `${' '.repeat(width - 1)}${BAR.later}`;
  const columnOf = (ms: number): number => (end === 0 ? 0 : Math.round((Math.min(ms, end) / end) * width));
  const from = Math.min(width - 1, Math.max(0, columnOf(span.begin)));
  const to = Math.min(width, Math.max(from + 1, columnOf(span.end ?? end)));
  const fill = isCritical ? BAR.critical : span.kind === 'decide' ? BAR.whole : BAR.other;
  const bar = fill.repeat(to - from);
  return ' '.repeat(from) + (span.end === null ? bar.slice(0, -1) + BAR.open : bar);
}

function outcomeOf({ outcome }: RunTimings['proposals'][number], { finished }: Pick<RunTimings, 'finished'>): string {
  if (outcome === null) return finished === null ? '(under way)' : '(not ended)';
  return `(${outcome.kind}${'why' in outcome ? `: ${outcome.why}` : ''})`;
}

function footer(timings: RunTimings, figures: Figures): string[] {
  const { wall_ms: wall, critical_path_ms: critical, first_model_call_ms: first, accepted_votes: votes } = figures;
  const line = (what: string, took: string, more = ''): string =>
    `${pad(what, LABEL + 2)}${pad(took, TOOK, 'left')}  ${more}`.trimEnd();
  const isKept = timings.proposals.every(({ kept }) => kept);
  const slowest = Math.max(...votes.map(({ accepted_ms: ms }) => ms));
  // A decision keeps its calls. Of one that was given up some may be known to nobody.
  const isDecided = timings.proposals.every(({ decided }) => decided !== null);
  const notAsked = isDecided ? 'no model was asked' : 'no call to a model is known of';
  const none = (words: string): string =>
    isKept ? `${words}${timings.finished === null ? ' so far' : ''}` : 'not kept: the run is of before times were kept';
  return [
    line(timings.finished === null ? 'so far' : 'from POST to end', duration(wall)),
    line(
      'critical path',
      duration(critical),
      `${MARK} above; ${duration(Math.max(0, wall - critical))} between its steps`,
    ),
    first === null
      ? line('from POST to first model call', '–', none(timings.finished === null ? 'no model has answered' : notAsked))
      : line('from POST to first model call', duration(first)),
    votes.length === 0
      ? line('from decision to accepted vote', '–', none('no vote was accepted'))
      : line(
          'from decision to accepted vote',
          duration(slowest),
          votes.length === 1 ? '' : `the slowest of ${votes.length}`,
        ),
  ];
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Milliseconds for people: `812 ms`, `3.42 s`, `3 m 12 s`, `5 h 20 m`, `2 d 4 h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < SECOND_MS) return `${whole} ms`;
  if (whole < MINUTE_MS) return `${(Math.floor(whole / 10) / 100).toFixed(2)} s`;
  const [large, one, small, other] =
    whole < HOUR_MS
      ? ([MINUTE_MS, 'm', SECOND_MS, 's'] as const)
      : whole < DAY_MS
        ? ([HOUR_MS, 'h', MINUTE_MS, 'm'] as const)
        : ([DAY_MS, 'd', HOUR_MS, 'h'] as const);
  return `${Math.floor(whole / large)} ${one} ${Math.floor((whole % large) / small)} ${other}`;
}
