/**
 * What logging and counting cost of a run's CPU. Dry runs of three proposals go through the four services as processes of their own;
 * what they log and count meanwhile is done again here, line by line and count by count, and its CPU time is held against theirs. So
 * the share is known to a tenth of a per cent, where two whole measurements with and without it would differ by more than that each
 * time. Both are warm: what is compiled is compiled. Scrapes are in it as often as Prometheus would have come, every 15 seconds.
 */
import { closeSync, openSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { z } from 'zod';
import { EVERYTHING, openWorld, SURE, WANTED } from '../test/e2e/world.ts';
import { NO_BUDGET } from '../test/load/no-budget.ts';
import { samplesOf, type Sample } from '../test/scraped.ts';
import { startStack, type Stack } from '../test/stack.ts';
import { result, type Benchmark } from './benchmark.ts';
import { dryRun } from './dry-run.ts';
import { quantile } from './measure.ts';
import { atOnce } from './stand.ts';
import { warmUp } from './warm-up.ts';

const TYPES = ['basic', 'single-choice', 'basic'] as const;
const RUNS = 60;
const WARM_UP_RUNS = 240;
const WARM_UP = { atOnce: 8, mostMs: 60_000 } as const;
/** Replays that are not measured: as many lines and counts as the runs above. */
const WARM_UP_REPLAYS = WARM_UP_RUNS / RUNS;
const REPLAYS = 21;
const SCRAPE_EVERY_S = 15;
const BUDGET_PERCENT = 5;

/** Raised by amounts, once a call to a model: what a call is counted by stands for these too. */
const BY_AMOUNT: ReadonlySet<string> = new Set(['quorum_model_tokens_total', 'quorum_model_cost_usd_total']);

/** How often a metric was raised or told, under one set of labels. */
type Counted = { readonly name: string; readonly labels: string; readonly times: number };

const Line = z.looseObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'fatal']),
  service: z.string(),
  msg: z.string(),
});
type Line = z.output<typeof Line>;

type Watched = {
  readonly warmUpRuns: number;
  readonly runCpuMs: number;
  readonly wallS: number;
  readonly lines: readonly Line[];
  readonly counters: readonly Counted[];
  readonly histograms: readonly Counted[];
  readonly services: number;
};

export const observingCost: Benchmark = {
  name: 'observing-cost',
  does: 'CPU of logging and metrics, of the CPU of the runs that they watch',
  async run() {
    const watched = await watchRuns();
    await using dir = await mkdtempDisposable(path.join(tmpdir(), 'quorum-observing-'));
    const costs: number[] = [];
    // One after the other: CPU time is the process's.
    for (let turn = -WARM_UP_REPLAYS; turn < REPLAYS; turn += 1) {
      const ms = await replay(watched, path.join(dir.path, 'lines.log'));
      if (turn >= 0) costs.push((100 * ms) / watched.runCpuMs);
    }
    const { warmUpRuns, runCpuMs, lines, counters, histograms } = watched;
    const all = [...counters, ...histograms];
    const counts = all.reduce((sum, { times }) => sum + times, 0);
    return [
      result({
        name: 'observing-cost',
        value: quantile(costs, 0.5),
        spread: (quantile(costs, 0.75) - quantile(costs, 0.25)) / 2,
        unit: '%',
        budget: BUDGET_PERCENT,
        bound: 'most',
        note: [
          `${(runCpuMs / RUNS).toFixed(1)} ms of CPU of the services, ${(lines.length / RUNS).toFixed(0)} lines and ${(counts / RUNS).toFixed(0)} counts a run`,
          `${all.length} sets of labels`,
          `${RUNS} runs after ${warmUpRuns} to warm up, ${WARM_UP.atOnce} at a time`,
        ].join('; '),
      }),
    ];
  },
};

/** Runs, and what was logged and counted of them. */
async function watchRuns(): Promise<Watched> {
  const spaces = Array.from({ length: WARM_UP_RUNS + RUNS }, (_, at) => `s${at}.eth`);
  const stack = await startStack({
    world: openWorld({ spaces, types: TYPES }),
    space: spaces[0] ?? '',
    preferences: EVERYTHING,
    appendonly: true,
    env: { ...SURE, ...NO_BUDGET },
  });
  try {
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
    const run = (space: string) => dryRun(stack.url, space, TYPES.length);
    const warmUpRuns = await warmUp(spaces.slice(0, WARM_UP_RUNS), run, WARM_UP);
    const before = await look(stack);
    await atOnce(WARM_UP.atOnce, spaces.slice(WARM_UP_RUNS), run);
    const after = await look(stack);
    const grown = (ofName: (name: string) => boolean): Counted[] => growth(before.samples, after.samples, ofName);
    const cpuS = grown((name) => name === 'process_cpu_seconds_total').reduce((sum, { times }) => sum + times, 0);
    return {
      warmUpRuns,
      runCpuMs: 1_000 * cpuS,
      wallS: after.atS - before.atS,
      lines: newLines(before.lines, after.lines),
      counters: grown((name) => name.startsWith('quorum_') && name.endsWith('_total') && !BY_AMOUNT.has(name)),
      histograms: grown((name) => name.startsWith('quorum_') && name.endsWith('_count')),
      services: 4,
    };
  } finally {
    await stack.stop();
  }
}

async function look(stack: Stack) {
  const samples = samplesOf(await stack.scrape());
  const lines = (await stack.logs()).split('\n').flatMap((line) => Line.safeParse(jsonOf(line)).data ?? []);
  return { atS: performance.now() / 1_000, samples, lines };
}

function jsonOf(line: string): unknown {
  return line.startsWith('{') ? JSON.parse(line) : undefined;
}

/** Those that came after. Each service writes a file of its own: what is new stands at the end of each. */
function newLines(before: readonly Line[], after: readonly Line[]): Line[] {
  const old = Map.groupBy(before, ({ service }) => service);
  const now = Map.groupBy(after, ({ service }) => service);
  return [...now].flatMap(([service, lines]) => lines.slice(old.get(service)?.length ?? 0));
}

/** By how much each sample grew, those that did not left out. */
function growth(before: readonly Sample[], after: readonly Sample[], ofName: (name: string) => boolean): Counted[] {
  const idOf = ({ name, labels }: Sample): string => `${name} ${JSON.stringify(labels)}`;
  const old = new Map(before.map((sample) => [idOf(sample), sample.value]));
  return after
    .filter(({ name }) => ofName(name))
    .map((sample) => ({
      name: sample.name,
      labels: Object.values(sample.labels).join('/'),
      times: sample.value - (old.get(idOf(sample)) ?? 0),
    }))
    .filter(({ times }) => times > 0);
}

/**
 * Logs and counts the same again. Returns the CPU time that it took, in milliseconds. Each set of labels is one here too, of three
 * labels, the most that any of them has.
 */
async function replay({ lines, counters, histograms, services, wallS }: Watched, file: string): Promise<number> {
  const metrics = createMetrics('bench');
  const fd = openSync(file, 'w', 0o600);
  const log = createLogger('bench', 'info', { fd });
  const began = process.cpuUsage();
  for (const { level: _level, time: _time, service: _service, msg, ...fields } of lines) {
    // Most lines are those of a logger that was scoped for a job: that is made anew for each.
    const { run_id, proposal_id, request_id, job_id, queue, job, owner, ...own } = fields;
    log.child({ run_id, proposal_id, request_id, job_id, queue, job, owner }).info(own, msg);
  }
  inRounds(counters, (queue, job) => metrics.jobs.inc({ queue, job, result: 'completed' }));
  inRounds(histograms, (queue, job) => metrics.jobDuration.observe({ queue, job, result: 'completed' }, 0.1));
  const scrapes = services * Math.ceil(wallS / SCRAPE_EVERY_S);
  for (let n = 0; n < scrapes; n += 1) await metrics.registry.metrics();
  const { user, system } = process.cpuUsage(began);
  closeSync(fd);
  return (user + system) / 1_000;
}

/** Each as often as it was counted, one after the other in turn, as they come of runs at the same time. */
function inRounds(counted: readonly Counted[], count: (name: string, labels: string) => void): void {
  const most = Math.max(0, ...counted.map(({ times }) => times));
  for (let round = 0; round < most; round += 1) {
    for (const { name, labels, times } of counted) if (times > round) count(name, labels);
  }
}
