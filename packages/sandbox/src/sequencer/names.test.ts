/** What a vote calls its space and its proposal: found whatever the case, kept as it was sent. */
import { Wallet } from 'ethers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, call } from '../../test/client.ts';
import { signVote, type VoteParts } from '../../test/envelopes.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';

const NOW = 1_800_000_000;
const ID = `0x${'ab'.repeat(32)}`;
const PARTS: VoteParts = { space: 'small.eth', proposal: ID, type: 'basic', choice: 1, timestamp: NOW };

let sandbox: Sandbox;
beforeAll(async () => {
  const proposal = {
    id: ID,
    space: 'small.eth',
    title: 'A',
    choices: ['For', 'Against'],
    start: NOW - 9,
    end: NOW + 9,
  };
  const power = { space: 'small.eth', default: true as const, vp: 5 };
  const spaces = [{ id: 'small.eth', name: 'Small' }];
  sandbox = await startSandbox({ world: { now: NOW, spaces, proposals: [proposal], voting_power: [power] } });
});
afterAll(() => sandbox.close());

const VOTES = `query ($v: String) {
  votes(where: { voter: $v, proposal: "${ID}", space: "small.eth" }) { space { id name } proposal { id } }
}`;

test.each([
  ['as the hub has them', {}, { space: { id: 'small.eth', name: 'Small' }, proposal: { id: ID } }],
  // The hub looks for the rows that belong to a vote by the very id.
  ['a space in capitals', { space: 'SMALL.eth' }, { space: { id: 'SMALL.eth', name: null }, proposal: { id: ID } }],
  [
    'a proposal in capitals',
    { proposal: ID.replaceAll('ab', 'AB') },
    { space: { id: 'small.eth', name: 'Small' }, proposal: null },
  ],
])('%s', async (_what, parts, shown) => {
  const wallet = Wallet.createRandom();
  const answer = await call('POST', sandbox.url, await signVote(wallet, { ...PARTS, ...parts }));
  expect(answer.status).toBe(200);
  expect((await ask(sandbox.url, VOTES, { v: wallet.address }))['votes']).toEqual([shown]);
});

test('a change of it is still a change, and the count is one', async () => {
  const wallet = Wallet.createRandom();
  const votes = async (): Promise<unknown> =>
    (await ask(sandbox.url, `{ proposal(id: "${ID}") { votes } }`))['proposal'];
  const before = await votes();
  await call('POST', sandbox.url, await signVote(wallet, { ...PARTS, timestamp: NOW - 1 }));
  const once = await votes();
  await call(
    'POST',
    sandbox.url,
    await signVote(wallet, { ...PARTS, proposal: ID.replaceAll('ab', 'AB'), space: 'SMALL.eth' }),
  );
  expect(await votes()).toEqual(once);
  expect(once).not.toEqual(before);
});

test('a vote without a space is for no space that is known', async () => {
  const envelope = await signVote(Wallet.createRandom(), PARTS);
  const { space: _, ...message } = envelope.data.message;
  const answer = await call('POST', sandbox.url, { ...envelope, data: { ...envelope.data, message } });
  expect(answer).toMatchObject({ status: 400, body: { error_description: 'unknown space' } });
});
