/**
 * One run on a system that does nothing else, from the request to its end, against a bare BullMQ flow on the same Redis that makes the
 * same calls. Runs are dry and of three proposals; the model answers at once, so that what is left is what the two do themselves. Beside
 * it stands what a run is made of: the CPU that the services and Redis take while it is under way, and how long a write takes that is
 * synced, of which a run waits for one after the other.
 */
import { cpuMsOf } from './accepting/server-process.ts';
import { decidesAll, startBareFlow } from './bare-flow.ts';
import { result, type Benchmark } from './benchmark.ts';
import { inSlowTurns, quantile, wallMs } from './measure.ts';
import { redisWork } from './redis-work.ts';
import { startSplitFlow } from './split-flow.ts';
import { spacesOf, startStand, type Stand } from './stand.ts';
import { warmUp } from './warm-up.ts';

const BUDGET = 2;
const PROPOSALS = 3;
const TURNS = { warmUp: 10, turns: 101 } as const;
/** Of each flow, before the turns: services that are up have been so for long. */
const WARM_UP = { runs: 800, atOnce: 20, mostMs: 30_000 } as const;
const WRITES = 200;

export const idleRun: Benchmark = {
  name: 'idle-run',
  does: 'one run on an idle system, end to end, against a bare BullMQ flow of the same calls',
  async run() {
    await using cleanUp = new AsyncDisposableStack();
    const spaces = spacesOf('idle', TURNS.warmUp + TURNS.turns);
    const warm = spacesOf('warm', WARM_UP.runs);
    const stand = await startStand(1, [...spaces, ...warm]);
    cleanUp.defer(stand.stop);
    const bare = await startBareFlow(stand.fleet.redisUrl, stand.script);
    cleanUp.defer(bare.close);
    const split = await startSplitFlow(stand);
    cleanUp.defer(split.close);
    const spaceOf = (turn: number): string => spaces.at(TURNS.warmUp + turn) ?? '';
    await stand.put(warm, PROPOSALS);
    const flows = [bare.run, split.run, split.runWithRecords].map((run) => decidesAll(run, PROPOSALS));
    const warmed: number[] = [];
    for (const run of [stand.dryRun, ...flows]) warmed.push(await warmUp(warm, run, WARM_UP));
    await stand.put(spaces, PROPOSALS);
    // Or the sandbox would keep what the warm-up asked of it.
    await stand.forget();
    const cpuMs: number[] = [];
    const splitMs: number[] = [];
    const keptMs: number[] = [];
    const ofSplit = async (turn: number): Promise<void> => {
      const bareMs = await split.runMs(spaceOf(turn), { records: false, proposals: PROPOSALS });
      const withRecordsMs = await split.runMs(spaceOf(turn), { records: true, proposals: PROPOSALS });
      if (turn < 0) return;
      splitMs.push(bareMs);
      keptMs.push(withRecordsMs);
    };
    const { ratio, spread, oursMs, againstMs } = await inSlowTurns(
      TURNS,
      async (turn) => {
        const before = await cpuOf(stand);
        const tookMs = await stand.dryRunMs(spaceOf(turn), PROPOSALS);
        if (turn >= 0) cpuMs.push((await cpuOf(stand)) - before);
        return tookMs;
      },
      async (turn) => {
        // Who goes first changes, as of ours and the bare flow.
        const splitFirst = turn % 2 !== 0;
        if (splitFirst) await ofSplit(turn);
        const tookMs = await wallMs(() => decidesAll(bare.run, PROPOSALS)(spaceOf(turn)));
        if (!splitFirst) await ofSplit(turn);
        return tookMs;
      },
    );
    return [
      result({
        name: 'idle-run',
        value: ratio,
        spread,
        unit: '×',
        budget: BUDGET,
        bound: 'most',
        note: [
          `${oursMs.toFixed(0)} ms against ${againstMs.toFixed(0)} ms`,
          `the same flow in four processes, with the jobs that ours has, ${quantile(splitMs, 0.5).toFixed(0)} ms`,
          `with about as many letters kept as ours keeps, ${quantile(keptMs, 0.5).toFixed(0)} ms`,
          `${quantile(cpuMs, 0.5).toFixed(0)} ms of CPU meanwhile, of the services and Redis`,
          `${warmed.join(', ')} runs to warm up ours, the bare flow, and the other two`,
          `a write that is synced takes ${(await writeMs(stand)).toFixed(2)} ms`,
        ].join('; '),
      }),
    ];
  },
};

/** CPU that the services and Redis have had so far, ms: read off the machine, so that nobody works for it. */
async function cpuOf({ fleet: { services, redis } }: Stand): Promise<number> {
  const [{ cpuMs }, ...others] = await Promise.all([
    redisWork(redis),
    ...[...services.values()].map(({ pid }) => cpuMsOf(pid)),
  ]);
  return others.reduce((sum, ms) => sum + ms, cpuMs);
}

/** The median of what one small write takes, from asking to its answer. */
async function writeMs({ fleet: { redis } }: Stand): Promise<number> {
  const tookMs: number[] = [];
  for (let write = 0; write < WRITES; write += 1) tookMs.push(await wallMs(() => redis.set('bench:write', write)));
  await redis.del('bench:write');
  return quantile(tookMs, 0.5);
}
