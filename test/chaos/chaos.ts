/** Rounds of chaos on a stack of its own, and what they come to. */
import { EVERYTHING, SURE, WANTED } from '../e2e/world.ts';
import { startStack } from '../stack.ts';
import { readAccount } from './account.ts';
import { type Account, type Broken, brokenLaws } from './invariants.ts';
import { measureLevels } from './levels.ts';
import { HELD_SPACE, SPACES } from './plan.ts';
import { playRound, type Table, type Tally } from './play.ts';
import { type Proxy, startProxy } from './proxy.ts';

export type Report = {
  readonly seed: number;
  readonly rounds: number;
  readonly done: Tally;
  readonly runs: number;
  readonly votes: number;
  readonly by_hand: number;
  readonly broken: readonly Broken[];
};

type Options = { readonly seed: number; readonly rounds: number; readonly say: (line: string) => void };

/** Plays so many rounds of this seed and checks the laws after each; ends with the first round that breaks one. */
export async function chaos({ seed, rounds, say }: Options): Promise<Report> {
  let proxy: Proxy | undefined;
  const stack = await startStack({
    world: {
      now: null,
      spaces: SPACES.map((id) => ({ id, name: id })),
      voting_power: SPACES.map((space) => ({ space, default: true, vp: 100 })),
    },
    space: SPACES[0],
    moreSpaces: SPACES.slice(1),
    preferences: { ...EVERYTHING, space_overrides: { [HELD_SPACE]: { approval: 'always' } } },
    appendonly: true,
    env: {
      ...SURE,
      JOB_LOCK_S: '2',
      MAX_RETRY_ATTEMPTS: '5',
      SEQUENCER_SENDS_PER_MINUTE: '10000',
      VOTE_RETRY_WINDOW_S: '30',
    },
    lineToRedis: async (port) => {
      proxy = await startProxy(port);
      return proxy.port;
    },
  });
  const opened: Table['opened'] = new Map();
  const done: Tally = {};
  const accepted: Account['accepted'][number][] = [];
  const pauses: Account['pauses'][number][] = [];
  let account: Account | null = null;
  let broken: readonly Broken[] = [];
  try {
    if (proxy === undefined) throw new Error('there is no line to Redis');
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
    await Promise.all((['fetcher', 'decider', 'voter'] as const).map((service) => stack.start(service)));
    const before = await measureLevels(stack);
    for (let round = 0; round < rounds && broken.length === 0; round += 1) {
      say(`round ${round + 1} of ${rounds}, seed ${seed}`);
      const { deeds, tally } = await playRound({ stack, proxy, say, opened }, seed, round);
      for (const [kind, count] of Object.entries(tally)) done[kind] = (done[kind] ?? 0) + count;
      accepted.push(...deeds.accepted);
      pauses.push(...deeds.pauses);
      const ends = new Map([...opened].map(([id, { end }]) => [id, end]));
      account = await readAccount(stack, { accepted, pauses, ends }, before);
      broken = brokenLaws(account);
    }
    if (broken.length > 0) say(await stack.logs());
  } finally {
    await stack.stop();
    await proxy?.close();
  }
  const stored = account?.stored ?? [];
  return {
    seed,
    rounds,
    done,
    runs: account?.runs.length ?? 0,
    votes: stored.filter(({ by }) => by === 'agent').length,
    by_hand: stored.filter(({ by }) => by === 'hand').length,
    broken,
  };
}
