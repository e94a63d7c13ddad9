/** What a load comes to, each figure beside its budget, as a table for docs/performance.md. */
import { cpus, loadavg } from 'node:os';
import type { Load, Wave } from './load.ts';
import { PASSING } from './measures.ts';

export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** How the value stands to its budget; null: there is none, it is only told. */
  readonly budget: { readonly is: 'at most' | 'at least' | 'exactly'; readonly value: number } | null;
  readonly ok: boolean;
};

const MB = 1_000_000;
/** Distinct texts are not of a run, and these are of none. */
const OF_NO_RUN = ['proposal', 'api-keys', 'signers', 'heartbeat', 'heartbeats', 'watching'];

export function figuresOf(load: Load): Figure[] {
  const { waves, asked, security, options } = load;
  const results = waves.flatMap((wave) => wave.results);
  const completed = results.filter(({ status }) => status === 'completed');
  const decided = completed.filter(({ decisions }) => decisions.every(({ outcome }) => outcome.kind !== 'failed'));
  const times = results.map(({ execution_time: seconds }) => seconds);
  const seconds = waves.reduce((sum, wave) => sum + wave.seconds, 0);
  const tookMs = [...asked.tookMs.values()].flat();
  const cast = results.reduce((sum, { votes_cast: votes }) => sum + votes.length, 0);
  const onHub = waves.reduce((sum, wave) => sum + wave.votes, 0);
  const live = waves.length * options.live;
  return [
    told('runs', results.length, ''),
    held('runs completed', percent(completed.length, results.length), '%', 'at least', 100),
    held('runs in which nothing failed', percent(decided.length, results.length), '%', 'at least', 100),
    held('mean `execution_time`', mean(times), 's', 'at most', 30),
    told('99th percentile of `execution_time`', quantile(times, 0.99), 's'),
    told('runs a second', results.length / seconds, '/s'),
    held('votes cast', cast, '', 'exactly', live),
    held('votes that the hub counts', onHub, '', 'exactly', live),
    held('API, 99th percentile of all requests', quantile(tookMs, 0.99) / 1_000, 's', 'at most', 2),
    ...[...asked.tookMs].map(([kind, all]) =>
      told(`API, 99th percentile of \`${kind}\``, quantile(all, 0.99) / 1_000, 's'),
    ),
    told('requests measured', tookMs.length, ''),
    told('answers of 503, after which the same was asked again', asked.unavailable, ''),
    held('`quorum_security_events_total`, all events', security, '', 'exactly', 0),
    ...memoryFigures(waves),
    ...redisFigures(waves),
  ];
}

function memoryFigures(waves: readonly Wave[]): Figure[] {
  const [first, last] = [waves.at(0), waves.at(-1)];
  if (first === undefined || last === undefined) return [];
  return [...last.memory].flatMap(([service, { held: now, resident }]) => {
    const before = first.memory.get(service)?.held ?? Number.NaN;
    const ratio = now / before;
    return [
      told(`${service}: resident after the last wave`, resident / MB, 'MB'),
      told(`${service}: memory held after the first wave`, before / MB, 'MB'),
      // Before the second wave there is nothing to hold it against.
      ...(waves.length === 1
        ? []
        : [held(`${service}: memory held after the last wave, against the first`, ratio, '×', 'at most', 1.05)]),
    ];
  });
}

function redisFigures(waves: readonly Wave[]): Figure[] {
  const [first, last] = [waves.at(0), waves.at(-1)];
  if (first === undefined || last === undefined) return [];
  const perRun = (wave: Wave, runs: number, of: (kind: string) => boolean): number =>
    [...wave.kept].reduce((sum, [kind, bytes]) => (of(kind) ? sum + bytes : sum), 0) / runs;
  const stays = (kind: string): boolean => !PASSING.includes(kind) && !OF_NO_RUN.includes(kind);
  const all = waves.reduce((sum, { results }) => sum + results.length, 0);
  const [before, now] = [perRun(first, first.results.length, stays), perRun(last, all, stays)];
  return [
    told('Redis: memory after the last wave', last.redis / MB, 'MB'),
    told('Redis: kept of a run of one proposal for longer than an hour', now, 'bytes'),
    told(
      'Redis: kept of it for less: jobs, events, keys of its client',
      perRun(last, all, (kind) => PASSING.includes(kind)),
      'bytes',
    ),
    ...(waves.length === 1
      ? []
      : [
          held(
            'Redis: kept for longer of a run after the last wave, against the first',
            now / before,
            '×',
            'at most',
            1.05,
          ),
        ]),
  ];
}

/** The table, and under what it was measured. */
export function tableOf({ options }: Pick<Load, 'options'>, figures: readonly Figure[]): string {
  const [model = 'unknown'] = cpus().map((cpu) => cpu.model);
  const head = [
    `${options.waves} waves, each of ${options.owners} owners × ${options.spaces} spaces dry and ${options.live} runs live;`,
    `one proposal a run, the model at ${options.modelLatencyMs / 1_000} s. ${cpus().length} cores (${model}), Node ${process.versions.node},`,
    `load of the machine at the end ${loadavg()
      .map((load) => load.toFixed(1))
      .join(', ')}; the clients and the sandbox run on it too.`,
  ];
  const rows = figures.map(({ name, value, unit, budget, ok }) => [
    name,
    `${format(value)}${unit === '' ? '' : ` ${unit}`}`,
    budget === null ? '' : `${budget.is} ${format(budget.value)}`,
    budget === null ? '' : ok ? 'yes' : '**no**',
  ]);
  const lines = [['what', 'measured', 'budget', 'met'], ['---', '---', '---', '---'], ...rows];
  return [...head, '', ...lines.map((cells) => `| ${cells.join(' | ')} |`), ''].join('\n');
}

function told(name: string, value: number, unit: string): Figure {
  return { name, value, unit, budget: null, ok: true };
}

function held(
  name: string,
  value: number,
  unit: string,
  is: 'at most' | 'at least' | 'exactly',
  budget: number,
): Figure {
  const ok = is === 'at most' ? value <= budget : is === 'at least' ? value >= budget : value === budget;
  return { name, value, unit, budget: { is, value: budget }, ok };
}

function format(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-GB') : value.toFixed(value < 10 ? 2 : 1);
}

function percent(part: number, whole: number): number {
  return (100 * part) / whole;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The value below which this share of the values lies. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
