/**
 * Every route, asked by everybody: who is let in, who is told that the role is too low, who is told nothing; and by a foreign name
 * or from a foreign page, which is refused whoever asks.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys, type Role } from '@quorum/shared/api-keys';
import { createAuditChain } from '@quorum/shared/audit-chain';
import { createDeliveries } from '@quorum/shared/deliveries';
import { OwnerId, type RunId } from '@quorum/shared/ids';
import { createMetrics } from '@quorum/shared/metrics';
import { readHealth } from '@quorum/shared/read-health';
import { createRecords } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { connectFailFast, connectPatient } from '@quorum/shared/redis';
import { AgentRunAccepted } from '@quorum/shared/run';
import { redisPreferenceStore } from '@quorum/shared/store-redis';
import { loadScript } from '@quorum/shared/script';
import { createTransitions } from '@quorum/shared/transitions';
import { readVoting } from '@quorum/shared/voting';
import { createWatches } from '@quorum/shared/watches';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { someEvidence } from '../../../packages/shared/test/evidence.ts';
import { aHold } from '../../../packages/shared/test/holds.ts';
import { aResponse } from '../../../packages/shared/test/samples.ts';
import { accept, aCase } from '../../../packages/shared/test/world.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, log, openGateway, postRun, type Answer, type Gateway } from '../test/stand.ts';
import { createAccess } from './access.ts';
import { CATALOGUE } from './api/catalogue.ts';
import { createApp } from './app.ts';
import { createEventStreams } from './event-streams.ts';
import { createBoardSessions } from './board-sessions.ts';
import { createHoldList } from './hold-list.ts';
import type { Limits } from './limits.ts';
import { openQueues } from './queues.ts';
import { createRunList } from './run-list.ts';
import { createRunWaits } from './run-waits.ts';
import { createRunWatch } from './run-watch.ts';
import { createStartRun } from './start-run.ts';
import { createWebhooks } from './webhook/webhooks.ts';

const CALLERS = ['none', 'viewer', 'user', 'other', 'admin', 'file', 'revoked', 'forged', 'unknown'] as const;
type Caller = (typeof CALLERS)[number];

/** What each caller is answered, in the order of CALLERS; `none` where a key is needed, and where it is not. */
type Row = { readonly locked: readonly number[]; readonly anonymous: number };
const same = (status: number): Row => ({ locked: CALLERS.map(() => status), anonymous: status });

/** `:run` is a run of the owner of `viewer`, `user` and no other; one that has ended, where its events are asked for. */
const TABLE: Readonly<Record<string, Row>> = {
  //                               none view user othr admn file rvkd frgd unkn
  'POST /agent-run': { locked: [401, 403, 202, 202, 202, 202, 401, 401, 401], anonymous: 202 },
  'GET /agent-run/:id': { locked: [401, 200, 200, 404, 200, 200, 401, 401, 401], anonymous: 404 },
  'GET /agent-run/:id/events': { locked: [401, 200, 200, 404, 200, 200, 401, 401, 401], anonymous: 404 },
  'GET /agent-run/:id/timings': { locked: [401, 200, 200, 404, 200, 200, 401, 401, 401], anonymous: 404 },
  'DELETE /agent-run/:id': { locked: [401, 403, 202, 404, 202, 202, 401, 401, 401], anonymous: 404 },
  // Each their own, and an admin everybody's; `:hash` is that of an evidence of the owner of `viewer` and `user`.
  'GET /agent-run': { locked: [401, 200, 200, 200, 200, 200, 401, 401, 401], anonymous: 200 },
  'GET /decisions': { locked: [401, 200, 200, 200, 200, 200, 401, 401, 401], anonymous: 200 },
  'GET /evidence/:hash': { locked: [401, 200, 200, 404, 200, 200, 401, 401, 401], anonymous: 404 },
  // Without a space there is nothing to rank.
  'GET /proposals': { locked: [401, 400, 400, 400, 400, 400, 401, 401, 401], anonymous: 400 },
  // Each their own, and nobody has one here; the body fits no watch.
  'GET /watches': { locked: [401, 200, 200, 200, 200, 200, 401, 401, 401], anonymous: 200 },
  'GET /watches/:space_id': { locked: [401, 404, 404, 404, 404, 404, 401, 401, 401], anonymous: 404 },
  'PUT /watches/:space_id': { locked: [401, 403, 400, 400, 400, 400, 401, 401, 401], anonymous: 400 },
  'DELETE /watches/:space_id': { locked: [401, 403, 404, 404, 404, 404, 401, 401, 401], anonymous: 404 },
  // Each their own, and nobody has one here; the body fits no webhook.
  'GET /webhook': { locked: [401, 404, 404, 404, 404, 404, 401, 401, 401], anonymous: 404 },
  'PUT /webhook': { locked: [401, 403, 400, 400, 400, 400, 401, 401, 401], anonymous: 400 },
  'DELETE /webhook': { locked: [401, 403, 404, 404, 404, 404, 401, 401, 401], anonymous: 404 },
  'GET /webhook/deliveries': { locked: [401, 200, 200, 200, 200, 200, 401, 401, 401], anonymous: 200 },
  'POST /webhook/deliveries/:id/resend': {
    locked: [401, 403, 404, 404, 404, 404, 401, 401, 401],
    anonymous: 404,
  },
  // Each their own, which is empty here: nobody has a signer.
  'GET /audit': { locked: [401, 200, 200, 200, 200, 200, 401, 401, 401], anonymous: 200 },
  // `:hold` is one of the owner of `viewer` and `user`; the body answers nothing, which is told to whom it belongs.
  'GET /holds': { locked: [401, 200, 200, 200, 200, 200, 401, 401, 401], anonymous: 200 },
  'GET /holds/:id': { locked: [401, 200, 200, 404, 200, 200, 401, 401, 401], anonymous: 404 },
  'POST /holds/:id': { locked: [401, 403, 400, 404, 403, 403, 401, 401, 401], anonymous: 404 },
  // The body names no scope that there is.
  'GET /voting': { locked: [401, 200, 200, 200, 200, 200, 401, 401, 401], anonymous: 200 },
  'POST /voting/pause': { locked: [401, 403, 400, 400, 400, 400, 401, 401, 401], anonymous: 400 },
  'POST /voting/resume': { locked: [401, 403, 400, 400, 400, 400, 401, 401, 401], anonymous: 400 },
  // Without a token there is nothing to open.
  'POST /admin/queues/link': { locked: [401, 403, 403, 403, 201, 201, 401, 401, 401], anonymous: 403 },
  'GET /admin/queues/link': same(410),
  'HEAD /admin/queues/link': same(405),
  'GET /admin/queues': { locked: [401, 403, 403, 403, 200, 200, 401, 401, 401], anonymous: 200 },
  'GET /admin/queues/api/queues': { locked: [401, 403, 403, 403, 200, 200, 401, 401, 401], anonymous: 200 },
  'PUT /admin/queues/api/queues/vote/pause': {
    locked: [401, 403, 403, 403, 405, 405, 401, 401, 401],
    anonymous: 405,
  },
  // Each their own; the body fits no preferences, which is told to whoever may change them.
  'GET /user-preferences': { locked: [401, 200, 200, 200, 200, 200, 401, 401, 401], anonymous: 200 },
  'PUT /user-preferences': { locked: [401, 403, 400, 400, 400, 400, 401, 401, 401], anonymous: 400 },
  'PATCH /user-preferences': { locked: [401, 403, 400, 400, 400, 400, 401, 401, 401], anonymous: 400 },
  // Nothing of anybody's is here, and probes and scrapers have no key.
  'GET /': same(200),
  'GET /health/live': same(200),
  'GET /health/ready': same(200),
  'GET /health': same(503), // no worker is there
  'GET /metrics': same(200),
  'GET /openapi.json': same(200),
  'GET /docs': same(200),
  'GET /nowhere': same(404),
};

const KEY_FILE = randomBytes(32).toString('hex');
const MAC_KEY = randomBytes(32);
const ALICE = OwnerId.parse('alice');
const BOB = OwnerId.parse('bob');
const ROOT = OwnerId.parse('root');

let server: TestRedis;
let redis: Redis;
let folder: string;
let gateways: { readonly locked: Gateway; readonly open: Gateway };
let texts: ReadonlyMap<Caller, string>;
let runId: string;
let endedId: string;
let holdId: string;
let evidenceHash: string;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  folder = await mkdtemp(join(tmpdir(), 'quorum-roles-'));
  const [API_KEY_FILE, GATEWAY_MAC_KEY_FILE] = [join(folder, 'api.key'), join(folder, 'mac.key')];
  await writeFile(API_KEY_FILE, KEY_FILE, { mode: 0o600 });
  await writeFile(GATEWAY_MAC_KEY_FILE, MAC_KEY.toString('hex'), { mode: 0o600 });
  const files = { API_KEY_FILE, GATEWAY_MAC_KEY_FILE, PREFERENCES_MAC_KEY_FILE: GATEWAY_MAC_KEY_FILE };
  gateways = {
    locked: await openGateway(server.url, { ...files, PREFERENCES_STORE: 'redis', ALLOW_ANONYMOUS: '0' }),
    open: await openGateway(server.url, { ...files, PREFERENCES_STORE: 'redis' }),
  };
  texts = await makeKeys();
  const made = await postRun(gateways.locked, { space_id: 'roles.eth' }, bearer('user'));
  runId = AgentRunAccepted.parse(made.json).run_id;
  endedId = await anEndedRun();
  holdId = (await aHold(redis, { owner: ALICE })).subject.hold_id;
  evidenceHash = await someEvidence(redis, ALICE);
});

afterAll(async () => {
  await Promise.all([gateways.locked.stop(), gateways.open.stop()]);
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true });
});

async function anEndedRun(): Promise<RunId> {
  const ended = { ...aCase(redis), owner: ALICE };
  await accept(ended);
  await ended.transitions.finish({ owner: ALICE, dryRun: false }, aResponse(ended.runId), Date.now());
  return ended.runId;
}

async function makeKeys(): Promise<ReadonlyMap<Caller, string>> {
  const apiKeys = createApiKeys(redis, MAC_KEY);
  const make = (owner: OwnerId, role: Role) => apiKeys.create({ owner, role, name: '', nowMs: Date.now() });
  const revoked = await make(ALICE, 'admin');
  await apiKeys.revoke(revoked.key.id);
  // As whoever can write Redis would raise a role.
  const forged = await make(ALICE, 'viewer');
  const record = z.looseObject({}).parse(JSON.parse((await redis.hget(keys.apiKeys(), forged.key.id)) ?? ''));
  await redis.hset(keys.apiKeys(), forged.key.id, JSON.stringify({ ...record, role: 'admin' }));
  return new Map<Caller, string>([
    ['viewer', (await make(ALICE, 'viewer')).text],
    ['user', (await make(ALICE, 'user')).text],
    ['other', (await make(BOB, 'user')).text],
    ['admin', (await make(ROOT, 'admin')).text],
    ['file', KEY_FILE],
    ['revoked', revoked.text],
    ['forged', forged.text],
    ['unknown', randomBytes(32).toString('hex')],
  ]);
}

function bearer(caller: Caller): Record<string, string> {
  const text = texts.get(caller);
  return text === undefined ? {} : { authorization: `Bearer ${text}` };
}

function send(gateway: Gateway, route: string, headers: Record<string, string>): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ');
  const body = method === 'GET' ? {} : { body: '{"space_id":"roles.eth"}' };
  const type = { 'content-type': 'application/json' };
  const id = path.startsWith('/holds') ? holdId : path.endsWith('/events') ? endedId : runId;
  return ask(
    `${gateway.url}${path.replace(':id', id).replace(':space_id', 'roles.eth').replace(':hash', evidenceHash)}`,
    {
      method,
      headers: { ...headers, ...type },
      ...body,
    },
  );
}

describe.each(Object.entries(TABLE))('%s', (route, { locked, anonymous }) => {
  test.each(CALLERS.map((caller, at) => [caller, locked[at] ?? 0] as const))('%s → %i', async (caller, status) => {
    const answer = await send(gateways.locked, route, bearer(caller));
    expect(answer.status).toBe(status);
    // Where requests without a key are let in, a key counts all the same: a bad one is never anonymous.
    const open = await send(gateways.open, route, bearer(caller));
    expect(open.status).toBe(caller === 'none' ? anonymous : status);
  });

  test.each([
    ['a foreign Host', { host: 'quorum.example' }, 421],
    ['a foreign Origin', { origin: 'https://quorum.example' }, 403],
    ['a foreign page, without an Origin', { 'sec-fetch-site': 'cross-site' }, 403],
  ] as const)('%s, whoever asks', async (_what, headers, refused) => {
    for (const gateway of [gateways.locked, gateways.open]) {
      for (const caller of CALLERS) {
        const answer = await send(gateway, route, { ...bearer(caller), ...headers });
        expect(answer.status, caller).toBe(refused);
        expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      }
    }
  });
});

test('the table has every route that the gateway has', () => {
  const connection = connectFailFast(server.url, log);
  const queues = openQueues({
    connection,
    retries: () => ({ maxRetryAttempts: 1, retryDelayS: 1 }),
    limitMs: () => 800,
    log,
  });
  const metrics = createMetrics('test');
  const sessions = createBoardSessions(connection);
  const limits: Limits = {
    pay: async () => 'taken',
    payment: () => ({ script: loadScript('take-requests'), keys: [], args: [], read: () => 'taken' }),
    payForBadKey: async () => {},
  };
  const options = { owner: ROOT, fileKey: null, apiKeys: null, allowAnonymous: true, limits, sessions };
  const access = createAccess({ ...options, metrics, log });
  const records = createRecords(connection);
  const transitions = createTransitions(connection);
  const preferenceDefaults = () => ({ confidence_threshold: 0.7, max_proposals_per_run: 3 });
  const preferences = redisPreferenceStore(connection, preferenceDefaults, MAC_KEY);
  const watches = createWatches(connection);
  const auditChain = createAuditChain(connection);
  const holds = { answerKey: null, votingOf: (owner: OwnerId) => readVoting(connection, owner) };
  const webhooks = createWebhooks({ redis: connection, macKey: null, setting: null, metrics, log });
  const notices = { webhooks, deliveries: createDeliveries(connection), allowPrivateWebhooks: false };
  const stores = {
    records,
    runList: createRunList(connection, records),
    holdList: createHoldList(connection, records),
    auditChain,
    transitions,
    watches,
    preferences,
    preferenceDefaults,
  };
  const runWatch = createRunWatch(connection, log);
  const eventStreams = createEventStreams(() => ({ heartbeatS: 15, maxClients: 1 }), metrics.registry);
  const events = { runWatch, runWaits: createRunWaits(connection, () => 1, log), eventStreams, corsOrigins: () => [] };
  const health = () => readHealth({ redis: connection, withinMs: 800 });
  const startRun = createStartRun(connection, queues);
  const parts = { access, sessions, trustProxy: [], startRun, queues, metrics, log, ...stores, ...holds, ...notices };
  const app = createApp({ ...parts, ...events, limitMs: () => 800, allowedHosts: [], health });
  connection.disconnect();
  const routes = routesOf(app.router);
  expect(Object.keys(TABLE)).toEqual(expect.arrayContaining(routes));
  // The catalogue has them all too, and none that is not served. To a HEAD of a link express has another answer.
  const catalogued = CATALOGUE.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect(routes.filter((route) => route !== 'HEAD /admin/queues/link').toSorted()).toEqual(catalogued.toSorted());
});

const Layers = z.array(
  z.object({
    route: z
      .object({ path: z.union([z.string(), z.array(z.string())]), methods: z.record(z.string(), z.boolean()) })
      .optional(),
    handle: z.unknown(),
    slash: z.boolean(), // mounted at /
  }),
);

/** Every `METHOD path` of a router and of those inside it, but for Bull Board's own: one middleware guards them all. */
function routesOf(router: unknown): string[] {
  if (typeof router !== 'function' || !('stack' in router)) return [];
  return Layers.parse(router.stack).flatMap(({ route, handle, slash }) => {
    if (route === undefined) return slash ? routesOf(handle) : [];
    const methods = Object.keys(route.methods);
    if (methods.length > 2) return []; // `all`: what refuses other methods
    return methods.flatMap((method) => [route.path].flat().map((path) => `${method.toUpperCase()} ${path}`));
  });
}

describe('a role that is too low', () => {
  test.each([
    ['viewer', 'POST /agent-run', 'user'],
    ['user', 'GET /admin/queues', 'admin'],
  ] as const)('%s at %s is told that it needs %s', async (caller, route, needed) => {
    const { json, headers } = await send(gateways.locked, route, bearer(caller));
    expect(json).toMatchObject({
      type: '/problems/role-too-low',
      status: 403,
      detail: `This needs the role ${needed}; this key has the role ${caller}.`,
    });
    expect(headers).not.toHaveProperty('www-authenticate');
  });
});

describe('a run', () => {
  test('is started for the owner of the key, whatever the role', async () => {
    const records = createRecords(redis);
    for (const [caller, owner] of [
      ['other', BOB],
      ['admin', ROOT],
      ['file', 'owner'],
    ] as const) {
      const { json } = await postRun(gateways.locked, { space_id: 'owners.eth' }, bearer(caller));
      expect((await records.run(AgentRunAccepted.parse(json).run_id))?.owner, caller).toBe(owner);
    }
  });

  test('of somebody else looks as if it were none', async () => {
    const foreign = await ask(`${gateways.locked.url}/agent-run/${runId}`, { headers: bearer('other') });
    const none = await ask(`${gateways.locked.url}/agent-run/${runId.replace(/^./, 'f')}`, {
      headers: bearer('other'),
    });
    const said = z.object({ type: z.string(), title: z.string(), status: z.number(), detail: z.string() });
    expect(said.parse(foreign.json)).toEqual(said.parse(none.json));
  });
});

test('a key that is revoked is worth nothing at the next request', async () => {
  const apiKeys = createApiKeys(redis, MAC_KEY);
  const { key, text } = await apiKeys.create({ owner: BOB, role: 'admin', name: '', nowMs: Date.now() });
  const look = () => send(gateways.locked, 'GET /admin/queues', { authorization: `Bearer ${text}` });
  expect((await look()).status).toBe(200);
  await apiKeys.revoke(key.id);
  expect((await look()).status).toBe(401);
});

test('a gateway without a MAC key knows the key of its file and none of Redis', async () => {
  const API_KEY_FILE = join(folder, 'api.key');
  const gateway = await openGateway(server.url, { API_KEY_FILE, ALLOW_ANONYMOUS: '0' });
  try {
    expect((await send(gateway, 'GET /admin/queues', bearer('file'))).status).toBe(200);
    expect((await send(gateway, 'GET /admin/queues', bearer('admin'))).status).toBe(401);
  } finally {
    await gateway.stop();
  }
});
