import { newRunId, OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { AgentRunAccepted, AgentRunView } from '@quorum/shared/run';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aProposalId, aResponse, aSpace } from '../../../../packages/shared/test/samples.ts';
import { accept, aCase, type Case, NOW_MS, useRedis } from '../../../../packages/shared/test/world.ts';
import { PATIENT } from '../../../../test/patience.ts';
import { watchRun } from '../../test/event-client.ts';
import { ask, openGateway, postRun, type Gateway } from '../../test/stand.ts';

const { redis, server } = useRedis();
let gateway: Gateway;
beforeAll(async () => {
  gateway = await openGateway(server().url, { EVENTS_HEARTBEAT_S: '0.1' });
});
afterAll(() => gateway.stop());

const records = () => createRecords(redis());

/** A run that waits, of the owner for whom requests without a key act. */
async function aRun(): Promise<Case> {
  const one = { ...aCase(redis()), owner: OwnerId.parse('owner'), space: aSpace(`${newRunId()}.eth`) };
  await accept(one);
  return one;
}

const start = (one: Case) => one.transitions.start(one.runId, NOW_MS);
const deciding = (one: Case) => records().deciding(one.runId, one.proposal);
const finish = (one: Case) =>
  one.transitions.finish({ owner: one.owner, dryRun: false }, { ...aResponse(one.runId), space_id: one.space }, NOW_MS);

/** The ids of the events that are kept. */
async function idsOf(one: Case): Promise<string[]> {
  return (await redis().xrange(keys.runEvents(one.runId), '-', '+')).map(([id]) => id);
}

describe('GET /agent-run/:id/events', () => {
  test('is where an accepted run says that it is told', async () => {
    const accepted = AgentRunAccepted.parse((await postRun(gateway, { space_id: 'events.eth' })).json);
    expect(accepted.events_url).toBe(`${accepted.status_url}/events`);
    const client = await watchRun(gateway, accepted.run_id);
    await client.has(1);
    expect(client.received()[0]?.data).toMatchObject({ run_id: accepted.run_id, space_id: 'events.eth' });
    client.close();
  });

  test('tells what was, then each step as it comes, and ends with the run', async () => {
    const one = await aRun();
    await start(one);
    const client = await watchRun(gateway, one.runId);
    expect(client.status).toBe(200);
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    await client.has(2);
    await deciding(one);
    await client.has(3);
    await finish(one);
    await client.over();
    expect(client.kinds()).toEqual(['accepted', 'started', 'deciding', 'finished']);
    expect(client.text()).toMatch(/^retry: 2000\n\n/);
    expect(client.received().map(({ id }) => id)).toEqual(await idsOf(one));
    const [, , told] = client.received();
    expect(told?.data).toEqual({
      run_id: one.runId,
      at: new Date(Number(told?.id?.split('-')[0])).toISOString(),
      proposal_id: one.proposal,
    });
  });

  test('shows that it lives while nothing happens', async () => {
    const client = await watchRun(gateway, (await aRun()).runId);
    await expect.poll(() => client.text().split(': heartbeat\n\n').length).toBeGreaterThan(2);
    expect(client.kinds()).toEqual(['accepted']);
    client.close();
  });

  test('goes on after the last event that a client had, whichever that was', async () => {
    const one = await aRun();
    await start(one);
    for (let at = 0; at < 3; at += 1) await deciding(one);
    const ids = await idsOf(one);
    const clients = await Promise.all(ids.map((lastId) => watchRun(gateway, one.runId, { lastId })));
    await finish(one);
    const all = await idsOf(one);
    for (const [at, client] of clients.entries()) {
      await client.over();
      expect(client.received().map(({ id }) => id)).toEqual(all.slice(at + 1));
    }
  });

  test.each([
    ['is kept no more', () => '1-0'],
    ['is no id', () => 'yesterday'],
    ['has not come yet', () => '9999999999999-0'],
  ])('shows the run first where the last event %s, and goes on from there', async (_what, lastIdOf) => {
    const one = await aRun();
    await start(one);
    const [, startedId] = await idsOf(one);
    const client = await watchRun(gateway, one.runId, { lastId: lastIdOf() });
    await client.has(1);
    const [shown] = client.received();
    expect(shown).toMatchObject({ id: startedId, event: 'snapshot' });
    expect(AgentRunView.parse(shown?.data)).toMatchObject({ run_id: one.runId, status: 'running' });
    await deciding(one);
    await finish(one);
    await client.over();
    expect(client.kinds()).toEqual(['snapshot', 'deciding', 'finished']);
  });

  test('shows the run first where its first events are kept no more', async () => {
    const one = await aRun();
    await start(one);
    await redis().xtrim(keys.runEvents(one.runId), 'MAXLEN', 1);
    const client = await watchRun(gateway, one.runId);
    await finish(one);
    await client.over();
    expect(client.kinds()).toEqual(['snapshot', 'finished']);
  });

  test('tells a client that was away at the end what it missed, and then not to come again', async () => {
    const one = await aRun();
    await start(one);
    const [acceptedId] = await idsOf(one);
    await finish(one);
    const client = await watchRun(gateway, one.runId, { lastId: acceptedId ?? '' });
    await client.over();
    expect(client.kinds()).toEqual(['started', 'finished']);
    const again = await watchRun(gateway, one.runId, { lastId: client.received().at(-1)?.id ?? '' });
    await again.over();
    expect([again.status, again.text()]).toEqual([204, '']);
  });

  test('shows a run whose events are kept no more, its end, and then nothing', async () => {
    const one = await aRun();
    await start(one);
    const proposal = aProposalId();
    await records().settle(one.runId, proposal, { outcome: { kind: 'cast' }, settled_at: NOW_MS });
    await finish(one);
    await redis().del(keys.runEvents(one.runId));
    const client = await watchRun(gateway, one.runId, { lastId: '1-0' });
    await client.over();
    expect(client.received()).toMatchObject([
      { id: null, event: 'snapshot', data: { status: 'completed' } },
      { id: 'end', event: 'finished', data: { status: 'completed', at: new Date(NOW_MS).toISOString() } },
    ]);
    expect((await watchRun(gateway, one.runId, { lastId: 'end' })).status).toBe(204);
  });

  test.each([
    ['no run', () => newRunId(), 404, 'not-found'],
    ['what is no id', () => 'x', 404, 'not-found'],
  ])('of %s there is none', async (_what, runIdOf, status, type) => {
    const answer = await ask(`${gateway.url}/agent-run/${runIdOf()}/events`);
    expect(answer).toMatchObject({ status, json: { type: `/problems/${type}` } });
  });

  test('opens nothing where only the head is asked for, and takes no other method', async () => {
    const url = `${gateway.url}/agent-run/${(await aRun()).runId}/events`;
    expect(await ask(url, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    const headers = { 'content-type': 'application/json' };
    const refused = await ask(url, { method: 'POST', headers, body: '{}' });
    expect(refused).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });
});

test('no more clients may watch than are let, and one that goes makes room', async () => {
  const small = await openGateway(server().url, { EVENTS_MAX_CLIENTS: '2' });
  try {
    const one = await aRun();
    const [first] = await Promise.all([watchRun(small, one.runId), watchRun(small, one.runId)]);
    const refused = await ask(`${small.url}/agent-run/${one.runId}/events`);
    expect(refused).toMatchObject({ status: 503, json: { type: '/problems/too-many-watchers' } });
    expect(refused.headers['retry-after']).toBe('10');
    expect((await ask(`${small.url}/agent-run/${one.runId}`)).status).toBe(200);
    first.close();
    await expect.poll(async () => (await watchRun(small, one.runId)).status, PATIENT).toBe(200);
  } finally {
    await small.stop();
  }
});

test('a gateway that stops ends its streams in order, and the client goes on at another', async () => {
  const one = await aRun();
  const stopping = await openGateway(server().url);
  const first = await watchRun(stopping, one.runId);
  await first.has(1);
  await stopping.stop();
  await first.over();
  await start(one);
  const second = await watchRun(gateway, one.runId, { lastId: first.received().at(-1)?.id ?? '' });
  await finish(one);
  await second.over();
  expect(second.kinds()).toEqual(['started', 'finished']);
});
