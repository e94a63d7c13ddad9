/**
 * What a run costs where 100,000 have ended before it, against where none has but those of the warm-up; and what each proposal more
 * costs. Two whole products run side by side, one on a Redis with that history and one without, each write synced, and take turns: a
 * run here, the same run there. What each Redis does while nobody asks anything (signs of life, workers that wait) is measured first
 * and left out of the counts. Then some runs at a time, which say how many a second that is.
 */
import { OwnerId, type RunId } from '@quorum/shared/ids';
import type { World } from '@quorum/sandbox/world';
import { SpaceId, type VotingType } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { EVERYTHING, openWorld, SURE, WANTED } from '../test/e2e/world.ts';
import { NO_BUDGET } from '../test/load/no-budget.ts';
import { startStack, until, type Stack } from '../test/stack.ts';
import { result, type Benchmark, type BenchResult } from './benchmark.ts';
import { dryRun } from './dry-run.ts';
import { copyRuns } from './finished-runs.ts';
import { lineThrough } from './line-through.ts';
import { quantile } from './measure.ts';
import { costOf, costPerRun, idleWork, packed, staying, type Cost, type Side } from './side.ts';
import { atOnce } from './stand.ts';
import { warmUp } from './warm-up.ts';

/** As docs/operations/scaling.md says it was measured. */
const FINISHED_RUNS = 100_000;
const OWNERS = 50;
const SPACES = 20;

const WARM_UP_RUNS = 300;
const WARM_UP = { atOnce: 8, mostMs: 60_000 } as const;
const TURNS = 10;
const RUNS_A_TURN = 3;
/** Turns of many runs at a time. */
const BUSY_TURNS = 3;
const RUNS_A_BUSY_TURN = 40;
const LIST_PAGES = 30;
/** Proposals of the runs that are held against each other, and of those that show what each more costs. */
const USUAL = 3;
const SIZES = [1, 2, 5, 10] as const;
const RUNS_OF_A_SIZE = 4;
const LISTS = ['/agent-run?limit=20', '/decisions?limit=20'] as const;

/** Counts are the same each time but for a list that has grown its tree; CPU time differs by this on a busy machine. */
const BUDGET = 1.1;

/** The spaces of the usual runs, each of which is in one of them: those that go before, those of the turns, those of the busy ones. */
const USUAL_SPACES = {
  first: 'usual-first.eth',
  warmUp: spacesOf('warm', WARM_UP_RUNS),
  turns: Array.from({ length: TURNS }, (_, turn) => spacesOf(`turn-${turn}`, RUNS_A_TURN)),
  busy: Array.from({ length: BUSY_TURNS }, (_, turn) => spacesOf(`busy-${turn}`, RUNS_A_BUSY_TURN)),
} as const;

export const history: Benchmark = {
  name: 'history',
  does: 'a run where 100,000 ended before, against where none did; and what each proposal more costs',
  alone: true,
  async run() {
    await using cleanUp = new AsyncDisposableStack();
    const without = { stack: await openSide(cleanUp), idle: { commands: 0, cpuMs: 0 } };
    const within = { stack: await openSide(cleanUp), idle: { commands: 0, cpuMs: 0 } };
    return await compare(without, within);
  },
};

async function compare(without: Side, within: Side): Promise<BenchResult[]> {
  const template = await runOn(within.stack, USUAL_SPACES.first, USUAL);
  await runOn(without.stack, USUAL_SPACES.first, USUAL);
  await packed(within.stack, template);
  const owners = [within.stack.owner, ...Array.from({ length: OWNERS - 1 }, (_, at) => OwnerId.parse(`past-${at}`))];
  const spaces = USUAL_SPACES.turns
    .flat()
    .slice(0, SPACES)
    .map((space) => SpaceId.parse(space));
  const began = performance.now();
  // It looks after runs that are open without a job, as these are for a moment.
  await within.stack.sigterm('fetcher');
  await unsynced(within.stack.redis, () =>
    copyRuns(within.stack.redis, { template, owners, spaces, count: FINISHED_RUNS }),
  );
  await within.stack.start('fetcher');
  const copyS = (performance.now() - began) / 1_000;
  const warm: number[] = [];
  for (const { stack } of [without, within])
    warm.push(await warmUp(USUAL_SPACES.warmUp, (space) => runOn(stack, space, USUAL), WARM_UP));
  [without.idle, within.idle] = await Promise.all([idleWork(without.stack), idleWork(within.stack)]);

  const [bytesWithout, bytesWithin] = [await staying(without.stack), await staying(within.stack)];
  const [bare = [], full = []] = await turnByTurn([without, within], USUAL_SPACES.turns, async (side, turn) =>
    costPerRun(await costOf(side, () => runAll(side.stack, turn, USUAL)), RUNS_A_TURN),
  );
  const grown = [
    ((await staying(without.stack)) - bytesWithout) / (TURNS * RUNS_A_TURN),
    ((await staying(within.stack)) - bytesWithin) / (TURNS * RUNS_A_TURN),
  ];
  const busy = await turnByTurn([without, within], USUAL_SPACES.busy, busyTurn);
  const info = await within.stack.redis.info('memory');
  const usedMb = Number(/^used_memory:(\d+)/m.exec(info)?.[1]) / 1e6;
  const idle = [without, within].map((side) => `${(1_000 * side.idle.cpuMs).toFixed(1)} ms`).join(' → ');
  const behind = `${FINISHED_RUNS.toLocaleString('en-GB')} finished runs, ${usedMb.toFixed(0)} MB, copied in ${copyS.toFixed(0)} s; ${warm.join(' and ')} runs to warm up`;
  return [
    against(
      'history-commands',
      bare,
      full,
      ({ commands }) => commands,
      (value) => `${value.toFixed(0)} commands`,
      behind,
    ),
    against(
      'history-cpu',
      bare,
      full,
      ({ servicesMs, redisMs }) => servicesMs + redisMs,
      (value) => `${value.toFixed(1)} ms of services and Redis`,
      [
        `one after the other: services ${both([bare, full], (cost) => cost.servicesMs)} ms, Redis ${both([bare, full], (cost) => cost.redisMs)} ms, without what it takes while nobody asks, ${idle} a second`,
        `${WARM_UP.atOnce} at a time: ${both(busy, ({ perS }) => perS)} runs/s, services ${both(busy, (cost) => cost.servicesMs)} ms, Redis ${both(busy, (cost) => cost.redisMs)} ms, ${both(busy, ({ commands }) => commands)} commands`,
      ].join('; '),
    ),
    atMost(
      'history-bytes',
      (grown[1] ?? Number.NaN) / (grown[0] ?? Number.NaN),
      0,
      `${grown.map((one) => one.toFixed(0)).join(' → ')} bytes kept of a run`,
    ),
    ...(await compareLists(without, within)),
    await proposalsAreLinear(within),
  ];
}

/** Measures one side after the other in each turn; gives back what each came to, turn by turn. */
async function turnByTurn<T>(
  sides: readonly Side[],
  turns: readonly (readonly string[])[],
  measure: (side: Side, spaces: readonly string[]) => Promise<T>,
): Promise<T[][]> {
  const measured = new Map<Side, T[]>(sides.map((side) => [side, []]));
  for (const [turn, spaces] of turns.entries()) {
    // Who goes first changes: the machine may be slower for a while.
    for (const side of turn % 2 === 0 ? sides : sides.toReversed())
      measured.get(side)?.push(await measure(side, spaces));
  }
  return [...measured.values()];
}

type Busy = Cost & { readonly perS: number };

/** Many runs, some at a time, and how many a second that is. */
async function busyTurn(side: Side, spaces: readonly string[]): Promise<Busy> {
  let tookS = Number.NaN;
  const cost = await costOf(side, async () => {
    const runs: RunId[] = [];
    const began = performance.now();
    await atOnce(WARM_UP.atOnce, spaces, async (space) => runs.push(await runOn(side.stack, space, USUAL)));
    tookS = (performance.now() - began) / 1_000;
    return runs;
  });
  return { ...costPerRun(cost, spaces.length), perS: spaces.length / tookS };
}

/** The medians of both sides. */
function both<T>(sides: readonly (readonly T[])[], of: (one: T) => number): string {
  return sides.map((all) => quantile(all.map(of), 0.5).toFixed(1)).join(' → ');
}

/**
 * Does it on a Redis that meanwhile does not write down what it keeps, and does again when it is done: 100,000 runs, of which each would
 * wait for the disk, take minutes.
 */
async function unsynced(redis: Redis, work: () => Promise<void>): Promise<void> {
  await redis.config('SET', 'appendonly', 'no');
  await work();
  await redis.config('SET', 'appendonly', 'yes');
  await until('all that it keeps to be written down', async () => {
    const info = await redis.info('persistence');
    return ['aof_enabled:1', 'aof_rewrite_scheduled:0', 'aof_rewrite_in_progress:0'].every((is) => info.includes(is));
  });
}

/**
 * First pages of lists: what each asks of Redis. That is the same each time, and what services ask meanwhile only adds to it, now this
 * much and now that: so the least of some pages is what one takes.
 */
async function compareLists(without: Side, within: Side): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const list of LISTS) {
    const [bare, full] = [await pageCommands(without, list), await pageCommands(within, list)];
    const name = `history-list-${list.slice(1, list.indexOf('?'))}`;
    results.push(atMost(name, full / bare, 0, `${bare} → ${full} commands a page, the least of ${LIST_PAGES}`));
  }
  return results;
}

/** The least commands that a page of this list took. */
async function pageCommands({ stack }: Side, list: string): Promise<number> {
  const nothing = { commands: 0, cpuMs: 0 };
  const pages: number[] = [];
  for (let page = 0; page < LIST_PAGES; page += 1) {
    const { commands } = await costOf({ stack, idle: nothing }, async () => {
      const response = await fetch(`${stack.url}${list}`);
      if (!response.ok) throw new Error(`GET ${list}: ${response.status} ${await response.text()}`);
      await response.arrayBuffer();
      return [];
    });
    pages.push(commands);
  }
  return Math.min(...pages);
}

/** The commands that a proposal more costs in large runs, against what it costs in small ones. */
async function proposalsAreLinear(side: Side): Promise<BenchResult> {
  const points: { readonly x: number; readonly y: number }[] = [];
  for (const size of SIZES) {
    const commands: number[] = [];
    for (let nth = 0; nth < RUNS_OF_A_SIZE; nth += 1) {
      const cost = await costOf(side, () => runAll(side.stack, [sizedSpace(size, nth)], size));
      commands.push(cost.commands);
    }
    points.push({ x: size, y: quantile(commands, 0.5) });
  }
  const at = (size: number): number => points.find(({ x }) => x === size)?.y ?? Number.NaN;
  const [small, large] = [(at(5) - at(1)) / 4, (at(10) - at(5)) / 5];
  const { slope, start } = lineThrough(points);
  const off = Math.max(...points.map(({ x, y }) => Math.abs(y - (start + slope * x)) / y));
  const told = points.map(({ x, y }) => `${x}: ${y.toFixed(0)}`).join(', ');
  const fit = `${start.toFixed(0)} + ${slope.toFixed(1)} × proposals, off by ${(100 * off).toFixed(1)} % at most`;
  return atMost('proposals-linear', large / small, 0, `commands of runs of ${told}; ${fit}`);
}

const medianOf = (costs: readonly Cost[], of: (cost: Cost) => number): number => quantile(costs.map(of), 0.5);

function against(
  name: string,
  bare: readonly Cost[],
  full: readonly Cost[],
  of: (cost: Cost) => number,
  words: (value: number) => string,
  behind?: string,
): BenchResult {
  const [before, now] = [medianOf(bare, of), medianOf(full, of)];
  const ratios = full.map((cost, at) => of(cost) / of(bare[at] ?? cost));
  const note = [`${words(before)} → ${words(now)}`, ...(behind === undefined ? [] : [behind])].join('; ');
  return atMost(name, now / before, (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2, note);
}

function atMost(name: string, value: number, spread: number, note: string): BenchResult {
  return result({ name, value, spread, unit: '×', budget: BUDGET, bound: 'most', note });
}

function spacesOf(what: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `usual-${what}-${at}.eth`);
}
const sizedSpace = (size: number, nth: number): string => `sized-${size}-${nth}.eth`;

async function openSide(cleanUp: AsyncDisposableStack): Promise<Stack> {
  const { first, warmUp: before, turns, busy } = USUAL_SPACES;
  const usual = [first, ...before, ...turns.flat(), ...busy.flat()];
  const sized = SIZES.flatMap((size) => Array.from({ length: RUNS_OF_A_SIZE }, (_, nth) => sizedSpace(size, nth)));
  const stack = await startStack({
    world: worldOf(usual, sized),
    space: first,
    // The owner may vote in all of them, as whoever uses Quorum does.
    moreSpaces: [...usual.slice(1), ...sized],
    preferences: EVERYTHING,
    appendonly: true,
    env: { ...SURE, ...NO_BUDGET },
  });
  cleanUp.defer(() => stack.stop());
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
  return stack;
}

/** Spaces of as many proposals as their names say. */
function worldOf(usual: readonly string[], sized: readonly string[]): World {
  const most = Math.max(...SIZES);
  const world = openWorld({
    spaces: [...usual, ...sized],
    types: Array.from({ length: most }, (): VotingType => 'basic'),
  });
  const sizeOf = (space: string): number => Number(/^sized-(\d+)-/.exec(space)?.[1] ?? USUAL);
  const proposals = world.proposals.filter(
    ({ space }, at) => at % most < sizeOf(typeof space === 'string' ? space : space.id),
  );
  return { ...world, proposals };
}

async function runAll(stack: Stack, spaces: readonly string[], size: number): Promise<readonly RunId[]> {
  const runs: RunId[] = [];
  for (const space of spaces) runs.push(await runOn(stack, space, size));
  return runs;
}

/** A dry run, waited for as clients wait. */
async function runOn(stack: Stack, space: string, size: number): Promise<RunId> {
  return (await dryRun(stack.url, space, size)).run_id;
}
