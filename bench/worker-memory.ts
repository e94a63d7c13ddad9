/**
 * What each service holds in memory after ten thousand dry runs of one proposal, against after the first thousand. Its garbage is
 * collected before it is read, so that what is read is what it holds on to. The worst of the four counts.
 *
 * Runs that are not done in time are left out, and the note says how many were done. What was held more after them is then taken on to
 * ten thousand, as if each run to come held as much again; of less than half of them nothing is to be concluded, and it is not met.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { memoryOf } from '../test/load/measures.ts';
import { result, type Benchmark, type BenchResult } from './benchmark.ts';
import { quantile } from './measure.ts';
import { atOnce, spacesOf, startStand, type Stand } from './stand.ts';

const BUDGET = 1.05;
const WAVES = 10;
/** Fewer say nothing of ten thousand. */
const LEAST_WAVES = WAVES / 2;
const RUNS_A_WAVE = 1_000;
const AT_ONCE = 40;
const OWNERS = 20;
/** All benchmarks are to end within 18 minutes, and this one takes most of it. */
const MOST_MS = 9 * 60 * 1_000;
/** What is held for a moment longer, as connections that nobody uses, is gone in one of these. */
const READINGS = 2;
const BETWEEN_READINGS_MS = 2_000;

/** Bytes by service. */
type Held = ReadonlyMap<string, number>;

export const workerMemory: Benchmark = {
  name: 'worker-memory',
  does: 'memory that services hold after ten thousand runs, against after one thousand',
  async run() {
    const stand = await startStand(OWNERS, []);
    try {
      const began = performance.now();
      const after: Held[] = [];
      let runningMs = 0;
      // A wave that would end after the time is not begun.
      while (after.length < WAVES && performance.now() - began + runningMs / Math.max(1, after.length) < MOST_MS) {
        runningMs += await runWave(stand, after.length);
        after.push(await read(stand));
      }
      return [resultOf(after, (RUNS_A_WAVE * after.length) / (runningMs / 1_000))];
    } finally {
      await stand.stop();
    }
  },
};

/** Returns how long the runs took, ms. */
async function runWave(stand: Stand, wave: number): Promise<number> {
  const spaces = spacesOf(`memory-${wave}`, RUNS_A_WAVE);
  await stand.put(spaces, 1);
  const began = performance.now();
  await atOnce(AT_ONCE, spaces, stand.dryRun);
  const tookMs = performance.now() - began;
  // What the sandbox remembers would slow it down.
  await stand.forget();
  return tookMs;
}

async function read({ fleet }: Stand): Promise<Held> {
  const least = new Map<string, number>();
  for (let reading = 0; reading < READINGS; reading += 1) {
    await pause(BETWEEN_READINGS_MS);
    for (const [service, { held }] of await memoryOf(fleet)) {
      least.set(service, Math.min(held, least.get(service) ?? Infinity));
    }
  }
  return least;
}

/** `after` has what was held after each wave that was done. */
export function resultOf(after: readonly Held[], runsPerS: number): BenchResult {
  const [first, last] = [after.at(0), after.at(-1)];
  if (first === undefined || last === undefined || first === last)
    throw new Error('only one wave was done in the time');
  const growth = [...first].map(([service, bytes]) => {
    const ratios = after.slice(1).map((held) => (held.get(service) ?? Number.NaN) / bytes);
    return { service, ratio: atTheEnd(ratios.at(-1) ?? Number.NaN, after.length), ratios };
  });
  const worst = growth.toSorted((a, b) => b.ratio - a.ratio)[0];
  const runs = (waves: number): string => (RUNS_A_WAVE * waves).toLocaleString('en-GB');
  const each = growth.map(({ service, ratio }) => `${service} ${ratio.toFixed(3)}`).join(', ');
  const ratios = worst?.ratios ?? [];
  const measured = result({
    name: 'worker-memory',
    value: worst?.ratio ?? Number.NaN,
    spread: (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2,
    unit: '×',
    budget: BUDGET,
    bound: 'most',
    note: `after ${runs(after.length)} runs${shortfall(after.length, runs)}: ${each}; ${runsPerS.toFixed(1)} runs/s`,
  });
  return after.length < LEAST_WAVES ? { ...measured, ok: false } : measured;
}

/** What a ratio after so many waves comes to after all of them. What is held less is not taken on: that would flatter. */
function atTheEnd(ratio: number, waves: number): number {
  return ratio > 1 && waves < WAVES ? 1 + ((ratio - 1) * (WAVES - 1)) / (waves - 1) : ratio;
}

function shortfall(waves: number, runs: (waves: number) => string): string {
  if (waves === WAVES) return '';
  const said = `, all that the time was enough for, what was held more taken on to ${runs(WAVES)}`;
  return waves < LEAST_WAVES ? `${said}; not met, as it takes ${runs(LEAST_WAVES)} at least` : said;
}
