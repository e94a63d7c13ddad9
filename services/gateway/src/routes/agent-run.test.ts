import { randomUUID } from 'node:crypto';
import { keys } from '@quorum/shared/redis-keys';
import { newRunId, OwnerId, RunId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { connectFailFast } from '@quorum/shared/redis';
import { AgentRunAccepted, AgentRunView } from '@quorum/shared/run';
import { createTransitions } from '@quorum/shared/transitions';
import { SpaceId } from '@quorum/snapshot/proposal';
import { FlowProducer, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aResponse } from '../../../../packages/shared/test/samples.ts';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, log, openGateway, postRun, type Answer, type Gateway } from '../../test/stand.ts';
import { Problem } from '../problem.ts';

let testRedis: TestRedis;
let gateway: Gateway;
let redis: Redis;
let queue: Queue;

beforeAll(async () => {
  testRedis = await startTestRedis();
  gateway = await openGateway(testRedis.url);
  redis = new Redis(testRedis.url, { maxRetriesPerRequest: null });
  queue = new Queue('agent-run', { connection: redis, prefix: '{quorum}:bull' });
});

afterAll(async () => {
  await gateway.stop();
  await queue.close();
  redis.disconnect();
  await testRedis.stop();
});

/** A space of the test's own. */
const newSpace = (): string => `${randomUUID()}.eth`;

describe('POST /agent-run', () => {
  test('accepts a run, says where to look, and puts its job into the queue', async () => {
    const space_id = newSpace();
    const answer = await postRun(gateway, { space_id });
    expect(answer.status).toBe(202);
    const accepted = AgentRunAccepted.parse(answer.json);
    expect(accepted).toMatchObject({ status: 'queued', joined: false, status_url: `/agent-run/${accepted.run_id}` });
    expect(answer.headers).toMatchObject({ location: accepted.status_url, 'cache-control': 'no-store' });
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.headers).not.toHaveProperty('x-powered-by');

    const job = await queue.getJob(accepted.run_id);
    // One id leads from the answer to the record, the jobs and their lines.
    const request_id = answer.headers['x-request-id'];
    expect(job?.data).toEqual({ request_id, run_id: accepted.run_id, step: 'fetch' });
    expect(job?.opts).toMatchObject({ attempts: 3, backoff: { type: 'exponential', delay: 5_000 } });
    const run = await createRecords(redis).run(accepted.run_id);
    expect(run).toMatchObject({
      owner: 'owner',
      space: space_id,
      dryRun: false,
      state: 'queued',
      requestId: request_id,
    });
  });

  test('joins the run of the space that is under way', async () => {
    const space_id = newSpace();
    const first = AgentRunAccepted.parse((await postRun(gateway, { space_id })).json);
    const second = await postRun(gateway, { space_id, dry_run: false });
    expect(second.status).toBe(202);
    expect(second.json).toEqual({ ...first, joined: true });
  });

  test('refuses a dry run beside a live one, and names the run that stands in the way', async () => {
    const space_id = newSpace();
    const { run_id } = AgentRunAccepted.parse((await postRun(gateway, { space_id })).json);
    const answer = await postRun(gateway, { space_id, dry_run: true });
    expect(answer.status).toBe(409);
    expect(answer.json).toMatchObject({ type: '/problems/run-conflict', run_id });
  });

  test('one Idempotency-Key has one answer, even after the run has ended', async () => {
    const space_id = newSpace();
    const key = { 'idempotency-key': 'monday' + space_id };
    const first = AgentRunAccepted.parse((await postRun(gateway, { space_id }, key)).json);
    await redis.hset(keys.run(first.run_id), 'state', 'completed');
    await redis.del(keys.active(OwnerId.parse('owner'), SpaceId.parse(space_id)));

    const again = await postRun(gateway, { space_id, dry_run: false }, key);
    expect(again.status).toBe(202);
    expect(again.json).toEqual({ ...first, status: 'completed' });
    const without = AgentRunAccepted.parse((await postRun(gateway, { space_id })).json);
    expect(without.run_id).not.toBe(first.run_id);
  });

  test('refuses an Idempotency-Key that came with another body', async () => {
    const key = { 'idempotency-key': randomUUID() };
    await postRun(gateway, { space_id: newSpace() }, key);
    const answer = await postRun(gateway, { space_id: newSpace() }, key);
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({ type: '/problems/idempotency-key-reused' });
  });

  test.each([
    ['empty', ''],
    ['with a space', 'two words'],
    ['too long', 'k'.repeat(256)],
    ['not ASCII', 'clé'],
  ])('refuses an Idempotency-Key that is %s', async (_what, key) => {
    const answer = await postRun(gateway, { space_id: newSpace() }, { 'idempotency-key': key });
    expect(answer.status).toBe(400);
    expect(Problem.parse(answer.json).errors).toMatchObject([{ path: 'Idempotency-Key' }]);
  });

  test('takes an Idempotency-Key of 255 characters', async () => {
    const answer = await postRun(gateway, { space_id: newSpace() }, { 'idempotency-key': '~'.repeat(255) });
    expect(answer.status).toBe(202);
  });

  test.each([
    ['no body', undefined, ['space_id']],
    ['a list', [], ['']],
    ['no space', {}, ['space_id']],
    ['a space that is not normalised', { space_id: 'Quorum.ETH' }, ['space_id']],
    ['a dry_run in words', { space_id: 'a.eth', dry_run: 'yes' }, ['dry_run']],
    ['unknown fields', { space_id: 'a.eth', dryrun: true, force: true }, ['dryrun', 'force']],
  ])('refuses %s and names the fields', async (_what, body, paths) => {
    const answer = await postRun(gateway, body);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem = Problem.parse(answer.json);
    expect(problem).toMatchObject({ type: '/problems/validation', request_id: answer.headers['x-request-id'] });
    expect(problem.errors?.map(({ path }) => path)).toEqual(paths);
  });

  test.each([
    ['JSON that breaks off', '{"space_id":', {}, 400, 'malformed-body'],
    ['a bare string', '"a.eth"', {}, 400, 'malformed-body'],
    ['more than 16 kB', JSON.stringify({ space_id: 'a'.repeat(17 * 1_024) }), {}, 413, 'body-too-large'],
    ['a packed body', 'x', { 'content-encoding': 'gzip' }, 415, 'unsupported-media-type'],
  ])('refuses %s', async (_what, body, headers, status, type) => {
    const answer = await ask(`${gateway.url}/agent-run`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ type: `/problems/${type}` });
  });

  test('a run whose job was lost is healed by the same request', async () => {
    const space_id = newSpace();
    const { run_id: runId } = AgentRunAccepted.parse((await postRun(gateway, { space_id })).json);
    const before = await queue.getJob(runId);
    expect(before?.data).toEqual({ request_id: runId, run_id: runId, step: 'fetch' });
    await queue.remove(runId);
    const healed = await postRun(gateway, { space_id });
    expect(healed.status).toBe(202);
    expect(healed.json).toMatchObject({ run_id: runId, status: 'queued', joined: true });
    // It was added by BullMQ itself this time, and is the same.
    const after = await queue.getJob(runId);
    expect([after?.name, after?.data, after?.opts]).toEqual([before?.name, before?.data, before?.opts]);
    expect(await after?.getState()).toBe('waiting');
  });

  test('joining a queued run does not queue it twice', async () => {
    const space_id = newSpace();
    const { run_id } = AgentRunAccepted.parse((await postRun(gateway, { space_id })).json);
    await Promise.all(Array.from({ length: 5 }, () => postRun(gateway, { space_id })));
    const waiting = await queue.getJobs(['waiting']);
    expect(waiting.filter((job) => job.id === run_id)).toHaveLength(1);
  });
});

describe('GET /agent-run/:id', () => {
  test('shows the run', async () => {
    const space_id = newSpace();
    const { run_id, status_url } = AgentRunAccepted.parse((await postRun(gateway, { space_id, dry_run: true })).json);
    const answer = await ask(`${gateway.url}${status_url}`);
    expect(answer.status).toBe(200);
    expect(AgentRunView.strict().parse(answer.json)).toMatchObject({
      run_id,
      space_id,
      dry_run: true,
      status: 'queued',
      started_at: null,
      proposals: [],
      result: null,
    });
  });

  test("does not know another owner's run", async () => {
    const connection = connectFailFast(testRedis.url, log);
    await expect.poll(() => connection.status).toBe('ready');
    const runId = newRunId();
    const [owner, space] = [OwnerId.parse('somebody-else'), SpaceId.parse(newSpace())];
    await createTransitions(connection).accept({ runId, owner, space, dryRun: false, idempotency: null, nowMs: 1 });
    connection.disconnect();
    expect(await createRecords(redis).run(runId)).toMatchObject({ owner: 'somebody-else' });
    expect((await ask(`${gateway.url}/agent-run/${runId}`)).status).toBe(404);
  });

  test.each(['not-a-run', randomUUID(), '%zz', 'quorum:run', `${randomUUID()}0`])('does not know %s', async (id) => {
    const answer = await ask(`${gateway.url}/agent-run/${id}`);
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({ type: '/problems/not-found' });
  });

  test('a record that does not fit is a 500 that says nothing of the inside', async () => {
    const { run_id } = AgentRunAccepted.parse((await postRun(gateway, { space_id: newSpace() })).json);
    await redis.hset(keys.run(run_id), 'state', 'sleepwalking');
    const answer = await ask(`${gateway.url}/agent-run/${run_id}`);
    expect(answer.status).toBe(500);
    expect(answer.json).toEqual({
      type: '/problems/internal',
      title: 'Something broke inside Quorum',
      status: 500,
      request_id: answer.headers['x-request-id'],
    });
  });
});

describe('the tag of a run', () => {
  const of = (answer: Answer): string => String(answer.headers['etag']);

  test('costs no body while nothing changed, and changes with the run', async () => {
    const space_id = newSpace();
    const { run_id, status_url } = AgentRunAccepted.parse((await postRun(gateway, { space_id })).json);
    const look = (etag?: string) =>
      ask(`${gateway.url}${status_url}`, { headers: etag === undefined ? {} : { 'if-none-match': etag } });
    const first = await look();
    expect(of(first)).toMatch(/^"[\w-]{43}"$/);
    // Kept by nobody between, and asked for each time: a key may have been revoked.
    expect(first.headers['cache-control']).toBe('private, no-cache');
    expect(of(await look())).toBe(of(first));
    for (const etag of [of(first), `"other", ${of(first)}`, `W/${of(first)}`, '*']) {
      const same = await look(etag);
      expect(same, etag).toMatchObject({ status: 304, text: '' });
      expect(of(same)).toBe(of(first));
    }
    expect((await look('"other"')).status).toBe(200);
    await createTransitions(redis).start(RunId.parse(run_id), Date.now());
    const second = await look(of(first));
    expect(second).toMatchObject({ status: 200, json: { status: 'running' } });
    expect(of(second)).not.toBe(of(first));
  });

  test('tells nothing to whoever may not read the run', async () => {
    const path = `/agent-run/${newRunId()}`;
    const answer = await ask(`${gateway.url}${path}`, { headers: { 'if-none-match': '*' } });
    expect(answer).toMatchObject({ status: 404, headers: { 'cache-control': 'no-store' } });
    expect(answer.headers).not.toHaveProperty('etag');
  });
});

describe('DELETE /agent-run/:id', () => {
  const cancel = (runId: string) =>
    ask(`${gateway.url}/agent-run/${runId}`, { method: 'DELETE', headers: { 'content-type': 'application/json' } });

  test('asks an open run to stop, and takes away what nobody works on', async () => {
    const { run_id: runId } = AgentRunAccepted.parse((await postRun(gateway, { space_id: newSpace() })).json);
    const flow = new FlowProducer({ connection: redis, prefix: '{quorum}:bull' });
    const votes = new Queue('vote', { connection: redis, prefix: '{quorum}:bull' });
    try {
      await (await queue.getJob(runId))?.remove();
      const children = [{ name: 'vote', queueName: 'vote', data: {}, opts: { jobId: `vote-${runId}` } }];
      await flow.add({ name: 'agent-run', queueName: 'agent-run', data: {}, opts: { jobId: runId }, children });
      expect(await votes.getJobState(`vote-${runId}`)).toBe('waiting');
      const answer = await cancel(runId);
      expect([answer.status, AgentRunView.parse(answer.json).status]).toEqual([202, 'queued']);
      expect(answer.headers).toMatchObject({ location: `/agent-run/${runId}`, 'retry-after': '2' });
      expect((await createRecords(redis).run(RunId.parse(runId)))?.cancelled).toBe(true);
      expect(await votes.getJobState(`vote-${runId}`)).toBe('unknown');
      // The root goes on, and whoever takes it finds that the run was cancelled.
      expect(await queue.getJobState(runId)).toBe('waiting');
    } finally {
      await Promise.all([flow.close(), votes.close()]);
    }
  });

  test('has who asks for a run meanwhile wait for its end, with or without a key', async () => {
    const space_id = newSpace();
    const owner = OwnerId.parse('owner');
    const { run_id } = AgentRunAccepted.parse((await postRun(gateway, { space_id })).json);
    await cancel(run_id);
    const key = { 'idempotency-key': randomUUID() };
    for (const headers of [{}, key]) {
      const refused = await postRun(gateway, { space_id }, headers);
      expect(refused).toMatchObject({ status: 409, headers: { 'retry-after': '2' } });
      expect(Problem.parse(refused.json)).toMatchObject({ type: '/problems/run-ending', run_id });
    }
    const ended = aResponse(run_id, { status: 'cancelled', space_id: SpaceId.parse(space_id) });
    await createTransitions(redis).finish({ owner, dryRun: false }, ended, Date.now());
    const next = await postRun(gateway, { space_id }, key);
    expect(next.status).toBe(202);
    expect(next.json).toMatchObject({ joined: false, status: 'queued' });
    expect(next.json).not.toMatchObject({ run_id });
  });

  test('brings up a run that waits for its hub', async () => {
    const { run_id: runId } = AgentRunAccepted.parse((await postRun(gateway, { space_id: newSpace() })).json);
    await (await queue.getJob(runId))?.remove();
    await queue.add('agent-run', {}, { jobId: runId, delay: 600_000 });
    expect((await cancel(runId)).status).toBe(202);
    expect(await queue.getJobState(runId)).toBe('waiting');
  });

  test.each([
    ['completed', 409],
    ['failed', 409],
    ['cancelled', 200],
  ] as const)('of one that has ended %s is %i', async (status, expected) => {
    const space_id = newSpace();
    const { run_id: runId } = AgentRunAccepted.parse((await postRun(gateway, { space_id })).json);
    const owner = OwnerId.parse('owner');
    const response = aResponse(runId, { status, space_id: SpaceId.parse(space_id) });
    await createTransitions(redis).finish({ owner, dryRun: false }, response, Date.now());
    const answer = await cancel(runId);
    expect(answer.status).toBe(expected);
    if (expected === 409)
      expect(Problem.parse(answer.json)).toMatchObject({ type: '/problems/run-ended', run_id: runId });
    else expect(AgentRunView.parse(answer.json).status).toBe('cancelled');
    expect((await createRecords(redis).run(RunId.parse(runId)))?.cancelled).toBe(false);
  });

  test.each(['no-run', '0198a3f0-0000-4000-8000-000000000000'])('of %s is 404', async (id) => {
    expect((await cancel(id)).status).toBe(404);
  });
});
