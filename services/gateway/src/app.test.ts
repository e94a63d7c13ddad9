/** What surrounds the runs: links, health, metrics, Bull Board, and how the gateway says no. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { handler } from '@quorum/shared/job-handler';
import { JOBS } from '@quorum/shared/jobs';
import { createMetrics } from '@quorum/shared/metrics';
import { connectPatient } from '@quorum/shared/redis';
import { AgentRunAccepted } from '@quorum/shared/run';
import { runWorker } from '@quorum/shared/run-worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, log, openGateway, postRun, type Gateway } from '../test/stand.ts';
import { Health } from './health.ts';
import { PATIENT } from '../../../test/patience.ts';

let redis: TestRedis;
let gateway: Gateway;

beforeAll(async () => {
  redis = await startTestRedis();
  gateway = await openGateway(redis.url);
});

afterAll(async () => {
  await gateway.stop();
  await redis.stop();
});

const get = (path: string) => ask(`${gateway.url}${path}`);

describe('the entrance', () => {
  test('lists links that lead somewhere', async () => {
    const { links } = z.object({ links: z.record(z.string(), z.string()) }).parse((await get('/')).json);
    expect(Object.keys(links)).toEqual([
      'agent_run',
      'proposals',
      'watches',
      'user_preferences',
      'health',
      'live',
      'ready',
      'metrics',
      'queues',
    ]);
    for (const path of Object.values(links)) expect((await get(path)).status, path).not.toBe(404);
  });

  test.each([
    ['GET', '/agent-run', 405, 'POST'],
    ['DELETE', '/', 405, 'GET, HEAD'],
    ['POST', '/health', 405, 'GET, HEAD'],
    ['PUT', '/agent-run/0198a3f0-0000-7000-8000-000000000000', 405, 'DELETE, GET, HEAD'],
    ['POST', '/watches/a.eth', 405, 'DELETE, GET, HEAD, PUT'],
    ['POST', '/watches', 405, 'GET, HEAD'],
    ['POST', '/proposals', 405, 'GET, HEAD'],
    ['GET', '/agent-runs', 404, undefined],
    ['POST', '/nowhere', 404, undefined],
  ])('%s %s → %i', async (method, path, status, allow) => {
    const answer = await ask(`${gateway.url}${path}`, { method, headers: { 'content-type': 'application/json' } });
    expect(answer.status).toBe(status);
    expect(answer.headers['allow']).toBe(allow);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  test('carries the headers that keep a browser out', async () => {
    const { headers } = await get('/');
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
  });

  test('cuts off a header that is too large', async () => {
    const answer = await ask(`${gateway.url}/`, { headers: { 'x-large': 'x'.repeat(20_000) } });
    expect(answer.status).toBe(431);
  });

  test('cuts off who does not finish the head of a request', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 408/);
  });
});

describe('health', () => {
  const health = async () => {
    const answer = await get('/health');
    return { status: answer.status, health: Health.strict().parse(answer.json) };
  };

  test('is 503 where no worker is there, and names each part', async () => {
    const none = await health();
    expect(none.status).toBe(503);
    expect(none.health).toMatchObject({
      status: 'down',
      redis: { status: 'ok', latency_ms: expect.any(Number) },
      services: [
        { service: 'fetcher', status: 'down', workers: 0 },
        { service: 'decider', status: 'down', workers: 0 },
        { service: 'voter', status: 'down', workers: 0 },
      ],
    });
    expect((await get('/health/ready')).status).toBe(200);
    expect((await get('/health/live')).status).toBe(200);
  });

  test('is 200 once every service works, and says who went away', async () => {
    const own = await startTestRedis();
    const whole = await openGateway(own.url);
    const connection = connectPatient(own.url, log);
    const common = { connection, concurrency: 1, log, metrics: createMetrics('test') };
    const never = (): Promise<never> => Promise.reject(new Error('There is no job here'));
    const workers = [
      runWorker({
        ...common,
        queue: 'agent-run',
        handlers: {
          'agent-run': handler(JOBS['agent-run'], { handle: never }),
          turn: handler(JOBS.turn, { handle: never }),
          rank: handler(JOBS.rank, { handle: never }),
          watchdog: handler(JOBS.watchdog, { handle: never }),
        },
      }),
      runWorker({ ...common, queue: 'decide', handlers: { decide: handler(JOBS.decide, { handle: never }) } }),
      runWorker({ ...common, queue: 'vote', handlers: { vote: handler(JOBS.vote, { handle: never }) } }),
    ];
    const state = async () => Health.parse((await ask(`${whole.url}/health`)).json);
    try {
      await expect.poll(async () => (await ask(`${whole.url}/health`)).status, PATIENT).toBe(200);
      expect((await state()).services.map(({ workers: count }) => count)).toEqual([1, 1, 1]);
      await workers[1]?.close(1_000);
      await expect.poll(async () => (await ask(`${whole.url}/health`)).status, PATIENT).toBe(503);
      expect((await state()).services).toMatchObject([
        { service: 'fetcher', status: 'ok' },
        { service: 'decider', status: 'down', workers: 0 },
        { service: 'voter', status: 'ok' },
      ]);
    } finally {
      await Promise.all(workers.map((worker) => worker.close(1_000)));
      connection.disconnect();
      await whole.stop();
      await own.stop();
    }
  });

  test('counts what waits', async () => {
    const before = (await health()).health.queues.find(({ queue }) => queue === 'agent-run')?.waiting ?? NaN;
    await postRun(gateway, { space_id: 'waiting.eth' });
    expect((await health()).health.queues).toMatchObject([
      { queue: 'agent-run', waiting: before + 1, active: 0, failed: 0 },
      { queue: 'decide', waiting: 0 },
      { queue: 'vote', waiting: 0 },
      { queue: 'notify', waiting: 0 },
    ]);
  });

  test('says nothing of where Redis is', async () => {
    expect((await get('/health')).text).not.toContain(new URL(redis.url).port);
  });
});

describe('metrics', () => {
  test('count requests by route, never by id, and the jobs of every queue', async () => {
    const { run_id } = AgentRunAccepted.parse((await postRun(gateway, { space_id: 'metrics.eth' })).json);
    await get(`/agent-run/${run_id}`);
    await get('/agent-run/not-a-run');
    await get('/no/such/path');
    await get('/admin/queues/api/queues');
    const { status, text, headers } = await get('/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain/);
    const value = (series: RegExp): number => Number(series.exec(text)?.[1]);
    expect(
      value(/^quorum_http_requests_total\{route="\/agent-run",method="POST",status="202",.*\} (\d+)$/m),
    ).toBeGreaterThan(0);
    expect(value(/^quorum_http_requests_total\{route="\/agent-run\/:id",method="GET",status="200",.*\} (\d+)$/m)).toBe(
      1,
    );
    expect(value(/^quorum_http_requests_total\{route="\/agent-run\/:id",method="GET",status="404",.*\} (\d+)$/m)).toBe(
      1,
    );
    expect(value(/^quorum_http_requests_total\{route="none",method="GET",status="404",.*\} (\d+)$/m)).toBeGreaterThan(
      0,
    );
    expect(
      value(/^quorum_http_requests_total\{route="\/admin\/queues",method="GET",status="200",.*\} (\d+)$/m),
    ).toBeGreaterThan(0);
    expect(text).toContain('quorum_http_request_duration_seconds_bucket{');
    expect(value(/^quorum_queue_jobs\{queue="agent-run",state="waiting",.*\} (\d+)$/m)).toBeGreaterThan(0);
    expect(value(/^quorum_queue_jobs\{queue="vote",state="prioritized",.*\} (\d+)$/m)).toBe(0);
    expect(text).not.toContain(run_id);
    expect(text).not.toContain('/no/such/path');
  });
});

describe('Bull Board', () => {
  const Board = z.object({
    queues: z.array(
      z.object({ name: z.string(), readOnlyMode: z.boolean(), jobs: z.array(z.object({ id: z.string() })) }),
    ),
  });

  test('shows every queue and the jobs in it', async () => {
    const { run_id } = AgentRunAccepted.parse((await postRun(gateway, { space_id: 'board.eth' })).json);
    const { queues } = Board.parse((await get('/admin/queues/api/queues?activeQueue=agent-run&status=waiting')).json);
    expect(queues.map(({ name }) => name).toSorted()).toEqual(['agent-run', 'decide', 'notify', 'vote']);
    expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
    expect(queues.flatMap(({ jobs }) => jobs.map(({ id }) => id))).toContain(run_id);
    expect((await get(`/admin/queues/api/queues/agent-run/${run_id}`)).status).toBe(200);
    expect((await get(`/admin/queues/api/queues/agent-run/${run_id}/flow`)).status).toBe(200);
  });

  test('has a page whose scripts and styles it serves itself', async () => {
    const page = await get('/admin/queues');
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toMatch(/script-src 'self';/);
    const parts = [...page.text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map((match) => match[1]);
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) expect((await get(`/admin/queues/${part}`)).status, part).toBe(200);
  });

  test('refuses every write', async () => {
    const { run_id } = AgentRunAccepted.parse((await postRun(gateway, { space_id: 'board-write.eth' })).json);
    const queue = '/admin/queues/api/queues/agent-run';
    const writes = [
      ['POST', `${queue}/add`],
      ['PUT', `${queue}/pause`],
      ['PUT', '/admin/queues/api/queues/pause'],
      ['PUT', `${queue}/obliterate`],
      ['PUT', `${queue}/empty`],
      ['PUT', `${queue}/retry/failed`],
      ['PUT', `${queue}/concurrency`],
      ['PUT', `${queue}/${run_id}/clean`],
      ['PATCH', `${queue}/${run_id}/update-data`],
      ['DELETE', `${queue}/${run_id}`],
    ] as const;
    for (const [method, path] of writes) {
      const headers = { 'content-type': 'application/json' };
      const answer = await ask(`${gateway.url}${path}`, { method, headers, body: '{"name":"agent-run","data":{}}' });
      expect(answer.status, `${method} ${path}`).toBe(405);
    }
    const job = await get(`${queue}/${run_id}`);
    expect(job.json).toMatchObject({ job: { id: run_id, data: { run_id, step: 'fetch' } }, status: 'waiting' });
  });
});
