/** The control API over HTTP: worlds, faults, the clock and the log. */
import { Wallet } from 'ethers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, call } from '../test/client.ts';
import { signVote } from '../test/envelopes.ts';
import { NOW, proposalOf, SPACE, smallWorld } from '../test/small-world.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ world: smallWorld() });
});
afterEach(() => sandbox.close());

function control(method: string, path: string, body?: unknown) {
  return call(method, `${sandbox.url}/_sandbox${path}`, body);
}

async function submitVote() {
  const parts = { space: SPACE, proposal: proposalOf('basic'), type: 'basic', choice: 1, timestamp: NOW } as const;
  return call('POST', sandbox.url, await signVote(Wallet.createRandom(), parts));
}

describe('the world', () => {
  test('PUT replaces it, votes included; PATCH adds to it', async () => {
    await submitVote();
    await control('PUT', '/world', smallWorld());
    expect(sandbox.world.votes).toEqual([]);
    const more = { spaces: [{ id: 'other.eth' }] };
    expect((await control('PATCH', '/world', more)).status).toBe(200);
    expect((await ask(sandbox.url, '{ spaces { id } }'))['spaces']).toEqual([{ id: 'other.eth' }, { id: SPACE }]);
  });

  test('PATCH with a known id changes that proposal and no other', async () => {
    const [first] = smallWorld().proposals;
    await control('PATCH', '/world', { proposals: [{ ...first, body: 'another text' }] });
    const { proposals } = await ask(
      sandbox.url,
      '{ proposals(where: {type_in: ["basic", "weighted"]}) { type body } }',
    );
    expect(proposals).toEqual([
      { type: 'basic', body: 'another text' },
      { type: 'weighted', body: '' },
    ]);
  });

  test.each([
    [
      { proposals: [{ id: '0x1', space: 'a.eth', title: 'T', choices: ['A'], start: 2, end: 1 }] },
      'must end after it starts',
    ],
    [{ proposals: [{ id: '0x1', space: 'a.eth', title: 'T', choices: ['A'], start: 1, end: 2 }] }, 'no space a.eth'],
    [{ propsals: [] }, 'propsals'],
    [{ voting_power: [{ space: SPACE, vp: 1 }] }, 'needs either voter or default: true'],
  ])('what cannot be served is refused with its reason and changes nothing: %#', async (world, why) => {
    const answer = await control('PUT', '/world', world);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: 'invalid', detail: expect.stringContaining(why) });
    expect((await ask(sandbox.url, '{ spaces { id } }'))['spaces']).toEqual([{ id: SPACE }]);
  });
});

test('a world without a content type is refused, not taken for an empty one', async () => {
  const answer = await fetch(`${sandbox.url}/_sandbox/world`, { method: 'PUT', body: JSON.stringify(smallWorld()) });
  expect(answer.status).toBe(400);
  expect((await ask(sandbox.url, '{ spaces { id } }'))['spaces']).toEqual([{ id: SPACE }]);
});

describe('faults', () => {
  test('the next N calls fail, the one after does not', async () => {
    await control('POST', '/faults', {
      endpoint: 'hub',
      count: 2,
      status: 503,
      body: 'busy',
      headers: { 'retry-after': '7' },
    });
    const query = { query: '{ spaces { id } }' };
    const failed = await fetch(`${sandbox.url}/graphql`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect([failed.status, failed.headers.get('retry-after'), await failed.text()]).toEqual([503, '7', 'busy']);
    expect((await call('POST', `${sandbox.url}/graphql`, query)).status).toBe(503);
    expect((await call('POST', `${sandbox.url}/graphql`, query)).status).toBe(200);
  });

  test('cut before: nothing is stored; cut after: it is; and the log says so', async () => {
    await control('POST', '/faults', { endpoint: 'sequencer', count: 1, cut: 'before' });
    await expect(submitVote()).rejects.toThrow('fetch failed');
    expect(sandbox.world.votes).toHaveLength(0);
    await control('POST', '/faults', { endpoint: 'sequencer', count: 1, cut: 'after' });
    await expect(submitVote()).rejects.toThrow('fetch failed');
    expect(sandbox.world.votes).toHaveLength(1);
    expect(sandbox.world.received.map(({ answer }) => answer)).toEqual(['cut', 'cut']);
  });

  test('a vote can be stored although the answer was 500', async () => {
    await control('POST', '/faults', { endpoint: 'sequencer', count: 1, status: 500, stored: true });
    expect((await submitVote()).status).toBe(500);
    expect(sandbox.world.votes).toHaveLength(1);
  });

  test('only what matches is struck, and DELETE ends it', async () => {
    const fault = { endpoint: 'hub', count: 9, status: 500, match: { body_contains: 'aliases' } };
    await control('POST', '/faults', fault);
    expect((await call('POST', `${sandbox.url}/graphql`, { query: '{ spaces { id } }' })).status).toBe(200);
    expect((await call('POST', `${sandbox.url}/graphql`, { query: '{ aliases { id } }' })).status).toBe(500);
    await control('DELETE', '/faults');
    expect((await call('POST', `${sandbox.url}/graphql`, { query: '{ aliases { id } }' })).status).toBe(200);
  });

  test('a seeded share strikes the same calls each time', async () => {
    const strike = async (): Promise<number[]> => {
      await control('DELETE', '/faults');
      await control('POST', '/faults', { endpoint: 'hub', share: 0.5, seed: 3, status: 500 });
      const statuses: number[] = [];
      for (let nth = 0; nth < 20; nth += 1) {
        statuses.push((await call('POST', `${sandbox.url}/graphql`, { query: '{ spaces { id } }' })).status);
      }
      return statuses;
    };
    const first = await strike();
    expect(new Set(first)).toEqual(new Set([200, 500]));
    expect(await strike()).toEqual(first);
  });

  test('a hub whose database is away looks up nothing, and answers what needs none', async () => {
    const asked = { query: '{ __typename proposal(id: "0x0") { id } spaces { id } }' };
    await control('POST', '/faults', { endpoint: 'hub', count: 1, fails: 'database' });
    const { status, body } = await call('POST', `${sandbox.url}/graphql`, asked);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      data: { __typename: 'Query', proposal: null, spaces: null },
      errors: [{ message: 'request failed' }, { message: 'request failed' }],
    });
  });

  test.each([
    ['sequencer', 'database'],
    ['hub', 'pinning'],
    ['model', 'maintenance'],
  ])('the %s has no %s that fails', async (endpoint, fails) => {
    expect((await control('POST', '/faults', { endpoint, count: 1, fails })).status).toBe(400);
  });

  test('a fault that does nothing is refused', async () => {
    expect((await control('POST', '/faults', { endpoint: 'hub', count: 1 })).status).toBe(400);
  });
});

test('the clock opens and closes proposals, to the second', async () => {
  const state = async (now: number | null): Promise<unknown> => {
    await control('POST', '/clock', { now });
    const { proposal } = await ask(sandbox.url, 'query ($id: String!) { proposal(id: $id) { state } }', {
      id: proposalOf('basic'),
    });
    return proposal;
  };
  const { start, end } = { start: NOW - 12 * 60 * 60, end: NOW + 12 * 60 * 60 };
  expect(await state(start)).toEqual({ state: 'pending' });
  expect(await state(start + 1)).toEqual({ state: 'active' });
  expect(await state(end)).toEqual({ state: 'active' });
  expect(await state(end + 1)).toEqual({ state: 'closed' });
});

test('the clock shows in the Date header, of hub, sequencer and model', async () => {
  await control('POST', '/clock', { now: NOW + 90 });
  for (const path of ['/graphql?query={networks{id}}', '/', '/v1/models']) {
    const { headers } = await fetch(`${sandbox.url}${path}`);
    expect(Date.parse(headers.get('date') ?? '')).toBe((NOW + 90) * 1_000);
  }
});

test('received lists what was asked and answered, in order', async () => {
  await call('POST', `${sandbox.url}/graphql`, { query: '{ spaces { id } }' });
  await submitVote();
  const { body } = await control('GET', '/received');
  expect(body).toMatchObject({
    received: [
      { seq: 1, endpoint: 'hub', body: { query: '{ spaces { id } }' }, answer: { status: 200 } },
      { seq: 2, endpoint: 'sequencer', answer: { status: 200 } },
    ],
  });
});

test('what was received can be forgotten; the numbers go on', async () => {
  await ask(sandbox.url, '{ spaces { id } }');
  expect((await control('DELETE', '/received')).status).toBe(200);
  expect((await control('GET', '/received')).body).toEqual({ received: [] });
  await ask(sandbox.url, '{ spaces { id } }');
  expect((await control('GET', '/received')).body).toMatchObject({ received: [{ seq: 2, answer: { status: 200 } }] });
});
