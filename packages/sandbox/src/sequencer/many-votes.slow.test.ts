/**
 * Ten thousand votes on one proposal: what a vote costs does not depend on how many there are. The voters are contract wallets,
 * whose check is a look-up, and nothing goes over HTTP, so that what grows would not hide behind what does not.
 */
import { getAddress, toBeHex, Wallet } from 'ethers';
import { expect, test } from 'vitest';
import { NOW, proposalOf, SPACE, smallWorld } from '../../test/small-world.ts';
import { createClock } from '../clock.ts';
import { createLiveWorld } from '../live-world.ts';
import { parseWorld } from '../world.ts';
import { createSequencer } from './endpoint.ts';
import { refuseInFlight } from './in-flight.ts';
import { createKeypers } from './keypers.ts';

const VOTES = 10_000;
const STEP = 1_000;
const AT_ONCE = 50;
/** How much dearer the last thousands may be: a busy machine makes them so, and growth by the number of votes much more. */
const FLAT = 1.5;

const FIELDS = {
  from: 'string',
  space: 'string',
  timestamp: 'uint64',
  proposal: 'string',
  choice: 'uint32',
  reason: 'string',
  app: 'string',
  metadata: 'string',
};
const types = { Vote: Object.entries(FIELDS).map(([name, type]) => ({ name, type })) };

test('ten thousand votes: time per vote flat', { timeout: 300_000 }, async () => {
  const voters = Array.from({ length: VOTES }, (_, nth) => getAddress(toBeHex(nth + 1, 20)));
  const contract_wallets = voters.map((address) => ({ address, approves: 'all' as const }));
  const world = createLiveWorld(parseWorld({ ...smallWorld(), contract_wallets }), createClock(NOW));
  const parts = { world, relayer: new Wallet(Wallet.createRandom().privateKey), keypers: createKeypers(world) };
  const sequencer = createSequencer({ ...parts, closing: new AbortController().signal });
  const post = refuseInFlight(() => world.generation, sequencer);

  const vote = async (from: string, nth: number): Promise<void> => {
    const about = { space: SPACE, timestamp: NOW, proposal: proposalOf('basic'), choice: (nth % 3) + 1 };
    const message = { from, ...about, reason: `vote ${nth}`, app: 'quorum', metadata: '{}' };
    const body = { address: from, sig: '0x', data: { domain: { name: 'snapshot', version: '0.1.4' }, types, message } };
    const text = JSON.stringify(body);
    const request = { method: 'POST', url: '/', query: {}, headers: {}, ip: '::1', prefersPage: false, text, body };
    const answer = await post(request);
    if (answer.kind === 'cut' || answer.status !== 200) throw new Error(`vote ${nth}: ${JSON.stringify(answer)}`);
  };
  /** CPU of this process in ms for each of the next votes. */
  const step = async (first: number): Promise<number> => {
    const queue = voters.slice(first, first + STEP).entries();
    const before = process.cpuUsage();
    const workers = Array.from({ length: AT_ONCE }, async () => {
      for (const [nth, voter] of queue) await vote(voter, first + nth);
    });
    await Promise.all(workers);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / STEP;
  };

  const costs: number[] = [];
  for (let first = 0; first < VOTES; first += STEP) costs.push(await step(first));
  // The first thousand also pays for what the engine learns, so it is no measure.
  const early = Math.max(...costs.slice(1, 4));
  const late = Math.min(...costs.slice(-3));
  expect(late / early, `ms of CPU per vote: ${costs.map((cost) => cost.toFixed(2)).join(', ')}`).toBeLessThan(FLAT);

  expect(world.standing(proposalOf('basic'))).toMatchObject({
    votes: VOTES,
    scores: [333_400, 333_300, 333_300],
    scores_total: 1_000_000,
  });
  expect(world.messages).toHaveLength(VOTES);
});
