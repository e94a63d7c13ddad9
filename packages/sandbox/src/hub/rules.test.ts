/** The hub's rules that no recorded case shows: its limits, its odd filters, the states at their edges, and what it counts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask, call, type Said } from '../../test/client.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';
import type { World } from '../world.ts';

const NOW = 1_800_000_000;
const START = NOW - 100;
const END = NOW + 100;
const VOTER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

const world: World = {
  now: NOW,
  spaces: [
    {
      id: 'parent.eth',
      name: 'Parent',
      verified: true,
      categories: ['protocol'],
      children: ['child.eth'],
      admins: [VOTER],
    },
    { id: 'child.eth', name: 'Child', parent: 'parent.eth', plugins: { oSnap: {} }, members: [VOTER], skin: 'dark' },
    { id: 'hidden.eth', name: 'Hidden', flagged: true },
  ],
  proposals: [
    {
      id: '0x01',
      space: 'parent.eth',
      title: 'Pay 100% of it',
      type: 'single-choice',
      choices: ['For', 'Against'],
      start: START,
      end: END,
      author: VOTER,
      plugins: { safeSnap: { safes: [] } },
      labels: ['l1'],
    },
    {
      id: '0x02',
      space: 'child.eth',
      title: 'Pay nothing',
      choices: ['For', 'Against'],
      start: START,
      end: END,
      updated: NOW,
    },
  ],
  votes: [
    {
      id: '0xa1',
      voter: VOTER,
      created: NOW - 5,
      space: 'parent.eth',
      proposal: '0x01',
      choice: 1,
      vp: 4,
      vp_value: 6,
    },
    { id: '0xa2', voter: VOTER, created: NOW - 9, space: 'child.eth', proposal: '0x02', choice: 2, vp: 0 },
  ],
  voting_power: [{ space: 'parent.eth', default: true, vp: 4 }],
  follows: [{ id: 'f1', follower: VOTER, space: 'child.eth', created: NOW - 50 }],
  users: [{ id: VOTER, name: 'Vera', created: 7 }],
  messages: [
    { id: '0xe1', mci: 1, address: VOTER, timestamp: NOW - 1, space: 'parent.eth', type: 'vote' },
    { id: '0xe2', mci: 2, address: VOTER, timestamp: NOW - 2, space: 'parent.eth', type: 'vote' },
  ],
};

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  await put(world);
});
afterAll(() => sandbox.close());

async function put(next: World): Promise<void> {
  const said = await call('PUT', `${sandbox.url}/_sandbox/world`, next);
  expect(said).toMatchObject({ status: 200 });
}

async function graphql(query: string): Promise<Said> {
  return call('POST', `${sandbox.url}/graphql`, { query });
}

async function ids(list: string): Promise<unknown> {
  const rows = (await ask(sandbox.url, `{ rows: ${list} { id } }`))['rows'];
  return Array.isArray(rows) ? rows.map((row: { id: string }) => row.id) : rows;
}

test.each([
  { at: START - 1, state: 'pending' },
  { at: START, state: 'pending' },
  { at: START + 1, state: 'active' },
  { at: END, state: 'active' },
  { at: END + 1, state: 'closed' },
])('at second $at the proposal is $state, and listed as such alone', async ({ at, state }) => {
  await call('POST', `${sandbox.url}/_sandbox/clock`, { now: at });
  expect(await ask(sandbox.url, '{ proposal(id: "0x01") { state scores_state } }')).toEqual({
    proposal: { state, scores_state: state === 'closed' ? 'final' : 'pending' },
  });
  for (const other of ['pending', 'active', 'closed']) {
    const found = await ids(`proposals(where: {space: "parent.eth", state: "${other}"})`);
    expect(found).toEqual(other === state ? ['0x01'] : []);
  }
});

describe('filters that surprise', () => {
  test.each([
    ['a bound of 0 is no bound', 'votes(where: {vp_gt: 0})', ['0xa1', '0xa2']],
    ['a bound above 0 is one', 'votes(where: {vp_gt: 1})', ['0xa1']],
    ['null equals nothing', 'proposals(where: {space: null})', []],
    ['an empty list finds nothing', 'proposals(where: {id_in: []})', []],
    ['an empty list of what is not wanted finds nothing either', 'votes(where: {app_not_in: []})', []],
    ['what is not there is not before anything', 'proposals(where: {updated_lte: 2000000000})', ['0x02']],
    ['an address that Starknet may have is one', `votes(where: {voter: "0x12"})`, []],
    ['per cent stands for any text', 'proposals(where: {title_contains: "pay%of"})', ['0x01']],
    ['plugins are searched as text', 'proposals(where: {plugins_contains: "safeSnap"})', ['0x01']],
    ['one label of several is enough', 'proposals(where: {labels_in: ["l0", "l1"]})', ['0x01']],
    ['verified: false asks nothing', 'proposals(where: {space_verified: false})', ['0x01', '0x02']],
    ['messages come by their time', 'messages', ['0xe1', '0xe2']],
    ['in an order that it does not know, by their number', 'messages(orderBy: "id")', ['0xe2', '0xe1']],
    ['what is no address sent no message', 'messages(where: {address: "abc"})', []],
    ['nobody controls a space here', `spaces(where: {controller: "${VOTER}"})`, []],
    ['spaces by plugin', 'spaces(where: {plugin: "oSnap"})', ['child.eth']],
    ['spaces by a part of the name', 'spaces(where: {search: "CHIL"})', ['child.eth']],
  ])('%s', async (_, list, expected) => {
    expect(await ids(list)).toEqual(expected);
  });

  test.each([
    ['votes(where: {voter_in: ["abc"]})', 'Invalid addresses in voter'],
    ['aliases(where: {alias: "0x12"})', 'Invalid addresses in alias'],
    ['user(id: "abc")', 'Invalid address'],
    ['votes(first: -1)', 'The `first` argument must be positive'],
    ['spaces(skip: 100001)', 'The `skip` argument must not be greater than 100000'],
    [
      'space(id: "child.eth") { id parent { parent { id } } } x: spaces',
      "Unsupported nesting. Parent's parent or children's children are not supported.",
    ],
  ])('%s: %s', async (list, message) => {
    const said = await graphql(`{ ${list} { id } }`);
    expect(said.status).toBe(200);
    expect(said.body).toMatchObject({ errors: [{ message }] });
  });
});

describe('the shape of a query', () => {
  const deep = 'votes { proposal { space { children { parent { ...more } } } } }';
  test('fragments count as what they spread', async () => {
    const said = await graphql(`query Deep { ${deep} } fragment more on Space { id parent { id } }`);
    expect(said.status).toBe(400);
    expect(said.body).toMatchObject({ errors: [{ message: "'Deep' exceeds maximum operation depth of 5" }] });
  });
  test('introspection may be deeper', async () => {
    const types = '{ __schema { types { fields { type { ofType { ofType { ofType { name } } } } } } } }';
    expect((await graphql(types)).status).toBe(200);
  });
  test('six operations are one too many', async () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `query ${name} { networks { id } }`).join(' ');
    const message = 'The request exceeds the maximum number of query: 5';
    expect(await graphql(many)).toMatchObject({ status: 500, body: { errors: [{ message }] } });
  });
  test('six root fields of a named query', async () => {
    const fields = [1, 2, 3, 4, 5, 6].map((one) => `n${one}: networks { id }`).join(' ');
    const message = "'Six exceeds the maximum number of root selections: 5";
    expect(await graphql(`query Six { ${fields} }`)).toMatchObject({ status: 500, body: { errors: [{ message }] } });
  });
  test('no batching', async () => {
    const said = await call('POST', `${sandbox.url}/graphql`, [{ query: '{ networks { id } }' }]);
    expect(said).toMatchObject({ status: 400, body: { errors: [{ message: 'Must provide query string.' }] } });
  });
  test('variables in the URL', async () => {
    const url = new URL(`${sandbox.url}/graphql`);
    url.searchParams.set('query', 'query ($id: String!) { proposal(id: $id) { title } }');
    url.searchParams.set('variables', '{"id":"0x02"}');
    expect((await call('GET', url.href)).body).toEqual({ data: { proposal: { title: 'Pay nothing' } } });
    url.searchParams.set('variables', '{');
    expect(await call('GET', url.href)).toMatchObject({
      status: 400,
      body: { errors: [{ message: 'Variables are invalid JSON.' }] },
    });
  });
  test('no other method', async () => {
    expect(await call('PUT', `${sandbox.url}/graphql`, {})).toMatchObject({ status: 405 });
  });
});

test('what voters and spaces did is counted', async () => {
  const said = await ask(
    sandbox.url,
    `{ leaderboards(where: {user: "${VOTER.toLowerCase()}"}) { space votesCount proposalsCount lastVote vpValue }
       user(id: "${VOTER}") { id name created votesCount proposalsCount lastVote }
       space(id: "child.eth") { proposalsCount votesCount followersCount rank parent { name } skin }
       roles(where: {address: "${VOTER.toLowerCase()}"}) { space permissions }
       ranking { items { id } metrics { total categories } } }`,
  );
  expect(said).toEqual({
    leaderboards: [
      { space: 'parent.eth', votesCount: 1, proposalsCount: 1, lastVote: NOW - 5, vpValue: 6 },
      { space: 'child.eth', votesCount: 1, proposalsCount: 0, lastVote: NOW - 9, vpValue: 0 },
    ],
    user: { id: VOTER, name: 'Vera', created: 7, votesCount: 2, proposalsCount: 1, lastVote: NOW - 5 },
    space: { proposalsCount: 1, votesCount: 1, followersCount: 1, rank: 2, parent: { name: 'Parent' }, skin: 'dark' },
    roles: [
      { space: 'parent.eth', permissions: ['admin'] },
      { space: 'child.eth', permissions: ['author'] },
    ],
    ranking: { items: [{ id: 'parent.eth' }, { id: 'child.eth' }], metrics: { total: 2, categories: { protocol: 1 } } },
  });
});

describe('limits', () => {
  const limited: World = { ...world, limits: { hub_per_minute: 2 }, api_keys: [{ key: 'good', monthly_limit: 1 }] };
  const from = async (address: string, key = ''): Promise<number> => {
    const headers = {
      'content-type': 'application/json',
      'x-real-ip': address,
      ...(key === '' ? {} : { 'x-api-key': key }),
    };
    const body = JSON.stringify({ query: '{ nope }' });
    return (await fetch(`${sandbox.url}/graphql`, { method: 'POST', headers, body })).status;
  };

  test('invalid requests count, each address for itself, and a new world forgets', async () => {
    await put(limited);
    expect([await from('10.0.0.1'), await from('10.0.0.1'), await from('10.0.0.1')]).toEqual([400, 400, 429]);
    expect(await from('10.0.0.2')).toBe(400);
    await put(limited);
    expect(await from('10.0.0.1')).toBe(400);
  });
  test('a minute later it is served again', async () => {
    await put({ ...limited, limits: { hub_per_minute: 1 } });
    expect([await from('10.0.0.1'), await from('10.0.0.1')]).toEqual([400, 429]);
    await call('POST', `${sandbox.url}/_sandbox/clock`, { now: NOW + 60 });
    expect(await from('10.0.0.1')).toBe(400);
  });
  test('a key passes the limit while it lasts; an unknown one is refused', async () => {
    await put({ ...limited, limits: { hub_per_minute: 1 } });
    expect([await from('10.0.0.1'), await from('10.0.0.1', 'good')]).toEqual([400, 400]);
    expect([await from('10.0.0.1', 'good'), await from('10.0.0.2', 'bad')]).toEqual([429, 401]);
  });
  test('no limit unless the world sets one', async () => {
    for (let asked = 0; asked < 5; asked += 1) expect(await from('10.0.0.1')).toBe(400);
  });
});
