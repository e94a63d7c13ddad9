/**
 * What more replicas of each worker give, on one Redis: runs a second with 1, 2 and 4 of fetcher, decider and voter, where a decision
 * waits for its model and each worker takes few jobs at once, as many replicas on many machines would. CPU and commands of a run say
 * where the next limit is, on this machine and on larger ones.
 */
import { AgentRunAccepted } from '@quorum/shared/run';
import { EVERYTHING, openWorld } from '../test/e2e/world.ts';
import { startStack, type Stack } from '../test/stack.ts';
import { result, type Benchmark, type BenchResult } from './benchmark.ts';
import { redisWork } from './redis-work.ts';
import { servicesMs } from './services-cpu.ts';

const REPLICAS = [1, 2, 4] as const;
const WORKERS = ['fetcher', 'decider', 'voter'] as const;
/** Runs of one proposal. With each count of replicas as many as make its wave about as long. */
const RUNS_A_REPLICA = 24;
const WARM_UP_RUNS = 8;
/** What a process works on at once, so small that replicas are what is short, and how long a model takes. */
const CONCURRENCY = 4;
const MODEL_MS = 1_000;
/** Four times the workers are to do so much more: the machine's cores, not Redis and not the queues, may keep it below four. */
const LEAST_GAIN = 1.5;
/** A run is not to cost more for there being others who might have taken it. */
const MOST_CPU = 1.25;

type Wave = {
  readonly replicas: number;
  readonly perS: number;
  readonly cpuMs: number;
  readonly redisMs: number;
  readonly commands: number;
  readonly cores: number;
};

export const scaleOut: Benchmark = {
  name: 'scale-out',
  does: 'runs a second and CPU a run with 1, 2 and 4 replicas of each worker',
  alone: true,
  async run() {
    const counts = REPLICAS.flatMap((replicas) => [replicas * WARM_UP_RUNS, replicas * RUNS_A_REPLICA]);
    const spaces = counts.map((count, wave) => Array.from({ length: count }, (_, at) => `wave-${wave}-${at}.eth`));
    const [first = '', ...others] = spaces.flat();
    const stack = await startStack({
      world: openWorld({ spaces: [first, ...others], types: ['basic'] }),
      space: first,
      preferences: EVERYTHING,
      appendonly: true,
      env: { DECIDER_MODELS: 'slow', CONCURRENCY: `${CONCURRENCY}` },
    });
    try {
      await stack.control('POST', 'model', { persona: 'slow', latency_ms: MODEL_MS });
      const waves: Wave[] = [];
      let running = 1;
      for (const [at, replicas] of REPLICAS.entries()) {
        for (; running < replicas; running += 1) await Promise.all(WORKERS.map((worker) => stack.start(worker)));
        // Those that have just started are slower for a while, which is not what is asked.
        await runWave(stack, spaces[2 * at] ?? [], replicas);
        waves.push(await runWave(stack, spaces[2 * at + 1] ?? [], replicas));
      }
      return resultsOf(waves);
    } finally {
      await stack.stop();
    }
  },
};

async function runWave(stack: Stack, spaces: readonly string[], replicas: number): Promise<Wave> {
  const [servicesBefore, before, began] = [await servicesMs(stack), await redisWork(stack.redis), performance.now()];
  await Promise.all(spaces.map((space) => runToItsEnd(stack, space)));
  const seconds = (performance.now() - began) / 1_000;
  const after = await redisWork(stack.redis);
  const redisMs = after.cpuMs - before.cpuMs;
  const cpuMs = (await servicesMs(stack)) - servicesBefore + redisMs;
  const runs = spaces.length;
  return {
    replicas,
    perS: runs / seconds,
    cpuMs: cpuMs / runs,
    redisMs: redisMs / runs,
    commands: (after.commands - before.commands) / runs,
    cores: cpuMs / 1_000 / seconds,
  };
}

/** A dry run, and a client that waits for it as the API lets it: the same request again. */
async function runToItsEnd(stack: Stack, space: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${stack.url}/agent-run`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30', 'idempotency-key': space },
      body: JSON.stringify({ space_id: space, dry_run: true }),
    });
    const body: unknown = await response.json();
    if (response.status === 200) return;
    if (response.status !== 202) throw new Error(`POST /agent-run: ${response.status} ${JSON.stringify(body)}`);
    AgentRunAccepted.parse(body);
  }
}

function resultsOf(waves: readonly Wave[]): BenchResult[] {
  const [one, most] = [waves.at(0), waves.at(-1)];
  const gain = (most?.perS ?? Number.NaN) / (one?.perS ?? Number.NaN);
  const dearer = (most?.cpuMs ?? Number.NaN) / (one?.cpuMs ?? Number.NaN);
  const each = (words: (wave: Wave) => string): string =>
    waves.map((wave) => `${wave.replicas}: ${words(wave)}`).join('; ');
  return [
    result({
      name: 'scale-out-runs',
      value: gain,
      spread: 0,
      unit: '×',
      budget: LEAST_GAIN,
      bound: 'least',
      note: each(({ perS, cores }) => `${perS.toFixed(2)} runs/s on ${cores.toFixed(2)} cores`),
    }),
    result({
      name: 'scale-out-cpu',
      value: dearer,
      spread: 0,
      unit: '×',
      budget: MOST_CPU,
      bound: 'most',
      note: each(
        ({ cpuMs, redisMs, commands }) =>
          `${cpuMs.toFixed(0)} ms of CPU a run, ${redisMs.toFixed(1)} of it Redis, ${commands.toFixed(0)} commands`,
      ),
    }),
  ];
}
