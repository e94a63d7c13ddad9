/** All that a world may say is taken by PUT and added to by PATCH, and all that is asked is in the log. */
import { Wallet } from 'ethers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { ask, call } from '../test/client.ts';
import { signVote } from '../test/envelopes.ts';
import { NOW, proposalOf, SPACE, smallWorld } from '../test/small-world.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';
import { World } from './world.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.close());

function control(method: string, path: string, body?: unknown) {
  return call(method, `${sandbox.url}/_sandbox${path}`, body);
}

const ADDRESS = '0x1111111111111111111111111111111111111111';
const BASIC = proposalOf('basic');

test('every key of a world is taken, by PUT and by PATCH', async () => {
  const whole = {
    ...smallWorld(),
    votes: [{ id: '0xa1', voter: ADDRESS, created: NOW - 60, space: SPACE, proposal: BASIC, choice: 1 }],
    aliases: [{ id: '0xa2', address: ADDRESS, alias: ADDRESS.replaceAll('1', '2'), created: NOW - 60 }],
    validations: [{ proposal: proposalOf('weighted'), allow: false }],
    contract_wallets: [{ address: ADDRESS, network: '1', approves: 'all' }],
    flagged_ips: ['203.0.113.7'],
    limits: { hub_per_minute: null, sequencer_per_minute: 90 },
    api_keys: [{ key: 'k', monthly_limit: 10 }],
  };
  const named = ['now', 'spaces', 'proposals', 'votes', 'aliases', 'voting_power', 'validations'];
  expect(Object.keys(World.shape)).toEqual(
    expect.arrayContaining([...named, 'contract_wallets', 'flagged_ips', 'limits', 'api_keys']),
  );
  expect(await control('PUT', '/world', whole)).toMatchObject({ status: 200 });
  expect(await control('PATCH', '/world', whole)).toMatchObject({ status: 200 });
  const { votes, aliases } = await ask(sandbox.url, '{ votes { id } aliases { id } }');
  expect({ votes, aliases }).toEqual({ votes: [{ id: '0xa1' }], aliases: [{ id: '0xa2' }] });
});

test('PATCH leaves what it does not name: the clock, the limits, the votes', async () => {
  await control('PUT', '/world', { ...smallWorld(), limits: { sequencer_per_minute: 2 } });
  await control('PATCH', '/world', { limits: { hub_per_minute: 100 } });
  expect((await control('PATCH', '/world', {})).status).toBe(200);
  const statuses: number[] = [];
  for (let nth = 0; nth < 3; nth += 1) statuses.push((await vote()).status);
  expect(statuses).toEqual([200, 200, 429]);
  await control('PATCH', '/world', { limits: { sequencer_per_minute: null } });
  expect((await vote()).status).toBe(200);
});

async function vote() {
  const parts = { space: SPACE, proposal: BASIC, type: 'basic', choice: 1, timestamp: NOW } as const;
  return call('POST', sandbox.url, await signVote(Wallet.createRandom(), parts));
}

test('a power that is only pending counts as one', async () => {
  const world = { ...smallWorld(), voting_power: [{ space: SPACE, default: true, pending: true }] };
  expect((await control('PUT', '/world', world)).status).toBe(200);
  expect((await vote()).status).toBe(200);
  expect(sandbox.world.votes).toMatchObject([{ vp: 1, vp_state: 'pending' }]);
});

test('a world may be larger than any vote', async () => {
  const [first] = smallWorld().proposals;
  const world = { ...smallWorld(), proposals: [{ ...first, body: 'x'.repeat(21_000_000) }] };
  expect((await control('PUT', '/world', world)).status).toBe(200);
});

test('received has the bodies that could not be read too, in order', async () => {
  await call('POST', sandbox.url, '{"address":');
  await call('POST', `${sandbox.url}/graphql`, '[');
  await call('POST', `${sandbox.url}/v1/chat/completions`, '"text"');
  await call('POST', sandbox.url, `"${'x'.repeat(20 * 1024 * 1024)}"`);
  await call('GET', `${sandbox.url}/v1/models`);
  const Received = z.object({
    received: z.array(z.object({ seq: z.int(), endpoint: z.string(), answer: z.object({ status: z.int() }) })),
  });
  const { received } = Received.parse((await control('GET', '/received')).body);
  expect(received.map(({ seq, endpoint, answer }) => [seq, endpoint, answer.status])).toEqual([
    [1, 'sequencer', 400],
    [2, 'hub', 400],
    [3, 'model', 400],
    [4, 'sequencer', 413],
    [5, 'model', 200],
  ]);
});

test('null is as good as leaving out, wherever the hub may say it', async () => {
  const types = await ask(
    sandbox.url,
    `{ Space: __type(name: "Space") { fields { name } }
    Proposal: __type(name: "Proposal") { fields { name } } Vote: __type(name: "Vote") { fields { name } } }`,
  );
  const Fields = z.object({ fields: z.array(z.object({ name: z.string() })) });
  const nulls = (type: string) =>
    Object.fromEntries(Fields.parse(types[type]).fields.map(({ name }): [string, null] => [name, null]));
  const space = { ...nulls('Space'), id: SPACE };
  const said = {
    id: BASIC,
    space: { id: SPACE },
    title: 'T',
    choices: ['For', 'Against'],
    start: NOW - 9,
    end: NOW + 9,
  };
  const proposal = { ...nulls('Proposal'), ...said };
  const cast = {
    id: '0xa1',
    voter: ADDRESS,
    created: NOW - 5,
    space: { id: SPACE },
    proposal: { id: BASIC },
    choice: 1,
  };
  const world = { now: NOW, spaces: [space], proposals: [proposal], votes: [{ ...nulls('Vote'), ...cast }] };
  expect(await control('PUT', '/world', world)).toMatchObject({ status: 200 });
  const query = `{ proposal(id: "${BASIC}") { state type quorumType scores scores_state votes space { voting { privacy } } } }`;
  expect((await ask(sandbox.url, query))['proposal']).toEqual({
    state: 'active',
    type: 'basic',
    quorumType: 'default',
    scores: [1, 0],
    scores_state: 'pending',
    votes: 1,
    space: { voting: { privacy: '' } },
  });
});

test('a contract wallet may be named by its address alone, and an alias needs no id', async () => {
  const other = ADDRESS.replaceAll('1', '2');
  const world = {
    ...smallWorld(),
    contract_wallets: [ADDRESS, { address: other, approves: false }],
    aliases: [{ address: ADDRESS, alias: other, created: NOW - 60 }],
    voting_power: [{ space: { id: SPACE }, voter: null, default: true, vp: 5, fail: false, pending: false }],
    validations: [{ proposal: { id: BASIC }, allow: true, fail: false }],
  };
  expect(await control('PUT', '/world', world)).toMatchObject({ status: 200 });
  const { aliases } = await ask(sandbox.url, '{ aliases { id address alias } }');
  expect(aliases).toEqual([{ id: expect.stringMatching(/^0x[0-9a-f]{64}$/), address: ADDRESS, alias: other }]);
  const { vp } = await ask(sandbox.url, `{ vp(voter: "${other}", space: "${SPACE}") { vp } }`);
  expect(vp).toEqual({ vp: 5 });
});
