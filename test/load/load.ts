/**
 * The load: waves of runs through the API, each of many owners in many spaces at once, with some live runs among them. A client
 * starts its run, then waits for its end as the API lets it (`Prefer: wait`, under an idempotency key); meanwhile others ask.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { AgentRunAccepted, AgentRunView, type AgentRunResponse } from '@quorum/shared/run';
import { RunTimings } from '@quorum/shared/run-timings';
import { z } from 'zod';
import { printTrace } from '../../scripts/trace/print-trace.ts';
import { startFleet, type Fleet, type LoadOwner } from './fleet.ts';
import { keptBytes, memoryOf, redisMemory, securityEvents, type Memory } from './measures.ts';
import { ask, probe, type Asked } from './probe.ts';
import { drySpaces, LIVE_SPACE, proposalId, waveWorld } from './world.ts';

export type LoadOptions = {
  readonly waves: number;
  readonly owners: number;
  /** Of the dry runs of a wave: each owner has one in each. */
  readonly spaces: number;
  /** Live runs of a wave: of so many owners. */
  readonly live: number;
  readonly modelLatencyMs: number;
  readonly say: (line: string) => void;
};

export type Wave = {
  readonly results: readonly AgentRunResponse[];
  /** Where the time went of the run that took longest. */
  readonly slowest: RunTimings;
  readonly seconds: number;
  /** Votes that the hub counts on the proposal of the live runs. */
  readonly votes: number;
  readonly memory: ReadonlyMap<string, Memory>;
  readonly redis: number;
  readonly kept: ReadonlyMap<string, number>;
};

export type Load = {
  readonly options: LoadOptions;
  readonly waves: readonly Wave[];
  readonly asked: Asked;
  readonly security: number;
};

type Wanted = { readonly owner: LoadOwner; readonly space: string; readonly dryRun: boolean };

const WAIT_S = 30;
/** A wave that is not over by then never will be: it bounds a hang and nothing else. */
const WAVE_MOST_MS = 15 * 60 * 1_000;
/** Times the median. */
const FAR_LONGER = 2;
/** Longer than a connection is kept that nobody uses. */
const SETTLE_MS = 10_000;

export async function runLoad(options: LoadOptions): Promise<Load> {
  const fleet = await startFleet(options.owners);
  try {
    await fleet.control('POST', 'model', { persona: 'slow', latency_ms: options.modelLatencyMs });
    const asked: Asked = { tookMs: new Map(), unavailable: 0 };
    const waves: Wave[] = [];
    for (let wave = 0; wave < options.waves; wave += 1) {
      const done = await runWave(wave, options, fleet, asked);
      waves.push(done);
      for (const line of linesOf(done, wave, options)) options.say(line);
    }
    return { options, waves, asked, security: await securityEvents(fleet) };
  } finally {
    await fleet.stop();
  }
}

async function runWave(wave: number, options: LoadOptions, fleet: Fleet, asked: Asked): Promise<Wave> {
  const spaces = [LIVE_SPACE, ...drySpaces(options.spaces)];
  await fleet.control('PUT', 'world', waveWorld({ wave, spaces, aliases: fleet.aliases }));
  const wantedOf = (owner: LoadOwner, at: number): Wanted[] => [
    ...(at < options.live ? [{ owner, space: LIVE_SPACE, dryRun: false }] : []),
    ...drySpaces(options.spaces).map((space) => ({ owner, space, dryRun: true })),
  ];

  const began = performance.now();
  const over = new AbortController();
  const known = new Map<LoadOwner, string>();
  const asking = probe({ ...fleet, runOf: (owner) => known.get(owner) }, asked, over.signal);
  const limit = AbortSignal.timeout(WAVE_MOST_MS);
  // Owners come all at once, and each starts one run after the other; then all of them wait. Whatever fails first is told at once.
  const running = Promise.all(
    fleet.owners.map((owner, at) => {
      const client = { wave, url: fleet.url, asked, signal: limit, known };
      return runAll(wantedOf(owner, at), client);
    }),
  ).finally(() => over.abort());
  const [byOwner] = await Promise.all([running, asking]);
  const ended = byOwner.flatMap((results, at) => results.map((result) => ({ result, owner: fleet.owners[at] })));
  const results = ended.map(({ result }) => result);
  const seconds = (performance.now() - began) / 1_000;

  const votes = await votesOn(fleet, proposalId(wave, 0));
  await fleet.control('DELETE', 'received');
  // The last jobs are put away, and what the clients used is let go.
  await pause(SETTLE_MS);
  return {
    results,
    slowest: await timingsOf(slowestOf(ended), fleet),
    seconds,
    votes,
    memory: await memoryOf(fleet),
    redis: await redisMemory(fleet.redis),
    kept: await keptBytes(fleet.redis),
  };
}

type Ended = { readonly result: AgentRunResponse; readonly owner: LoadOwner | undefined };

function slowestOf(ended: readonly Ended[]): Ended {
  return ended.reduce((a, b) => (b.result.execution_time > a.result.execution_time ? b : a));
}

async function timingsOf({ result, owner }: Ended, { url }: Fleet): Promise<RunTimings> {
  const headers = { authorization: `Bearer ${owner?.apiKey}` };
  const response = await fetch(`${url}/agent-run/${result.run_id}/timings`, { headers });
  return RunTimings.parse(await response.json());
}

/** A wave in a line, and the waterfall of its slowest run where that took far longer than others: an average hides it. */
function linesOf({ results, seconds, slowest }: Wave, wave: number, { waves }: LoadOptions): string[] {
  const times = results.map(({ execution_time: time }) => time).toSorted((a, b) => a - b);
  const [median = 0, most = 0] = [times[Math.floor(times.length / 2)], times.at(-1)];
  const took = `${results.length} runs in ${seconds.toFixed(1)} s, each ${median.toFixed(1)} s, the slowest ${most.toFixed(1)} s`;
  return [
    `wave ${wave + 1} of ${waves}: ${took}`,
    ...(most > FAR_LONGER * median ? printTrace(slowest, { colour: false }) : []),
  ];
}

type Client = {
  readonly wave: number;
  readonly url: string;
  readonly asked: Asked;
  readonly signal: AbortSignal;
  /** A run of each owner, for those who ask about one. */
  readonly known: Map<LoadOwner, string>;
};

async function runAll(wanted: readonly Wanted[], client: Client): Promise<AgentRunResponse[]> {
  const ends: Promise<AgentRunResponse>[] = [];
  for (const one of wanted) {
    const { body } = await ask(client.asked, 'POST /agent-run', [202], () => post(one, client));
    client.known.set(one.owner, AgentRunAccepted.parse(JSON.parse(body)).run_id);
    ends.push(endOf(one, client));
  }
  return Promise.all(ends);
}

/** Waits as the API lets a client wait: the same request again, and for how long it may take. */
async function endOf(wanted: Wanted, client: Client): Promise<AgentRunResponse> {
  const waits: Asked = { tookMs: new Map(), unavailable: 0 };
  for (;;) {
    const { status, body } = await ask(waits, 'the end of a run', [200, 202], () =>
      post(wanted, client, { prefer: `wait=${WAIT_S}` }),
    );
    client.asked.unavailable += waits.unavailable;
    waits.unavailable = 0;
    const result = status === 200 ? AgentRunView.parse(JSON.parse(body)).result : null;
    if (result !== null) return result;
  }
}

function post(
  { owner, space, dryRun }: Wanted,
  { wave, url, signal }: Client,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${url}/agent-run`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${owner.apiKey}`,
      'idempotency-key': `wave-${wave}-${space}`,
      ...headers,
    },
    body: JSON.stringify({ space_id: space, dry_run: dryRun }),
    signal,
  });
}

const Counted = z.object({ data: z.object({ proposal: z.object({ votes: z.int() }) }) });

/** As anybody would ask the hub: what it counts, not what we say. */
async function votesOn({ sandboxUrl }: Fleet, id: string): Promise<number> {
  const response = await fetch(`${sandboxUrl}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: `{ proposal(id: "${id}") { votes } }` }),
  });
  return Counted.parse(await response.json()).data.proposal.votes;
}
