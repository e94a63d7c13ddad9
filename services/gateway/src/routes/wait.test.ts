/** `Prefer: wait=20` at `POST /agent-run`: the result where there is one in time. */
import { newRunId, OwnerId, type RunId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { AgentRunAccepted, AgentRunView } from '@quorum/shared/run';
import { createTransitions } from '@quorum/shared/transitions';
import { SpaceId } from '@quorum/snapshot/proposal';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aResponse } from '../../../../packages/shared/test/samples.ts';
import { useRedis } from '../../../../packages/shared/test/world.ts';
import { PATIENT } from '../../../../test/patience.ts';
import { openGateway, openLine, postRun, type Answer, type Gateway } from '../../test/stand.ts';
import { waitOf, WAIT_MOST_S } from '../run-waits.ts';

const { redis, server } = useRedis();
const OWNER = OwnerId.parse('owner');
let gateway: Gateway;
beforeAll(async () => {
  gateway = await openGateway(server().url);
});
afterAll(() => gateway.stop());

const newSpace = (): string => `${newRunId()}.eth`;

/** Asks for a run and to wait; resolves, once the run is there, with its id and the answer to come. */
async function asked(
  space_id: string,
  seconds: number,
  at = gateway,
): Promise<{ runId: RunId; answer: Promise<Answer> }> {
  const answer = postRun(at, { space_id }, { prefer: `wait=${seconds}` });
  return { runId: await runOf(space_id), answer };
}

async function runOf(space: string): Promise<RunId> {
  const active = keys.active(OWNER, SpaceId.parse(space));
  await expect.poll(() => redis().hget(active, 'run_id'), PATIENT).not.toBeNull();
  return AgentRunAccepted.shape.run_id.parse(await redis().hget(active, 'run_id'));
}

const finish = (runId: RunId, space: string) =>
  createTransitions(redis()).finish(
    { owner: OWNER, dryRun: false },
    aResponse(runId, { space_id: SpaceId.parse(space) }),
    Date.now(),
  );

describe('a request that waits', () => {
  test('has the result once the run has ended', async () => {
    const space = newSpace();
    const { runId, answer } = await asked(space, 30);
    await createTransitions(redis()).start(runId, Date.now());
    await finish(runId, space);
    const { status, json, headers, tookMs } = await answer;
    expect(status).toBe(200);
    expect(AgentRunView.strict().parse(json)).toMatchObject({ run_id: runId, status: 'completed' });
    const url = `/agent-run/${runId}`;
    expect(headers).toMatchObject({ location: url, 'content-location': url, 'preference-applied': 'wait=30' });
    expect(tookMs).toBeLessThan(30_000);
  });

  test('is told where to look when its time is over, and how the run stands by then', async () => {
    const space = newSpace();
    const { runId, answer } = await asked(space, 1);
    await createTransitions(redis()).start(runId, Date.now());
    const { status, json, headers, tookMs } = await answer;
    expect(status).toBe(202);
    expect(json).toMatchObject({ run_id: runId, status: 'running', status_url: `/agent-run/${runId}` });
    expect(headers).toMatchObject({ 'retry-after': '2', 'preference-applied': 'wait=1' });
    expect(tookMs).toBeGreaterThanOrEqual(1_000);
  });

  test('has the result at once of a run that has ended, by its Idempotency-Key', async () => {
    const space_id = newSpace();
    const key = { 'idempotency-key': space_id };
    const { run_id } = AgentRunAccepted.parse((await postRun(gateway, { space_id }, key)).json);
    await finish(await runOf(space_id), space_id);
    const waits = await postRun(gateway, { space_id }, { ...key, prefer: 'wait=30' });
    expect(waits).toMatchObject({ status: 200, json: { run_id, status: 'completed' } });
    // Who does not wait has the answer of before.
    expect(await postRun(gateway, { space_id }, key)).toMatchObject({ status: 202, json: { run_id } });
  });

  test('joins a run as any other, and however many wait, each has the result', async () => {
    const space_id = newSpace();
    const headers = { 'idempotency-key': space_id, prefer: 'wait=30' };
    const { runId, answer } = await asked(space_id, 30);
    expect(await postRun(gateway, { space_id }, { 'idempotency-key': space_id })).toMatchObject({ status: 202 });
    const others = Array.from({ length: 10 }, () => postRun(gateway, { space_id }, headers));
    await finish(runId, space_id);
    for (const one of [answer, ...others]) expect(await one).toMatchObject({ status: 200, json: { run_id: runId } });
  });

  test('that does not fit is refused at once', async () => {
    const answer = await postRun(gateway, { space_id: 'Quorum.ETH' }, { prefer: 'wait=30' });
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.headers).not.toHaveProperty('preference-applied');
  });

  test('does not wait where as many wait as may', async () => {
    const small = await openGateway(server().url, { EVENTS_MAX_CLIENTS: '1' });
    try {
      const space = newSpace();
      const { runId, answer } = await asked(space, 30, small);
      // Only once it waits is the place taken.
      const other = newSpace();
      const waits = async () => (await postRun(small, { space_id: other }, { prefer: 'wait=1' })).headers;
      await expect.poll(waits, PATIENT).not.toHaveProperty('preference-applied');
      await finish(runId, space);
      expect((await answer).status).toBe(200);
    } finally {
      await small.stop();
    }
  });

  test('is let go when the gateway stops', async () => {
    const stopping = await openGateway(server().url);
    const space = newSpace();
    const { runId, answer } = await asked(space, 30, stopping);
    await stopping.stop();
    const { status, tookMs } = await answer;
    expect(status).toBe(202);
    expect(tookMs).toBeLessThan(30_000);
    await finish(runId, space);
  });

  test('makes room when its client goes', async () => {
    const small = await openGateway(server().url, { EVENTS_MAX_CLIENTS: '1' });
    try {
      const space = newSpace();
      const sent = httpRequest(`${small.url}/agent-run`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'wait=30' },
        agent: false,
      });
      sent.on('error', () => undefined);
      sent.end(JSON.stringify({ space_id: space }));
      await runOf(space);
      sent.destroy();
      const waits = async () => (await postRun(small, { space_id: space }, { prefer: 'wait=1' })).headers;
      await expect.poll(waits, PATIENT).toHaveProperty('preference-applied', 'wait=1');
    } finally {
      await small.stop();
    }
  });

  test('has the result of a run whose end was told while nobody here listened', async () => {
    const space = newSpace();
    const { runId, answer } = await asked(space, 30);
    const heard = async () => (await redis().pubsub('NUMSUB', keys.ends()))[1];
    await expect.poll(heard, PATIENT).not.toBe(0);
    // On one connection, one right after the other: who is cut off has no time to come back.
    await Promise.all([redis().call('client', 'kill', 'type', 'pubsub'), finish(runId, space)]);
    const { status, json, tookMs } = await answer;
    expect(status).toBe(200);
    expect(json).toMatchObject({ run_id: runId, status: 'completed' });
    expect(tookMs).toBeLessThan(30_000);
  });

  test('is told where to look when Redis goes away meanwhile: the run is accepted', async () => {
    const line = await openLine(server().url);
    const behind = await openGateway(line.url);
    try {
      // What is read to wait, and by nothing before it.
      line.cutAt('hgetall');
      const space_id = newSpace();
      const { status, json, headers } = await postRun(behind, { space_id }, { prefer: 'wait=30' });
      expect(status).toBe(202);
      expect(json).toMatchObject({ run_id: await runOf(space_id), status: 'queued' });
      expect(headers).not.toHaveProperty('preference-applied');
    } finally {
      await behind.stop();
      await line.close();
    }
  });
});

test.each([
  [undefined, null],
  ['', null],
  ['wait=20', 20],
  ['Wait = 20', 20],
  ['wait="20"', 20],
  ['respond-async, wait=5', 5],
  ['wait=5; x=1', 5],
  ['wait=5, wait=9', 5],
  ['wait=0', null],
  ['wait=-1', null],
  ['wait=1.5', null],
  ['wait', null],
  ['wait="20', null],
  ['await=20', null],
  ['wait=20x', null],
  ['wait=999999999', WAIT_MOST_S],
  ['wait=9999999999', null],
] as const)('Prefer: %s waits for %s s', (prefer, seconds) => {
  expect(waitOf({ headers: prefer === undefined ? {} : { prefer } })).toBe(seconds);
});
