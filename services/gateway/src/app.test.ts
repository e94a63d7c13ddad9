/** What surrounds the runs: links, health, metrics, Bull Board, and how the gateway says no. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { Health } from '@quorum/shared/health';
import { AgentRunAccepted } from '@quorum/shared/run';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, openGateway, postRun, type Gateway } from '../test/stand.ts';
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
      'decisions',
      'proposals',
      'holds',
      'voting',
      'watches',
      'webhook_deliveries',
      'audit',
      'user_preferences',
      'health',
      'live',
      'ready',
      'metrics',
      'queues',
      'docs',
      'openapi',
    ]);
    for (const path of Object.values(links)) expect((await get(path)).status, path).not.toBe(404);
  });

  test.each([
    ['PUT', '/agent-run', 405, 'GET, HEAD, POST'],
    ['POST', '/decisions', 405, 'GET, HEAD'],
    ['DELETE', '/evidence/x', 405, 'GET, HEAD'],
    ['DELETE', '/', 405, 'GET, HEAD'],
    ['POST', '/health', 405, 'GET, HEAD'],
    ['PUT', '/agent-run/0198a3f0-0000-7000-8000-000000000000', 405, 'DELETE, GET, HEAD'],
    ['POST', '/watches/a.eth', 405, 'DELETE, GET, HEAD, PUT'],
    ['POST', '/watches', 405, 'GET, HEAD'],
    ['POST', '/proposals', 405, 'GET, HEAD'],
    ['POST', '/holds', 405, 'GET, HEAD'],
    ['PUT', '/holds/0123456789abcdef0123456789abcdef', 405, 'GET, HEAD, POST'],
    ['GET', '/voting/pause', 405, 'POST'],
    ['POST', '/voting', 405, 'GET, HEAD'],
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
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'strict-transport-security': expect.stringContaining('max-age='),
      'cache-control': 'no-store',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    const ofPages = [
      'cross-origin-opener-policy',
      'origin-agent-cluster',
      'x-dns-prefetch-control',
      'x-download-options',
      'x-permitted-cross-domain-policies',
      'x-xss-protection',
    ];
    const sent = async (path: string) => {
      const answer = await get(path);
      return ofPages.filter((name) => answer.headers[name] !== undefined);
    };
    for (const path of ['/', '/openapi.json', '/nowhere']) expect([path, await sent(path)]).toEqual([path, []]);
    for (const path of ['/docs', '/DOCS/', '/admin/queues']) expect([path, await sent(path)]).toEqual([path, ofPages]);
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
    const own = async () => (await health()).health.parts.find(({ part }) => part === 'gateway')?.status;
    await expect.poll(own, PATIENT).toBe('ok');
    const none = await health();
    expect(none.status).toBe(503);
    expect(none.health.status).toBe('down');
    expect(Object.fromEntries(none.health.parts.map(({ part, status }) => [part, status]))).toMatchObject({
      redis: expect.stringMatching(/ok|degraded/),
      gateway: 'ok',
      fetcher: 'down',
      decider: 'down',
      voter: 'down',
      hub: 'unknown',
      sequencer: 'unknown',
      model: 'unknown',
      preferences: 'ok',
      signer: 'unknown',
    });
    expect(none.health.instances).toMatchObject([{ service: 'gateway', working: true }]);
    expect((await get('/health')).headers['retry-after']).toBe('5');
    expect((await get('/health/ready')).status).toBe(200);
    expect((await get('/health/live')).status).toBe(200);
  });

  test('counts what waits', async () => {
    const before = (await health()).health.queues.find(({ queue }) => queue === 'agent-run')?.waiting ?? NaN;
    await postRun(gateway, { space_id: 'waiting.eth' });
    expect((await health()).health.queues).toMatchObject([
      { queue: 'agent-run', waiting: before + 1, active: 0, failed: 0, oldest_s: expect.any(Number) },
      { queue: 'decide', waiting: 0, oldest_s: null },
      { queue: 'vote', waiting: 0 },
      { queue: 'notify', waiting: 0 },
    ]);
  });

  test('names a queue that nobody works on, however seldom it is asked', async () => {
    const own = await startTestRedis();
    const stuck = await openGateway(own.url, { HEARTBEAT_S: '0.2' });
    try {
      await postRun(stuck, { space_id: 'stuck.eth' });
      const queues = async () => Health.parse((await ask(`${stuck.url}/health`)).json).queues[0]?.detail ?? '';
      await expect.poll(queues, PATIENT).toMatch(/^nobody has taken its next job for \d+ s$/);
    } finally {
      await stuck.stop();
      await own.stop();
    }
  });

  test('says nothing of where anything is', async () => {
    const { text } = await get('/health');
    expect(text).not.toContain(new URL(redis.url).port);
    expect(text).not.toMatch(/127\.0\.0\.1|localhost|\/\/|\.data/);
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
