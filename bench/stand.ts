/** What several benchmarks do with the fleet that the load runs against: dry runs, their calls, and the CPU that they take. */
import { setTimeout as pause } from 'node:timers/promises';
import { AgentRunView, type AgentRunResponse } from '@quorum/shared/run';
import { z } from 'zod';
import { samplesOf } from '../test/scraped.ts';
import { startFleet, type Fleet } from '../test/load/fleet.ts';
import { waveWorld } from '../test/load/world.ts';
import { openLine, postOf } from './accepting/line.ts';
import { again } from './again.ts';
import { Asked, type Calls, callsOf, straightLine, type StraightLine } from './straight-line.ts';

const Received = z.object({ received: z.array(Asked) });

const WAIT_S = 30;
/** Redis did not answer in time, or the request came too slowly: what a machine that others use too comes to now and then. */
const NOT_TAKEN: readonly number[] = [408, 503];
/** Then the same is asked again; the key of the request makes it the same run. */
const NOT_TAKEN_MS = 250;
const MS = 1_000;

/** Spaces that no other turn has: what is shared of a hub for a moment is not of this one. */
export function spacesOf(turn: string | number, count: number): string[] {
  const name = Number(turn) < 0 ? `warm-${-Number(turn)}` : `turn-${turn}`;
  return Array.from({ length: count }, (_, at) => `${name}-${at + 1}.eth`);
}

/** The spaces of all turns, those that warm up too. */
export function spacesOfTurns({ warmUp, turns }: { readonly warmUp: number; readonly turns: number }, count: number) {
  return Array.from({ length: warmUp + turns }, (_, at) => spacesOf(at - warmUp, count)).flat();
}

export type Stand = {
  readonly fleet: Fleet;
  readonly script: StraightLine;
  /** What the straight line takes its words from. */
  readonly calls: Calls;
  /** Puts up new proposals in these spaces, in the place of all that there were. */
  readonly put: (spaces: readonly string[], each: number) => Promise<void>;
  /** A dry run in the space, by the nth of the owners, counted round; its end is waited for as the API lets a client wait. */
  readonly dryRun: (space: string, nth?: number) => Promise<AgentRunResponse>;
  /**
   * What a dry run by the first owner takes, ms: from the request to the last byte of its answer, over a line of its own, of a client that
   * costs next to nothing beside it. Throws where it decides another number of proposals.
   */
  readonly dryRunMs: (space: string, proposals: number) => Promise<number>;
  /** What hub and model were asked since this was asked last, what is asked for no run left out. */
  readonly asked: () => Promise<readonly Asked[]>;
  /** Lets the sandbox forget what it was asked. */
  readonly forget: () => Promise<void>;
  readonly latency: (ms: number) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/**
 * The fleet, its model answering at once, and the straight line that makes the calls which a run there was seen to make. In the nth of
 * these spaces the nth of the owners may vote, counted round, so that a run of theirs looks for their votes and their power.
 */
export async function startStand(owners: number, votable: readonly string[]): Promise<Stand> {
  const [first = ''] = spacesOf('first', 1);
  const fleet = await startFleet(owners, (nth) => [
    ...(nth === 0 ? [first] : []),
    ...votable.filter((_, at) => at % owners === nth),
  ]);
  try {
    let wave = 0;
    const put: Stand['put'] = async (spaces, each) => {
      const world = waveWorld({ wave: (wave += 1), spaces, each, aliases: fleet.aliases });
      await again(() => fleet.control('PUT', 'world', world));
    };
    const forget: Stand['forget'] = async () => {
      await again(() => fleet.control('DELETE', 'received'));
    };
    const asked: Stand['asked'] = async () => {
      const { received } = Received.parse(await again(() => fleet.control('GET', 'received')));
      await forget();
      return received.filter(isOfRun);
    };
    const dryRun: Stand['dryRun'] = (space, nth = 0) => runOf(fleet, space, nth);
    const dryRunMs: Stand['dryRunMs'] = (space, proposals) => timedRun(fleet, space, proposals);
    const latency: Stand['latency'] = async (latency_ms) => {
      await again(() => fleet.control('POST', 'model', { persona: 'slow', latency_ms }));
    };
    await latency(0);
    await put([first], 1);
    await dryRun(first);
    const calls = callsOf(await asked());
    const script = straightLine(fleet.sandboxUrl, calls);
    return { fleet, script, calls, put, dryRun, dryRunMs, asked, forget, latency, stop: fleet.stop };
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}

async function runOf(fleet: Fleet, space: string, nth: number): Promise<AgentRunResponse> {
  const { body: asks, headers } = requestOf(fleet, space, nth);
  for (;;) {
    const { status, body } = await again(async () => {
      const response = await fetch(`${fleet.url}/agent-run`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(asks),
      });
      return { status: response.status, body: await response.text() };
    });
    if (NOT_TAKEN.includes(status)) {
      await pause(NOT_TAKEN_MS);
      continue;
    }
    if (status !== 200 && status !== 202) throw new Error(`POST /agent-run: ${status} ${body}`);
    const result = status === 200 ? endOf(body) : null;
    if (result !== null) return result;
  }
}

async function timedRun(fleet: Fleet, space: string, proposals: number): Promise<number> {
  const { body: asks, headers } = requestOf(fleet, space, 0);
  const request = postOf('/agent-run', asks, headers);
  let began: number | null = null;
  for (;;) {
    // After a request that came too slowly the line is cut.
    using line = await openLine(new URL(fleet.url));
    began ??= performance.now();
    const { status, body } = await line.ask(request);
    const tookMs = performance.now() - began;
    if (status === 200 && endOf(body)?.decisions.length === proposals) return tookMs;
    if (!NOT_TAKEN.includes(status)) throw new Error(`POST /agent-run: ${status} ${body}`);
    await pause(NOT_TAKEN_MS);
  }
}

function requestOf({ owners }: Fleet, space: string, nth: number) {
  const { apiKey = '' } = owners[nth % owners.length] ?? {};
  return {
    body: { space_id: space, dry_run: true },
    headers: { authorization: `Bearer ${apiKey}`, 'idempotency-key': space, prefer: `wait=${WAIT_S}` },
  };
}

/** Null where it has not ended. Throws where it did not end as a dry run does. */
function endOf(body: string): AgentRunResponse | null {
  const { result } = AgentRunView.parse(JSON.parse(body));
  if (result === null) return null;
  const failed = result.status !== 'completed' || result.decisions.some(({ outcome }) => outcome.kind !== 'simulated');
  if (failed) throw new Error(`run ${result.run_id} did not end as a dry run does: ${JSON.stringify(result.errors)}`);
  return result;
}

/** Whether it was asked for a run: services ask now and then whether anybody is there, whether an alias still is, and for strategies. */
function isOfRun({ endpoint, method, body }: Asked): boolean {
  return method === 'POST' && endpoint !== 'sequencer' && !OfNoRun.safeParse(body).success;
}

const OfNoRun = z.object({ operationName: z.enum(['Ping', 'Alias', 'Strategies']) });

/** CPU that each service and Redis have taken so far, ms; that of the sandbox and of whoever asks is left out. */
export async function cpuOf({ services, redis }: Fleet): Promise<ReadonlyMap<string, number>> {
  const cpu = new Map<string, number>();
  for (const [name, { url }] of services) {
    const samples = samplesOf([await again(async () => (await fetch(`${url}/metrics`)).text())]);
    const taken = samples.find((sample) => sample.name === 'process_cpu_seconds_total');
    if (taken === undefined) throw new Error(`${name} does not tell the CPU that it takes`);
    cpu.set(name, MS * taken.value);
  }
  // What it does in a process of its own, as to write its file anew, is its work too.
  const parts = [...(await redis.info('cpu')).matchAll(/^used_cpu_(?:sys|user)(?:_children)?:(\S+)/gm)];
  cpu.set(
    'Redis',
    parts.reduce((sum, [, seconds]) => sum + MS * Number(seconds), 0),
  );
  return cpu;
}

/** Does this for each, at most `width` at a time, in order. */
export async function atOnce<T>(width: number, items: readonly T[], work: (item: T, nth: number) => Promise<unknown>) {
  const left = items.entries();
  await Promise.all(
    Array.from({ length: width }, async () => {
      // One iterator for all: each takes the next that is left.
      for (const [nth, item] of left) await work(item, nth);
    }),
  );
}
