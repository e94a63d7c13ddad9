/**
 * CPU of a run, the four services and Redis together, against a straight-line script that makes the same calls as many at a time. Runs
 * are dry and of three proposals, as they are unless an owner says otherwise. The CPU of the sandbox, and ours of asking for the runs,
 * is left out; the script's is all of it that this process takes meanwhile. What a bare BullMQ flow of the same calls takes is told
 * beside it: that much is the price of a queue that loses nothing, before anything of ours.
 */
import { decidesAll, startBareFlow } from './bare-flow.ts';
import { result, type Benchmark } from './benchmark.ts';
import { inSlowTurns, quantile } from './measure.ts';
import { startSplitFlow, type SplitFlow } from './split-flow.ts';
import { atOnce, cpuOf, spacesOf, spacesOfTurns, startStand, type Stand } from './stand.ts';

const BUDGET = 1.7;
const PROPOSALS = 3;
const RUNS = 60;
const AT_ONCE = 20;
const OWNERS = 4;
/** The engine is still compiling for the first few hundred runs. */
const TURNS = { warmUp: 4, turns: 7 } as const;

export const cpuPerRun: Benchmark = {
  name: 'cpu-per-run',
  does: 'CPU of a dry run of three proposals, services and Redis, against a script of the same calls',
  async run() {
    await using cleanUp = new AsyncDisposableStack();
    const stand = await startStand(OWNERS, spacesOfTurns(TURNS, RUNS));
    cleanUp.defer(stand.stop);
    const split = await startSplitFlow(stand);
    cleanUp.defer(split.close);
    const runsPerS: number[] = [];
    const scriptsPerS: number[] = [];
    const calls: number[] = [];
    const bareMs: number[] = [];
    const splitMs: number[] = [];
    const flows = [
      { into: bareMs, flowMs: (spaces: readonly string[]) => bareFlowMs(stand, spaces) },
      { into: splitMs, flowMs: (spaces: readonly string[]) => splitFlowMs(stand.fleet, split, spaces) },
    ];
    const byPart = new Map<string, number[]>();
    const ours = async (turn: number): Promise<number> => {
      const [before, began] = [await cpuOf(stand.fleet), performance.now()];
      await atOnce(AT_ONCE, spacesOf(turn, RUNS), stand.dryRun);
      const seconds = (performance.now() - began) / 1_000;
      const after = await cpuOf(stand.fleet);
      calls.push((await stand.asked()).length);
      const parts = [...after].map(([part, ms]) => [part, (ms - (before.get(part) ?? 0)) / RUNS] as const);
      if (turn >= 0) {
        runsPerS.push(RUNS / seconds);
        for (const [part, ms] of parts) byPart.set(part, [...(byPart.get(part) ?? []), ms]);
      }
      return parts.reduce((sum, [, ms]) => sum + ms, 0);
    };
    const against = async (turn: number): Promise<number> => {
      const [cpu, began] = [process.cpuUsage(), performance.now()];
      await atOnce(AT_ONCE, spacesOf(turn, RUNS), stand.script.run);
      const seconds = (performance.now() - began) / 1_000;
      const { user, system } = process.cpuUsage(cpu);
      if (turn >= 0) scriptsPerS.push(RUNS / seconds);
      calls.push((await stand.asked()).length);
      // Who goes first changes, as of ours and the script.
      for (const { flowMs, into } of turn % 2 === 0 ? flows : flows.toReversed()) {
        const ms = await flowMs(spacesOf(turn, RUNS));
        calls.push((await stand.asked()).length);
        if (turn >= 0) into.push(ms);
      }
      return (user + system) / 1_000 / RUNS;
    };
    const prepare = (turn: number) => stand.put(spacesOf(turn, RUNS), PROPOSALS);
    const { ratio, spread, oursMs, againstMs } = await inSlowTurns({ ...TURNS, prepare }, ours, against);
    const each = sameCalls(calls);
    const speed = `${quantile(runsPerS, 0.5).toFixed(1)} runs/s against ${quantile(scriptsPerS, 0.5).toFixed(1)}`;
    const bare = `a bare BullMQ flow takes ${quantile(bareMs, 0.5).toFixed(1)} ms, the same in four processes with the jobs that ours has ${quantile(splitMs, 0.5).toFixed(1)}`;
    const parts = [...byPart].map(([part, all]) => `${part} ${quantile(all, 0.5).toFixed(1)}`).join(', ');
    return [
      result({
        name: 'cpu-per-run',
        value: ratio,
        spread,
        unit: '×',
        budget: BUDGET,
        bound: 'most',
        note: `${oursMs.toFixed(1)} ms (${parts}) against ${againstMs.toFixed(1)} ms; ${bare}; ${speed}, ${AT_ONCE} at a time; ${each} calls a run`,
      }),
    ];
  },
};

/** The same of the flow that is spread over four processes, and Redis. */
async function splitFlowMs(fleet: Stand['fleet'], split: SplitFlow, spaces: readonly string[]): Promise<number> {
  const cpuMs = async (): Promise<number> => (await split.cpuMs()) + (await redisMs(fleet));
  const before = await cpuMs();
  await atOnce(AT_ONCE, spaces, decidesAll(split.run, PROPOSALS));
  const after = await cpuMs();
  return (after - before) / spaces.length;
}

async function redisMs(fleet: Stand['fleet']): Promise<number> {
  return (await cpuOf(fleet)).get('Redis') ?? Number.NaN;
}

/** CPU of a run of the bare flow, this process and Redis, ms. */
async function bareFlowMs({ fleet, script }: Stand, spaces: readonly string[]): Promise<number> {
  const bare = await startBareFlow(fleet.redisUrl, script);
  try {
    const [before, cpu] = [await redisMs(fleet), process.cpuUsage()];
    await atOnce(AT_ONCE, spaces, decidesAll(bare.run, PROPOSALS));
    const { user, system } = process.cpuUsage(cpu);
    return ((user + system) / 1_000 + (await redisMs(fleet)) - before) / spaces.length;
  } finally {
    await bare.close();
  }
}

/** The calls of a run. Throws where some made a different number of them: it would be no comparison. */
function sameCalls(calls: readonly number[]): number {
  const different = [...new Set(calls)];
  if (different.length !== 1) throw new Error(`they made different numbers of calls: ${different.join(', ')}`);
  return (different[0] ?? Number.NaN) / RUNS;
}
