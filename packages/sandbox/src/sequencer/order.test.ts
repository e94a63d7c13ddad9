/** Whatever else is wrong with a vote, the sequencer tells what comes first in its order of checks. */
import { Wallet } from 'ethers';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../test/client.ts';
import { NOW, proposalOf, SPACE, smallWorld } from '../../test/small-world.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';
import type { World } from '../world.ts';

const DOMAIN = { name: 'snapshot', version: '0.1.4' };
const TYPES = [
  { name: 'from', type: 'string' },
  { name: 'space', type: 'string' },
  { name: 'timestamp', type: 'uint64' },
  { name: 'proposal', type: 'string' },
  { name: 'choice', type: 'uint32' },
  { name: 'reason', type: 'string' },
  { name: 'app', type: 'string' },
  { name: 'metadata', type: 'string' },
];
const BASIC = proposalOf('basic');
const STRANGER = Wallet.createRandom();

type Message = { from: string; space: string; timestamp: number; proposal: string; choice: number } & {
  reason: string;
  app: string;
  metadata: string;
};

/** What is sent, and what is so around it. */
type Draft = {
  message: Message;
  domain: Record<string, string>;
  types: readonly Record<string, string>[];
  extra: Record<string, unknown>;
  forged: boolean;
  world: World;
  faults: unknown[];
};

/** In the order in which the sequencer looks. Each spoils a good vote in one way. */
const SPOILS: readonly (readonly [string, (draft: Draft) => void])[] = [
  ['unauthorized', ({ world }) => (world.flagged_ips = ['127.0.0.1', '::1', '::ffff:127.0.0.1'])],
  ['wrong envelope format', (draft) => (draft.extra = { chain: 1 })],
  ['too large message', ({ message }) => (message.reason = 'long '.repeat(20_000))],
  ['wrong timestamp', ({ message }) => (message.timestamp = NOW + 301)],
  ['proposal cannot contain whitespace', ({ message }) => (message.proposal = `${BASIC} `)],
  ['wrong domain', (draft) => (draft.domain = { ...DOMAIN, version: '0.1.5' })],
  ['wrong types', (draft) => (draft.types = TYPES.map(({ name, type }) => ({ type, name })))],
  ['unknown space', ({ message }) => (message.space = 'nowhere.eth')],
  ['wrong alias', ({ message }) => (message.from = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8')],
  ['signature validation failed', (draft) => (draft.forged = true)],
  ['too large metadata', ({ message }) => (message.metadata = JSON.stringify({ key: 'v'.repeat(2_000) }))],
  ['wrong vote format', ({ message }) => (message.app = 'an app with a name of more than 24')],
  ['unknown proposal', ({ message }) => (message.proposal = `0x${'9'.repeat(64)}`)],
  ['not in voting window', ({ message }) => (message.timestamp = NOW - 13 * 60 * 60)],
  ['invalid choice', ({ message }) => (message.choice = 4)],
  ['failed vote validation', ({ world }) => (world.validations = [{ proposal: BASIC, allow: false }])],
  ['no voting power', ({ world }) => (world.voting_power = [])],
  ['pinning failed', ({ faults }) => faults.push({ endpoint: 'sequencer', count: 1, fails: 'pinning' })],
];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

test('the first thing that is wrong is told', async () => {
  const wallet = Wallet.createRandom();
  await fc.assert(
    fc.asyncProperty(fc.subarray([...SPOILS], { minLength: 1 }), async (spoils) => {
      const [first] = spoils;
      const { status, body } = await send(wallet, spoils);
      expect({ status, body }).toEqual({
        status: 400,
        body: { error: 'client_error', error_description: first?.[0] },
      });
    }),
    { numRuns: 60, examples: SPOILS.map((spoil) => [[spoil]]) },
  );
});

test('and with nothing wrong the vote is taken', async () => {
  expect((await send(Wallet.createRandom(), [])).status).toBe(200);
});

async function send(wallet: ReturnType<typeof Wallet.createRandom>, spoils: typeof SPOILS) {
  const parts = { space: SPACE, timestamp: NOW, proposal: BASIC, choice: 1, reason: '', app: 'quorum', metadata: '{}' };
  const draft: Draft = {
    message: { from: wallet.address, ...parts },
    domain: DOMAIN,
    types: TYPES,
    extra: {},
    forged: false,
    world: smallWorld(),
    faults: [],
  };
  // Last first, so that of two that change the same thing the earlier one stays.
  for (const [, spoil] of spoils.toReversed()) spoil(draft);
  await call('PUT', `${sandbox.url}/_sandbox/world`, draft.world);
  await call('DELETE', `${sandbox.url}/_sandbox/faults`);
  for (const fault of draft.faults) await call('POST', `${sandbox.url}/_sandbox/faults`, fault);

  const { message, domain } = draft;
  const signer = draft.forged ? STRANGER : wallet;
  const sig = await signer.signTypedData(domain, { Vote: TYPES }, message);
  const data = { domain, types: { Vote: draft.types }, message };
  return call('POST', sandbox.url, { address: wallet.address, sig, data: { ...data, ...draft.extra } });
}
