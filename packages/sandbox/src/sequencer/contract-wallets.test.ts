/** Contract wallets: whose `isValidSignature` says yes votes, on the network of the space that it votes in. */
import { TypedDataEncoder, Wallet } from 'ethers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../test/client.ts';
import { signVote } from '../../test/envelopes.ts';
import { NOW, proposalOf, SPACE, smallWorld } from '../../test/small-world.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ world: smallWorld() });
});
afterAll(() => sandbox.close());

const owner = Wallet.createRandom();
const contract = Wallet.createRandom().address;
const parts = { space: SPACE, proposal: proposalOf('basic'), type: 'basic', choice: 1, timestamp: NOW } as const;
/** Signed by an owner of the contract, for the contract. */
const byOwner = await signVote(owner, { ...parts, from: contract });
const signed = { ...byOwner, address: contract };
const { domain, types, message } = byOwner.data;
const hash = TypedDataEncoder.hash(domain, types, message);

test.each([
  ['approves every hash', { approves: 'all' }, signed, 200],
  ['approves without a signature', { approves: 'all' }, { ...signed, sig: '0x' }, 200],
  ['approves this hash', { approves: [hash] }, signed, 200],
  ['approves another hash', { approves: [`0x${'1'.repeat(64)}`] }, signed, 400],
  ['refuses', { approves: 'none' }, signed, 400],
  ['cannot be asked', { approves: 'fail' }, signed, 400],
  ["is on the space's network", { approves: 'all', network: '1' }, signed, 200],
  ['is on another network', { approves: 'all', network: '10' }, signed, 400],
  ['is given no bytes', { approves: 'all' }, { ...signed, sig: 'yes' }, 400],
])('a wallet that %s', async (_what, wallet, envelope, status) => {
  const world = { ...smallWorld(), contract_wallets: [{ address: contract, ...wallet }] };
  expect((await call('PUT', `${sandbox.url}/_sandbox/world`, world)).status).toBe(200);
  const answer = await call('POST', sandbox.url, envelope);
  expect(answer.status).toBe(status);
  if (status === 400) expect(answer.body).toMatchObject({ error_description: 'signature validation failed' });
});

test('an address where no contract is needs a key', async () => {
  await call('PUT', `${sandbox.url}/_sandbox/world`, smallWorld());
  expect((await call('POST', sandbox.url, signed)).status).toBe(400);
});
