/**
 * What logging and counting cost of a run's CPU. Runs of three proposals go through the four services as processes of their own; what
 * they log and count meanwhile is done again here, line by line and count by count, and its CPU time is held against theirs. So the
 * share is known to a tenth of a per cent, where two whole measurements with and without it would differ by more than that each time.
 * Scrapes are in it as often as Prometheus would have come, every 15 seconds.
 */
import { createLogger } from '@quorum/shared/log';
import { countWritten } from '@quorum/shared/written';
import { createMetrics } from '@quorum/shared/metrics';
import { openSync } from 'node:fs';
import { z } from 'zod';
import { samplesOf, type Sample } from '../test/scraped.ts';
import { startStack, type Stack } from '../test/stack.ts';
import { EVERYTHING, openWorld, SURE, WANTED } from '../test/e2e/world.ts';
import { result, type Benchmark } from './benchmark.ts';
import { quantile } from './measure.ts';

const RUNS = 20;
const WARM_UP_RUNS = 3;
const REPLAYS = 21;
const SCRAPE_EVERY_S = 15;
const BUDGET_PERCENT = 5;

/** Raised by amounts, once a call to a model: what a call is counted by stands for these too. */
const BY_AMOUNT: ReadonlySet<string> = new Set(['quorum_model_tokens_total', 'quorum_model_cost_usd_total']);

type Watched = {
  readonly runCpuMs: number;
  readonly wallS: number;
  readonly lines: readonly Record<string, unknown>[];
  /** How often a counter was raised, and a histogram told. */
  readonly counts: number;
  readonly observations: number;
  readonly services: number;
};

const Line = z.looseObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'fatal']), msg: z.string() });

export const observingCost: Benchmark = {
  name: 'observing-cost',
  does: 'CPU of logging and metrics, of the CPU of the runs that they watch',
  async run() {
    const watched = await watchRuns();
    const costs: number[] = [];
    // One after the other: CPU time is the process's. The first ones are to warm up.
    for (let turn = -3; turn < REPLAYS; turn += 1) {
      const ms = await replay(watched);
      if (turn >= 0) costs.push((100 * ms) / watched.runCpuMs);
    }
    const value = quantile(costs, 0.5);
    const perRun = watched.lines.length / RUNS;
    return [
      result({
        name: 'observing-cost',
        value,
        spread: (quantile(costs, 0.75) - quantile(costs, 0.25)) / 2,
        unit: '%',
        budget: BUDGET_PERCENT,
        bound: 'most',
        note: `${(watched.runCpuMs / RUNS).toFixed(0)} ms of CPU, ${perRun.toFixed(0)} lines and ${((watched.counts + watched.observations) / RUNS).toFixed(0)} counts a run`,
      }),
    ];
  },
};

/** Runs, and what was logged and counted of them. */
async function watchRuns(): Promise<Watched> {
  const spaces = Array.from({ length: WARM_UP_RUNS + RUNS }, (_, at) => `s${at}.eth`);
  const stack = await startStack({
    world: openWorld({ spaces, types: ['basic', 'single-choice', 'basic'] }),
    space: spaces[0] ?? '',
    moreSpaces: spaces.slice(1),
    preferences: EVERYTHING,
    env: { ...SURE },
  });
  try {
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
    for (const space_id of spaces.slice(0, WARM_UP_RUNS)) await stack.run({ space_id });
    const before = await look(stack);
    for (const space_id of spaces.slice(WARM_UP_RUNS)) await stack.run({ space_id });
    const after = await look(stack);
    const grown = (ofName: (name: string) => boolean): number =>
      sum(after.samples, ofName) - sum(before.samples, ofName);
    return {
      runCpuMs: 1_000 * grown((name) => name === 'process_cpu_seconds_total'),
      wallS: after.atS - before.atS,
      lines: after.lines.slice(before.lines.length),
      counts: grown((name) => name.startsWith('quorum_') && name.endsWith('_total') && !BY_AMOUNT.has(name)),
      observations: grown((name) => name.startsWith('quorum_') && name.endsWith('_count')),
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

function sum(samples: readonly Sample[], ofName: (name: string) => boolean): number {
  return samples.filter(({ name }) => ofName(name)).reduce((total, { value }) => total + value, 0);
}

/** Logs and counts the same again. Returns the CPU time that it took, in milliseconds. */
async function replay({ lines, counts, observations, services, wallS }: Watched): Promise<number> {
  const metrics = createMetrics('bench');
  const count = countWritten(metrics);
  const log = createLogger('bench', 'info', { fd: openSync('/dev/null', 'w') });
  const began = process.cpuUsage();
  for (const { level: _level, time: _time, service: _service, msg, ...fields } of lines) {
    // Most lines are those of a logger that was scoped for a job: that is made anew for each.
    const { run_id, proposal_id, request_id, job_id, queue, job, owner, ...own } = fields;
    log.child({ run_id, proposal_id, request_id, job_id, queue, job, owner }).info(own, String(msg));
  }
  for (let n = 0; n < counts; n += 1) count({ kind: 'outcome', outcome: { kind: 'skipped', why: 'risk' } });
  for (let n = 0; n < observations; n += 1) {
    metrics.jobDuration.observe({ queue: 'vote', job: 'vote', result: 'completed' }, 0.1);
  }
  const scrapes = services * Math.ceil(wallS / SCRAPE_EVERY_S);
  for (let n = 0; n < scrapes; n += 1) await metrics.registry.metrics();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
}
