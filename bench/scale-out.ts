/**
 * What more replicas of each worker give, on one Redis: runs a second with 1, 2 and 4 of fetcher, decider and voter, where a decision
 * waits for its model and each worker takes few jobs at once, as many replicas on many machines would. There it is places that are
 * short, not cores. CPU and commands of a run say where the next limit is, on this machine and on larger ones; so do runs whose model
 * answers at once, some at a time, as fast as this machine can. All of it is warm, each replica too.
 */
import { EVERYTHING, openWorld } from '../test/e2e/world.ts';
import { NO_BUDGET } from '../test/load/no-budget.ts';
import { startStack, type Stack } from '../test/stack.ts';
import { result, type Benchmark, type BenchResult } from './benchmark.ts';
import { dryRun } from './dry-run.ts';
import { redisWork } from './redis-work.ts';
import { servicesMs } from './services-cpu.ts';
import { atOnce } from './stand.ts';
import { warmUp } from './warm-up.ts';

const REPLICAS = [1, 2, 4] as const;
const WORKERS = ['fetcher', 'decider', 'voter'] as const;
/** Runs of one proposal. With each count of replicas as many as make its wave about as long. */
const RUNS_A_REPLICA = 24;
const WARM_UP_RUNS_A_REPLICA = 200;
const WARM_UP = { atOnce: 16, mostMs: 40_000 } as const;
const FAST_RUNS = 120;
/** What a process works on at once, so small that replicas are what is short, and how long a model takes. */
const CONCURRENCY = 4;
const MODEL_MS = 1_000;
/** Four times the workers are to do so much more; ideal is four. */
const LEAST_GAIN = 3;
/** A run is not to cost more for there being others who might have taken it. */
const MOST_CPU = 1.25;

type Wave = {
  readonly replicas: number;
  readonly perS: number;
  readonly servicesMs: number;
  readonly redisMs: number;
  readonly commands: number;
  readonly cores: number;
};

/** What was measured with a count of replicas. */
type Measured = { readonly waiting: Wave; readonly fast: Wave };

/** The spaces of the runs with a count of replicas, each of which is in one of them. */
const spacesWith = (replicas: number) => ({
  warmUp: spacesOf(`warm-${replicas}`, replicas * WARM_UP_RUNS_A_REPLICA),
  fast: spacesOf(`fast-${replicas}`, FAST_RUNS),
  waiting: spacesOf(`waiting-${replicas}`, replicas * RUNS_A_REPLICA),
});

export const scaleOut: Benchmark = {
  name: 'scale-out',
  does: 'runs a second and CPU a run with 1, 2 and 4 replicas of each worker',
  alone: true,
  async run() {
    const spaces = REPLICAS.map(spacesWith);
    const [first = '', ...others] = spaces.flatMap(({ warmUp: warm, fast, waiting }) => [...warm, ...fast, ...waiting]);
    const stack = await startStack({
      world: openWorld({ spaces: [first, ...others], types: ['basic'] }),
      space: first,
      // The owner may vote in all of them, as whoever uses Quorum does.
      moreSpaces: others,
      preferences: EVERYTHING,
      appendonly: true,
      env: { DECIDER_MODELS: 'slow', CONCURRENCY: `${CONCURRENCY}`, ...NO_BUDGET },
    });
    try {
      const measured: Measured[] = [];
      const warmed: number[] = [];
      let running = 1;
      for (const [at, replicas] of REPLICAS.entries()) {
        for (; running < replicas; running += 1) await Promise.all(WORKERS.map((worker) => stack.start(worker)));
        const { warmUp: warm = [], fast = [], waiting = [] } = spaces[at] ?? {};
        await modelTakes(stack, 0);
        warmed.push(await warmUp(warm, (space) => dryRun(stack.url, space, 1), WARM_UP));
        const quick = await runWave(stack, fast, { replicas, width: WARM_UP.atOnce });
        await modelTakes(stack, MODEL_MS);
        measured.push({ fast: quick, waiting: await runWave(stack, waiting, { replicas, width: waiting.length }) });
      }
      return resultsOf(measured, warmed);
    } finally {
      await stack.stop();
    }
  },
};

function spacesOf(what: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${what}-${at}.eth`);
}

async function modelTakes(stack: Stack, ms: number): Promise<void> {
  await stack.control('POST', 'model', { persona: 'slow', latency_ms: ms });
}

type WaveOptions = { readonly replicas: number; readonly width: number };

async function runWave(stack: Stack, spaces: readonly string[], { replicas, width }: WaveOptions): Promise<Wave> {
  const [servicesBefore, before, began] = [await servicesMs(stack), await redisWork(stack.redis), performance.now()];
  await atOnce(width, spaces, (space) => dryRun(stack.url, space, 1));
  const seconds = (performance.now() - began) / 1_000;
  const after = await redisWork(stack.redis);
  const redisMs = after.cpuMs - before.cpuMs;
  const ofServices = (await servicesMs(stack)) - servicesBefore;
  const runs = spaces.length;
  return {
    replicas,
    perS: runs / seconds,
    servicesMs: ofServices / runs,
    redisMs: redisMs / runs,
    commands: (after.commands - before.commands) / runs,
    cores: (ofServices + redisMs) / 1_000 / seconds,
  };
}

function resultsOf(measured: readonly Measured[], warmed: readonly number[]): BenchResult[] {
  const waiting = measured.map((one) => one.waiting);
  const [one, most] = [waiting.at(0), waiting.at(-1)];
  const cpuMs = (wave: Wave | undefined): number => (wave === undefined ? Number.NaN : wave.servicesMs + wave.redisMs);
  const gain = (most?.perS ?? Number.NaN) / (one?.perS ?? Number.NaN);
  return [
    result({
      name: 'scale-out-runs',
      value: gain,
      spread: 0,
      unit: '×',
      budget: LEAST_GAIN,
      bound: 'least',
      note: `${CONCURRENCY} places in a worker, the model at ${MODEL_MS / 1_000} s: ${speedsOf(waiting)}; ${warmed.join(', ')} runs to warm up`,
    }),
    result({
      name: 'scale-out-cpu',
      value: cpuMs(most) / cpuMs(one),
      spread: 0,
      unit: '×',
      budget: MOST_CPU,
      bound: 'most',
      note: [
        `a run, the model at ${MODEL_MS / 1_000} s: ${costsOf(waiting)}`,
        `at 0 s, ${WARM_UP.atOnce} at a time: ${speedsOf(measured.map(({ fast }) => fast))}; ${costsOf(measured.map(({ fast }) => fast))}`,
      ].join('; '),
    }),
  ];
}

function speedsOf(waves: readonly Wave[]): string {
  return waves
    .map(({ replicas, perS, cores }) => `${replicas}: ${perS.toFixed(2)} runs/s on ${cores.toFixed(2)} cores`)
    .join(', ');
}

function costsOf(waves: readonly Wave[]): string {
  return waves
    .map((wave) => {
      const [services, redis] = [wave.servicesMs, wave.redisMs].map((ms) => ms.toFixed(1));
      return `${wave.replicas}: ${services} ms of CPU of the services, ${redis} of Redis, ${wave.commands.toFixed(0)} commands`;
    })
    .join(', ');
}
