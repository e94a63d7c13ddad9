/**
 * What a run costs where 100,000 have ended before it, against where none has; and what each proposal more costs. Two whole products
 * run side by side, one on a Redis with that history and one without, and take turns: a run here, the same run there. What each Redis
 * does while nobody asks anything (signs of life, workers that wait) is measured first and left out of the counts.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { OwnerId, type RunId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { AgentRunView } from '@quorum/shared/run';
import type { World } from '@quorum/sandbox/world';
import { SpaceId, type VotingType } from '@quorum/snapshot/proposal';
import { EVERYTHING, openWorld, SURE, WANTED } from '../test/e2e/world.ts';
import { keptBytes, PASSING } from '../test/load/measures.ts';
import { startStack, until, type Stack } from '../test/stack.ts';
import { result, type Benchmark, type BenchResult } from './benchmark.ts';
import { copyRuns } from './finished-runs.ts';
import { lineThrough } from './line-through.ts';
import { quantile } from './measure.ts';
import { redisWork } from './redis-work.ts';
import { servicesMs } from './services-cpu.ts';

/** As docs/operations/scaling.md says it was measured. */
const FINISHED_RUNS = 100_000;
const OWNERS = 50;
const SPACES = 20;

const WARM_UP_TURNS = 4;
const TURNS = 10;
const RUNS_A_TURN = 3;
const LIST_TURNS = 40;
const IDLE_MS = 12_000;
/** Proposals of the runs that are held against each other, and of those that show what each more costs. */
const USUAL = 3;
const SIZES = [1, 2, 5, 10] as const;
const RUNS_OF_A_SIZE = 4;
/** The last job of a run is put away after its record is packed. */
const PUT_AWAY_MS = 100;
/** What `redisWork` itself asks, of which the last sees itself. */
const INFOS = 2;
const LISTS = ['/agent-run?limit=20', '/decisions?limit=20'] as const;

/** Counts are the same each time but for a list that has grown its tree; CPU time differs by this on a busy machine. */
const BUDGET = 1.1;

/** What a Redis does in a millisecond in which nobody asks anything of the product. */
type Idle = { readonly commands: number; readonly cpuMs: number };
type Side = { readonly stack: Stack; idle: Idle };
type Cost = { readonly commands: number; readonly redisMs: number; readonly cpuMs: number };

export const history: Benchmark = {
  name: 'history',
  does: 'a run where 100,000 ended before, against where none did; and what each proposal more costs',
  alone: true,
  async run() {
    const sides: Side[] = [];
    try {
      for (let at = 0; at < 2; at += 1) sides.push({ stack: await openSide(), idle: { commands: 0, cpuMs: 0 } });
      const [without, within] = sides;
      if (without === undefined || within === undefined) throw new Error('There are no two products');
      return await compare(without, within);
    } finally {
      for (const { stack } of sides) await stack.stop();
    }
  },
};

async function compare(without: Side, within: Side): Promise<BenchResult[]> {
  const template = await runOn(within.stack, usualSpace(0), USUAL);
  await runOn(without.stack, usualSpace(0), USUAL);
  await packed(within.stack, template);
  const owners = [within.stack.owner, ...Array.from({ length: OWNERS - 1 }, (_, at) => OwnerId.parse(`past-${at}`))];
  const spaces = Array.from({ length: SPACES }, (_, at) => SpaceId.parse(usualSpace(at)));
  const began = performance.now();
  // It looks after runs that are open without a job, as these are for a moment.
  await within.stack.sigterm('fetcher');
  await copyRuns(within.stack.redis, { template, owners, spaces, count: FINISHED_RUNS });
  await within.stack.start('fetcher');
  const copyS = (performance.now() - began) / 1_000;
  for (let turn = 1; turn < WARM_UP_TURNS; turn += 1) {
    for (const { stack } of [without, within]) await runOn(stack, usualSpace(turn), USUAL);
  }
  for (const side of [without, within]) side.idle = await idleWork(side.stack);

  const [bytesWithout, bytesWithin] = [await staying(without.stack), await staying(within.stack)];
  const costs = new Map<Side, Cost[]>([without, within].map((side) => [side, []]));
  for (let turn = 0; turn < TURNS; turn += 1) {
    // Who goes first changes: the machine may be slower for a while.
    for (const side of turn % 2 === 0 ? [without, within] : [within, without]) {
      const first = WARM_UP_TURNS + turn * RUNS_A_TURN;
      const inTurn = Array.from({ length: RUNS_A_TURN }, (_, nth) => usualSpace(first + nth));
      costs.get(side)?.push(perRun(await costOf(side, () => runAll(side.stack, inTurn, USUAL))));
    }
  }
  const grown = [
    ((await staying(without.stack)) - bytesWithout) / (TURNS * RUNS_A_TURN),
    ((await staying(within.stack)) - bytesWithin) / (TURNS * RUNS_A_TURN),
  ];
  const [bare = [], full = []] = [costs.get(without), costs.get(within)];
  const info = await within.stack.redis.info('memory');
  const usedMb = Number(/^used_memory:(\d+)/m.exec(info)?.[1]) / 1e6;
  const idle = [without, within].map((side) => `${(1_000 * side.idle.cpuMs).toFixed(1)} ms`).join(' → ');
  const redisMs = [bare, full].map((all) => `${medianOf(all, (cost) => cost.redisMs).toFixed(1)} ms`).join(' → ');
  const behind = `${FINISHED_RUNS.toLocaleString('en-GB')} finished runs, ${usedMb.toFixed(0)} MB, copied in ${copyS.toFixed(0)} s`;
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
      ({ cpuMs }) => cpuMs,
      (value) => `${value.toFixed(0)} ms of services and Redis`,
      `of it Redis ${redisMs}, without what it takes while nobody asks, ${idle} a second`,
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

/** First pages of lists: what each asks of Redis. */
async function compareLists(without: Side, within: Side): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const list of LISTS) {
    const costs = new Map<Side, Cost[]>([without, within].map((side) => [side, []]));
    for (let turn = -5; turn < LIST_TURNS; turn += 1) {
      for (const side of [without, within]) {
        const cost = await costOf(side, async () => {
          const response = await fetch(`${side.stack.url}${list}`);
          if (!response.ok) throw new Error(`GET ${list}: ${response.status} ${await response.text()}`);
          await response.arrayBuffer();
          return [];
        });
        if (turn >= 0) costs.get(side)?.push(cost);
      }
    }
    const name = `history-list-${list.slice(1, list.indexOf('?'))}`;
    const [bare = [], full = []] = [costs.get(without), costs.get(within)];
    results.push(
      against(
        name,
        bare,
        full,
        ({ commands }) => commands,
        (value) => `${value.toFixed(0)} commands a page`,
      ),
    );
  }
  return results;
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

const usualSpace = (at: number): string => `usual-${at}.eth`;
const sizedSpace = (size: number, nth: number): string => `sized-${size}-${nth}.eth`;

async function openSide(): Promise<Stack> {
  const usual = Array.from({ length: WARM_UP_TURNS + TURNS * RUNS_A_TURN }, (_, at) => usualSpace(at));
  const sized = SIZES.flatMap((size) => Array.from({ length: RUNS_OF_A_SIZE }, (_, nth) => sizedSpace(size, nth)));
  const stack = await startStack({
    world: worldOf(usual, sized),
    space: usualSpace(0),
    preferences: EVERYTHING,
    env: SURE,
  });
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

function perRun({ commands, redisMs, cpuMs }: Cost): Cost {
  return { commands: commands / RUNS_A_TURN, redisMs: redisMs / RUNS_A_TURN, cpuMs: cpuMs / RUNS_A_TURN };
}

/** A dry run, waited for as clients wait: one request, however long it takes. */
async function runOn(stack: Stack, space: string, size: number): Promise<RunId> {
  const response = await fetch(`${stack.url}/agent-run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    body: JSON.stringify({ space_id: space, dry_run: true }),
  });
  if (response.status !== 200) throw new Error(`POST /agent-run: ${response.status} ${await response.text()}`);
  const { result: ended } = AgentRunView.parse(await response.json());
  if (ended?.decisions.length !== size) throw new Error(`A run in ${space} decided ${ended?.decisions.length ?? 0}`);
  return ended.run_id;
}

/** Waits until the record is packed, which comes last of a run. Returns how often Redis was asked meanwhile. */
async function packed({ redis }: Stack, runId: RunId): Promise<number> {
  let asked = 0;
  await until('the record to be packed', async () => {
    asked += 1;
    return (await redis.hexists(keys.run(runId), 'packed')) === 1;
  });
  return asked;
}

/** What `work` costs, which gives back the runs that it waited for. Scrapes ask Redis too: they are left out of what it is asked. */
async function costOf({ stack, idle }: Side, work: () => Promise<readonly RunId[]>): Promise<Cost> {
  const servicesBefore = await servicesMs(stack);
  const [before, beganMs] = [await redisWork(stack.redis), performance.now()];
  let ours = INFOS;
  for (const run of await work()) ours += await packed(stack, run);
  await pause(PUT_AWAY_MS);
  const [after, endedMs] = [await redisWork(stack.redis), performance.now()];
  const tookMs = endedMs - beganMs;
  const redisMs = after.cpuMs - before.cpuMs - idle.cpuMs * tookMs;
  return {
    commands: after.commands - before.commands - ours - idle.commands * tookMs,
    redisMs,
    cpuMs: redisMs + (await servicesMs(stack)) - servicesBefore,
  };
}

async function idleWork({ redis }: Stack): Promise<Idle> {
  const before = await redisWork(redis);
  await pause(IDLE_MS);
  const after = await redisWork(redis);
  return {
    commands: (after.commands - before.commands - INFOS) / IDLE_MS,
    cpuMs: (after.cpuMs - before.cpuMs) / IDLE_MS,
  };
}

/** Bytes that stay when jobs, events and what is shared for minutes have gone, without the texts that all runs share. */
async function staying({ redis }: Stack): Promise<number> {
  const kept = await keptBytes(redis);
  return [...kept].reduce((sum, [of, bytes]) => (of === 'proposal' || PASSING.includes(of) ? sum : sum + bytes), 0);
}
