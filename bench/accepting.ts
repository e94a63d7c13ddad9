/**
 * How many runs a second the gateway accepts, all of its middleware on, against a bare express server that adds the same job. Each is
 * a process of its own with a Redis of its own; the same client asks both in turns, over as many connections as are kept open, and
 * no two requests are of one owner and space. The ratio is taken turn by turn, so that whoever else is busy on the machine is busy for
 * both; it is the median of them. Beside it stands what a request costs in CPU, of the server and of Redis, and what a server comes to
 * that writes of a run what the gateway writes, and does nothing else: no gateway that records what it accepts can be faster.
 */
import { z } from 'zod';
import { openLine, postOf } from './accepting/line.ts';
import { cpuMsOf } from './accepting/server-process.ts';
import { startStand, type Side } from './accepting/stand.ts';
import { result, type Benchmark } from './benchmark.ts';
import { quantile } from './measure.ts';

const BUDGET = 0.6;
const SECOND_MS = 1_000;

export type AcceptingOptions = {
  readonly owners: number;
  readonly connections: number;
  readonly warmUpTurns: number;
  readonly turns: number;
  /** How long one side is asked in a turn. */
  readonly turnMs: number;
};

const AS_USUAL = { owners: 500, connections: 32, warmUpTurns: 3, turns: 12, turnMs: 2 * SECOND_MS };

const NAMES = ['ours', 'recording', 'bare'] as const;
type Name = (typeof NAMES)[number];

/** What was accepted in one turn, and what one request cost. */
type Turn = { readonly perS: number; readonly serverMs: number; readonly redisMs: number };

const Accepted = z.object({ run_id: z.string(), status: z.literal('queued'), joined: z.literal(false) });

export const accepting: Benchmark = {
  name: 'accepting',
  does: 'runs that the gateway accepts a second, against a bare express server that adds the same job',
  async run() {
    const turns = await measureAccepting(AS_USUAL);
    const of = (side: Name): Turn[] => turns.map((turn) => turn[side]);
    const against = (side: Name): number[] => turns.map((turn) => turn[side].perS / turn.bare.perS);
    const ratios = against('ours');
    const told = (side: Name): string => {
      const median = (what: keyof Turn): number =>
        quantile(
          of(side).map((turn) => turn[what]),
          0.5,
        );
      const [server, redis] = [median('serverMs'), median('redisMs')].map((ms) => ms.toFixed(2));
      return `${median('perS').toFixed(0)}/s, ${server} ms of CPU a request and ${redis} of Redis's`;
    };
    return [
      result({
        name: 'accepting',
        value: quantile(ratios, 0.5),
        spread: (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2,
        unit: '×',
        budget: BUDGET,
        bound: 'least',
        note: [
          `the gateway ${told('ours')}`,
          `the bare server ${told('bare')}`,
          `one that only writes what the gateway writes ${quantile(against('recording'), 0.5).toFixed(2)} ×: ${told('recording')}`,
          `${AS_USUAL.connections} connections`,
        ].join('; '),
      }),
    ];
  },
};

/** Asks all of them in turns. */
export async function measureAccepting(options: AcceptingOptions): Promise<Readonly<Record<Name, Turn>>[]> {
  const stand = await startStand(options.owners);
  try {
    const requests = requestsOf(stand.apiKeys);
    const turns: Readonly<Record<Name, Turn>>[] = [];
    for (let turn = -options.warmUpTurns; turn < options.turns; turn += 1) {
      const taken: Partial<Record<Name, Turn>> = {};
      // Who goes first changes, as in `inTurns`.
      for (const name of turn % 2 === 0 ? NAMES : NAMES.toReversed())
        taken[name] = await askFor(stand[name], requests, options);
      const { ours, recording, bare } = taken;
      if (turn >= 0 && ours && recording && bare) turns.push({ ours, recording, bare });
    }
    return turns;
  } finally {
    await stand.stop();
  }
}

/** One request after the other, no two of one owner and space. */
function* requestsOf(apiKeys: readonly string[]): Generator<string, never> {
  for (let round = 0; ; round += 1) {
    for (const key of apiKeys) {
      yield postOf('/agent-run', { space_id: `s${round}.eth`, dry_run: true }, { authorization: `Bearer ${key}` });
    }
  }
}

async function askFor(side: Side, requests: Iterator<string, never>, options: AcceptingOptions): Promise<Turn> {
  const { server } = side;
  const lines = await Promise.all(Array.from({ length: options.connections }, () => openLine(server.url)));
  try {
    const before = await cpuOf(side);
    const began = performance.now();
    const over = AbortSignal.timeout(options.turnMs);
    let accepted = 0;
    await Promise.all(
      lines.map(async ({ ask }) => {
        while (!over.aborted) {
          const { status, body } = await ask(requests.next().value);
          // Anything else, and it is not what is to be measured.
          if (status !== 202) throw new Error(`${server.url.href} answered ${status}: ${body}`);
          Accepted.parse(JSON.parse(body));
          accepted += 1;
        }
      }),
    );
    const seconds = (performance.now() - began) / SECOND_MS;
    const after = await cpuOf(side);
    return {
      perS: accepted / seconds,
      serverMs: (after.serverMs - before.serverMs) / accepted,
      redisMs: (after.redisMs - before.redisMs) / accepted,
    };
  } finally {
    for (const line of lines) line.close();
  }
}

async function cpuOf({ server, redis }: Side): Promise<{ readonly serverMs: number; readonly redisMs: number }> {
  const info = await redis.info('cpu');
  const seconds = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return {
    serverMs: await cpuMsOf(server.pid),
    redisMs: SECOND_MS * (seconds('used_cpu_user') + seconds('used_cpu_sys')),
  };
}
