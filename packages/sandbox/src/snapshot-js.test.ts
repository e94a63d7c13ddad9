/** A client that nobody here wrote, Snapshot's own, votes on each voting type against the sandbox and is accepted. */
import { createRequire } from 'node:module';
import shutterCrypto from '@shutter-network/shutter-crypto';
import { getBytes, hexlify, randomBytes } from 'ethers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { VotingType } from '@quorum/snapshot/proposal';
import { ask, call } from '../test/client.ts';
import { NOW, proposalOf, SPACE, smallWorld } from '../test/small-world.ts';
import { EON_PUBLIC_KEY } from './sequencer/shutter-keys.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';

type OldWallet = { readonly address: string };
type Vote = {
  space: string;
  proposal: string;
  type: VotingType;
  choice: unknown;
  timestamp: number;
  reason?: string;
  app?: string;
  privacy?: string;
};
type Client = {
  vote(wallet: OldWallet, address: string, message: Vote): Promise<unknown>;
  alias(wallet: OldWallet, address: string, message: { alias: string; timestamp: number }): Promise<unknown>;
} & Record<
  'proposal' | 'cancelProposal' | 'space' | 'follow',
  (wallet: OldWallet, address: string, message: object) => Promise<unknown>
>;
type SnapshotJs = { readonly Client712: new (url: string) => Client };

// Its types are those of its own, older, libraries; what is used of it is said above instead.
const require = createRequire(import.meta.url);
const snapshot: SnapshotJs = require('@snapshot-labs/snapshot.js');
// It signs with the wallet that it depends on, and with no newer one.
const { Wallet }: { Wallet: { createRandom(): OldWallet } } = createRequire(
  require.resolve('@snapshot-labs/snapshot.js'),
)('@ethersproject/wallet');

const SHUTTER_PROPOSAL = `0x${'5'.repeat(64)}`;
const END = NOW + 12 * 60 * 60;

const Receipt = z.object({ id: z.string(), ipfs: z.string(), relayer: z.object({ receipt: z.string() }) });

let sandbox: Sandbox;
let client: Client;
beforeAll(async () => {
  sandbox = await startSandbox({ world: smallWorld() });
  client = new snapshot.Client712(sandbox.url);
});
afterAll(() => sandbox.close());

async function voteOf(voter: string): Promise<unknown> {
  const query = 'query ($v: String!) { votes(where: {voter: $v}) { id choice reason app vp } }';
  return (await ask(sandbox.url, query, { v: voter }))['votes'];
}

describe('snapshot.js votes', () => {
  test.each<{ type: VotingType; choice: unknown }>([
    { type: 'basic', choice: 2 },
    { type: 'single-choice', choice: 3 },
    { type: 'approval', choice: [1, 3] },
    { type: 'ranked-choice', choice: [2, 3, 1] },
    { type: 'copeland', choice: [3, 1, 2] },
    { type: 'weighted', choice: { 1: 70, 3: 30 } },
    { type: 'quadratic', choice: { 2: 1, 3: 2 } },
  ])('on $type', async ({ type, choice }) => {
    const wallet = Wallet.createRandom();
    const message = { space: SPACE, proposal: proposalOf(type), type, choice, timestamp: NOW, app: 'snapshot-v2' };
    const receipt = Receipt.parse(await client.vote(wallet, wallet.address, { ...message, reason: 'so' }));
    const kept = { id: receipt.id, choice, reason: 'so', app: 'snapshot-v-2', vp: 100 };
    expect(await voteOf(wallet.address)).toEqual([kept]);
  });

  test('under shutter, and is read and counted once the key is out', async () => {
    const proposal = { id: SHUTTER_PROPOSAL, space: SPACE, title: 'Sealed', choices: ['Alpha', 'Beta', 'Gamma'] };
    await call('PATCH', `${sandbox.url}/_sandbox/world`, {
      proposals: [{ ...proposal, type: 'weighted', privacy: 'shutter', start: NOW - 10, end: END }],
    });
    await shutterCrypto.init();
    const plain = Buffer.from(JSON.stringify({ 1: 60, 2: 40 }));
    const choice = hexlify(
      await shutterCrypto.encrypt(plain, getBytes(EON_PUBLIC_KEY), getBytes(SHUTTER_PROPOSAL), randomBytes(32)),
    );
    const wallet = Wallet.createRandom();
    const message = { space: SPACE, proposal: SHUTTER_PROPOSAL, type: 'weighted' as const, privacy: 'shutter' };
    await client.vote(wallet, wallet.address, { ...message, choice, timestamp: NOW });
    expect(await voteOf(wallet.address)).toMatchObject([{ choice }]);

    await call('POST', `${sandbox.url}/_sandbox/clock`, { now: END + 1 });
    await call('GET', `${sandbox.url}/scores/${SHUTTER_PROPOSAL}`);
    expect(await voteOf(wallet.address)).toMatchObject([{ choice: { 1: 60, 2: 40 } }]);
    await call('POST', `${sandbox.url}/_sandbox/clock`, { now: NOW });
  });

  test('by an alias that it set', async () => {
    const [main, alias] = [Wallet.createRandom(), Wallet.createRandom()];
    Receipt.parse(await client.alias(main, main.address, { alias: alias.address, timestamp: NOW }));
    const message = { space: SPACE, proposal: proposalOf('basic'), type: 'basic' as const, choice: 1, timestamp: NOW };
    const byAlias = { ...message, from: main.address };
    Receipt.parse(await client.vote(alias, alias.address, byAlias));
    expect(await voteOf(main.address)).toMatchObject([{ choice: 1 }]);
  });

  test('and is told why it is refused', async () => {
    const wallet = Wallet.createRandom();
    const message = { space: SPACE, proposal: proposalOf('basic'), type: 'basic' as const, choice: 9, timestamp: NOW };
    await expect(client.vote(wallet, wallet.address, message)).rejects.toEqual({
      error: 'client_error',
      error_description: 'invalid choice',
    });
  });
});

describe('snapshot.js with an alias', () => {
  const told = (description: string) => ({ error: 'client_error', error_description: description });

  test('posts a proposal for its holder and archives it, and does neither for another', async () => {
    const [main, alias, stranger] = [Wallet.createRandom(), Wallet.createRandom(), Wallet.createRandom()];
    await client.alias(main, main.address, { alias: alias.address, timestamp: NOW });
    const content = {
      title: 'A grant',
      body: 'Ten thousand.',
      choices: ['For', 'Against'],
      type: 'basic',
      plugins: '{}',
    };
    const when = { timestamp: NOW, start: NOW, end: END, snapshot: 21_000_000 };
    const message = { from: main.address, space: SPACE, ...content, ...when };
    const { id } = Receipt.parse(await client.proposal(alias, alias.address, { ...message }));
    const query = 'query ($id: String!) { proposal(id: $id) { author title state type choices } }';
    expect((await ask(sandbox.url, query, { id }))['proposal']).toEqual({
      author: main.address,
      title: 'A grant',
      state: 'pending',
      type: 'basic',
      choices: ['For', 'Against'],
    });

    const archive = { space: SPACE, proposal: id, timestamp: NOW };
    const byStranger = client.cancelProposal(stranger, stranger.address, { ...archive });
    await expect(byStranger).rejects.toEqual(told('not authorized to archive proposal'));
    await client.cancelProposal(alias, alias.address, { ...archive, from: main.address });
    expect((await ask(sandbox.url, query, { id }))['proposal']).toBeNull();
  });

  test('cannot change a space or name another alias', async () => {
    const [main, alias] = [Wallet.createRandom(), Wallet.createRandom()];
    await client.alias(main, main.address, { alias: alias.address, timestamp: NOW });
    const from = main.address;
    const settings = client.space(alias, alias.address, { from, space: SPACE, settings: '{}', timestamp: NOW });
    await expect(settings).rejects.toEqual(told('alias not allowed for the type: settings'));
    const another = { from, alias: Wallet.createRandom().address, timestamp: NOW };
    await expect(client.alias(alias, alias.address, another)).rejects.toEqual(
      told('alias not allowed for the type: alias'),
    );
    Receipt.parse(await client.follow(alias, alias.address, { from, network: 's', space: SPACE, timestamp: NOW }));
  });

  test('cannot be itself, nor stand for two', async () => {
    const [main, other, alias] = [Wallet.createRandom(), Wallet.createRandom(), Wallet.createRandom()];
    const itself = client.alias(main, main.address, { alias: main.address, timestamp: NOW });
    await expect(itself).rejects.toEqual(told('alias cannot be the same as the address'));
    await client.alias(main, main.address, { alias: alias.address, timestamp: NOW });
    const taken = client.alias(other, other.address, { alias: alias.address, timestamp: NOW });
    await expect(taken).rejects.toEqual(told('alias is already linked to another address'));
  });
});
