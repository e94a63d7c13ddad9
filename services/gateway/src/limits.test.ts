/** How many requests are taken: over real HTTP, by gateways on one real Redis. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys, type Role } from '@quorum/shared/api-keys';
import { OwnerId } from '@quorum/shared/ids';
import { connectPatient } from '@quorum/shared/redis';
import { keys } from '@quorum/shared/redis-keys';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, log, openGateway, openLine, postRun, type Answer, type Gateway } from '../test/stand.ts';

/** Long enough that no window ends within a test. */
const LONG = { RATE_LIMIT_WINDOW_S: '3600' };
const MAC_KEY = randomBytes(32);
const FILE_KEY = randomBytes(32).toString('hex');
const ADA = OwnerId.parse('ada');
const BEN = OwnerId.parse('ben');

let server: TestRedis;
let redis: Redis;
let folder: string;
let files: { readonly API_KEY_FILE: string; readonly GATEWAY_MAC_KEY_FILE: string };
const open: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  folder = await mkdtemp(join(tmpdir(), 'quorum-limits-'));
  files = { API_KEY_FILE: join(folder, 'api.key'), GATEWAY_MAC_KEY_FILE: join(folder, 'mac.key') };
  await writeFile(files.API_KEY_FILE, FILE_KEY, { mode: 0o600 });
  await writeFile(files.GATEWAY_MAC_KEY_FILE, MAC_KEY.toString('hex'), { mode: 0o600 });
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true });
});
beforeEach(() => redis.flushall());
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function gateway(env: Record<string, string>, url = server.url): Promise<Gateway> {
  const opened = await openGateway(url, { ...files, ...LONG, ...env });
  open.push(() => opened.stop());
  return opened;
}

async function keyOf(owner: OwnerId, role: Role = 'user'): Promise<Record<string, string>> {
  const { text } = await createApiKeys(redis, MAC_KEY).create({ owner, role, name: '', nowMs: Date.now() });
  return { authorization: `Bearer ${text}` };
}

const read = ({ url }: Gateway, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(`${url}/holds`, { headers });
const start = (at: Gateway, headers: Record<string, string> = {}): Promise<Answer> =>
  postRun(at, { space_id: 'limits.eth' }, headers);

/** How many of so many requests at once were answered with each status. */
async function count(requests: readonly (() => Promise<Answer>)[]): Promise<Record<string, number>> {
  const answers = await Promise.all(requests.map((request) => request()));
  const byStatus = Map.groupBy(answers, ({ status }) => String(status));
  return Object.fromEntries([...byStatus].map(([status, all]) => [status, all.length]));
}
const times = <T>(n: number, one: T): T[] => Array.from({ length: n }, () => one);

describe('the requests of an owner', () => {
  test('are taken up to the limit, exactly, whichever of two gateways they come to at once', async () => {
    const env = { RATE_LIMIT_READS_PER_OWNER: '30', ALLOW_ANONYMOUS: '0' };
    const [one, other] = [await gateway(env), await gateway(env)];
    const [ada, ben] = [await keyOf(ADA), await keyOf(BEN)];
    const asks = times(25, [() => read(one, ada), () => read(other, ada)]).flat();
    expect(await count(asks)).toEqual({ 200: 30, 429: 20 });
    // Two keys of one owner share what is theirs, and another owner has their own.
    expect((await read(one, await keyOf(ADA, 'viewer'))).status).toBe(429);
    expect((await read(one, ben)).status).toBe(200);
  });

  test('for runs are counted apart from all others', async () => {
    const at = await gateway({ RATE_LIMIT_READS_PER_OWNER: '3', RATE_LIMIT_STARTS_PER_OWNER: '2' });
    expect(await count(times(4, () => start(at)))).toEqual({ 202: 2, 429: 2 });
    expect((await ask(`${at.url}/proposals?space_id=limits.eth`)).status).toBe(429);
    expect(await count(times(5, () => read(at)))).toEqual({ 200: 3, 429: 2 });
  });

  test('that pause voting are always taken', async () => {
    const at = await gateway({ RATE_LIMIT_READS_PER_OWNER: '1', RATE_LIMIT_STARTS_PER_OWNER: '1' });
    const vote = (word: 'pause' | 'resume') =>
      ask(`${at.url}/voting/${word}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"scope":"owner"}',
      });
    await read(at);
    expect((await read(at)).status).toBe(429);
    expect(await count(times(3, () => vote('pause')))).toEqual({ 200: 3 });
    expect((await vote('resume')).status).toBe(429);
  });

  test('of a role that is too low count too', async () => {
    const at = await gateway({ RATE_LIMIT_STARTS_PER_OWNER: '2', ALLOW_ANONYMOUS: '0' });
    const viewer = await keyOf(ADA, 'viewer');
    expect(
      [await start(at, viewer), await start(at, viewer), await start(at, viewer)].map(({ status }) => status),
    ).toEqual([403, 403, 429]);
  });
});

describe('an admin', () => {
  test('has no limit, by the key of the file and by one of Redis', async () => {
    const one = {
      RATE_LIMIT_READS_PER_OWNER: '1',
      RATE_LIMIT_READS_PER_ADDRESS: '1',
      RATE_LIMIT_STARTS_PER_ADDRESS: '1',
    };
    const at = await gateway({ ...one, ALLOW_ANONYMOUS: '0' });
    for (const headers of [{ authorization: `Bearer ${FILE_KEY}` }, await keyOf(ADA, 'admin')]) {
      expect(await count([...times(5, () => read(at, headers)), ...times(5, () => start(at, headers))])).toEqual({
        200: 5,
        202: 5,
      });
      expect((await read(at, headers)).headers).not.toHaveProperty('ratelimit');
    }
    expect(await redis.keys('{quorum}:limit:*')).toEqual([]);
  });
});

describe('the requests from an address', () => {
  const TWO = { RATE_LIMIT_READS_PER_ADDRESS: '2' };
  const from = (at: Gateway, forwarded: string) => read(at, { 'x-forwarded-for': forwarded });

  test('are counted whoever they are for', async () => {
    const at = await gateway({ ...TWO, ALLOW_ANONYMOUS: '0' });
    const [ada, ben] = [await keyOf(ADA), await keyOf(BEN)];
    expect([await read(at, ada), await read(at, ben), await read(at, ada)].map(({ status }) => status)).toEqual([
      200, 200, 429,
    ]);
    // What was refused for the address cost the owner nothing.
    expect(await redis.get(keys.limitOfOwner('reads', ADA))).toBe('1');
  });

  test('are counted by their connection, whatever X-Forwarded-For says', async () => {
    const at = await gateway(TWO);
    const answers = [await from(at, '192.0.2.1'), await from(at, '192.0.2.2'), await from(at, '192.0.2.3')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
  });

  test.each(['1', 'loopback', '127.0.0.0/8'])(
    'behind a trusted proxy (%s) are counted by what that says',
    async (trust) => {
      const at = await gateway({ ...TWO, TRUST_PROXY: trust });
      const asked = ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.1', '192.0.2.2'];
      const statuses: number[] = [];
      // What stands before the proxy's own entry is the client's, and believed by nobody.
      for (const [nth, client] of asked.entries())
        statuses.push((await from(at, `198.51.100.${nth}, ${client}`)).status);
      expect(statuses).toEqual([200, 200, 200, 429, 200]);
    },
  );
});

describe('what is told', () => {
  test('is what is left, for how long, and when to come again', async () => {
    const at = await gateway({ RATE_LIMIT_READS_PER_OWNER: '2', RATE_LIMIT_READS_PER_ADDRESS: '5' });
    const first = await read(at);
    expect(first.headers['ratelimit-policy']).toBe('"reads-owner";q=2;w=3600, "reads-address";q=5;w=3600');
    expect(first.headers['ratelimit']).toMatch(/^"reads-owner";r=1;t=3\d{3}, "reads-address";r=4;t=3\d{3}$/);
    expect(first.headers).not.toHaveProperty('retry-after');
    await read(at);
    const refused = await read(at);
    expect(refused.headers['ratelimit']).toMatch(/^"reads-owner";r=0;t=\d+, "reads-address";r=3;t=\d+$/);
    expect(refused.headers['content-type']).toMatch('application/problem+json');
    const [, t] = /r=0;t=(\d+)/.exec(String(refused.headers['ratelimit'])) ?? [];
    expect(refused.headers['retry-after']).toBe(t);
    expect(refused.json).toMatchObject({
      type: '/problems/too-many-requests',
      status: 429,
      detail: `reads-owner: 2 in 3600 s. Try again in ${t} s.`,
    });
    const { text } = await ask(`${at.url}/metrics`);
    expect(text).toMatch(/quorum_rate_limited_total\{budget="reads-owner",result="refused",[^}]*\} 1/);
  });

  test('comes true: the budget is whole again by then, and not before, by the clock of Redis', async () => {
    const at = await gateway({ RATE_LIMIT_READS_PER_OWNER: '2', RATE_LIMIT_WINDOW_S: '3' });
    const clock = async (): Promise<number> => {
      const [s, us] = await redis.time();
      return Number(s) * 1_000 + Number(us) / 1_000;
    };
    const began = await clock();
    expect(await count(times(3, () => read(at)))).toEqual({ 200: 2, 429: 1 });
    await expect.poll(async () => (await read(at)).status, { ...PATIENT, interval: 20 }).toBe(200);
    expect((await clock()) - began).toBeGreaterThanOrEqual(3_000);
  });

  test('is nothing at health and metrics, which have no limit', async () => {
    const at = await gateway({ RATE_LIMIT_READS_PER_OWNER: '1', RATE_LIMIT_READS_PER_ADDRESS: '1' });
    await read(at);
    for (const path of ['/health/live', '/health/ready', '/metrics', '/']) {
      const answer = await ask(`${at.url}${path}`);
      expect(answer.status, path).toBe(200);
      expect(answer.headers, path).not.toHaveProperty('ratelimit');
    }
  });
});

describe('keys that are refused', () => {
  const bad = () => ({
    authorization: `Bearer qk_${randomBytes(8).toString('hex')}_${randomBytes(32).toString('hex')}`,
  });

  test('are limited per address, at every route, and keep nobody with a good one out', async () => {
    const at = await gateway({ RATE_LIMIT_BAD_KEYS_PER_ADDRESS: '4', ALLOW_ANONYMOUS: '0' });
    const guesses = [
      () => read(at, bad()),
      () => start(at, bad()),
      () => read(at, { authorization: 'Bearer guess' }),
      () => ask(`${at.url}/admin/queues`, { headers: bad() }),
    ];
    expect(await count(guesses)).toEqual({ 401: 4 });
    expect(await count(guesses)).toEqual({ 429: 4 });
    // A link to the board is a key as well.
    expect((await ask(`${at.url}/admin/queues/link?token=guess`)).status).toBe(429);
    expect((await read(at, await keyOf(ADA))).status).toBe(200);
    // Nothing was guessed here.
    expect((await read(at)).status).toBe(401);
  });
});

test('what is counted is forgotten when its window is over', async () => {
  const at = await gateway({ ALLOW_ANONYMOUS: '0', TRUST_PROXY: '1' });
  const ada = await keyOf(ADA);
  await Promise.all(
    Array.from({ length: 40 }, (_, nth) => read(at, { ...ada, 'x-forwarded-for': `2001:db8:0:${nth}::${nth}` })),
  );
  const kept = await redis.keys('{quorum}:limit:*');
  // Forty addresses of one customer's network are one.
  expect(kept.toSorted()).toEqual(
    [keys.limitOfOwner('reads', ADA), keys.limitOfAddress('reads', '2001:db8:0:0::/56')].toSorted(),
  );
  for (const key of kept) {
    const ends = await redis.pttl(key);
    expect(ends).toBeGreaterThan(0);
    expect(ends).toBeLessThanOrEqual(3_600_000);
  }
});

describe('while Redis is away', () => {
  test('what only reads is let through to what it needs, and no run is started', async () => {
    const away = await startTestRedis();
    open.push(() => away.stop());
    const line = await openLine(away.url);
    open.push(() => line.close());
    const at = await gateway({ RATE_LIMIT_READS_PER_OWNER: '1', ENQUEUE_TIMEOUT_MS: '800' }, line.url);
    const board = () => ask(`${at.url}/admin/queues`);
    await expect.poll(async () => (await start(at)).status, PATIENT).toBe(202);
    line.freeze(true);
    // The board's own page needs nothing of Redis.
    expect((await board()).status).toBe(200);
    expect((await board()).status).toBe(200);
    const run = await start(at);
    expect(run).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    line.freeze(false);
    await expect.poll(async () => (await board()).status, PATIENT).toBe(429);
  });
});

test('limits and window follow the settings file while the gateway runs', async () => {
  const file = join(folder, 'settings.env');
  const say = (limit: number, windowS: number) =>
    writeFile(file, `RATE_LIMIT_READS_PER_OWNER=${limit}\nRATE_LIMIT_WINDOW_S=${windowS}\nLOG_LEVEL=error\n`);
  await say(2, 3_600);
  const at = await openGateway(server.url, {}, file);
  open.push(() => at.stop());
  expect(await count(times(3, () => read(at)))).toEqual({ 200: 2, 429: 1 });
  await say(4, 3_600);
  await expect.poll(async () => (await read(at)).headers['ratelimit-policy'], PATIENT).toMatch('"reads-owner";q=4;');
  // A window that is under way ends with the shorter one.
  await say(1, 60);
  await expect
    .poll(async () => Number((await read(at)).headers['retry-after'] ?? 3_600), PATIENT)
    .toBeLessThanOrEqual(60);
});

describe('a key that the gateway has seen before', () => {
  const leftOf = ({ headers }: Answer): number => Number(/;r=(\d+)/.exec(String(headers['ratelimit']))?.[1]);

  test('pays for each request once', async () => {
    const at = await gateway({ RATE_LIMIT_READS_PER_OWNER: '50' });
    const ada = await keyOf(ADA);
    const left = [];
    for (let n = 0; n < 4; n += 1) {
      const answer: Answer = await read(at, ada);
      left.push(leftOf(answer));
    }
    expect(left).toEqual([49, 48, 47, 46]);
  });

  test.each([
    ['revoked', async (id: string): Promise<void> => void (await redis.hdel(keys.apiKeys(), id))],
    ['changed', async (id: string): Promise<void> => void (await redis.hset(keys.apiKeys(), id, '{}'))],
  ] as const)(
    'is worth nothing from the moment that its record is %s, and its owner pays for nothing',
    async (_how, end) => {
      const at = await gateway({ RATE_LIMIT_READS_PER_OWNER: '50' });
      const [ada, hers] = [await keyOf(ADA), await keyOf(ADA)];
      for (let n = 0; n < 2; n += 1) expect((await read(at, ada)).status).toBe(200);
      const [, id = ''] = ada['authorization']?.split('_') ?? [];
      await end(id);
      expect([(await read(at, ada)).status, (await start(at, ada)).status]).toEqual([401, 401]);
      expect(leftOf(await read(at, hers))).toBe(47);
    },
  );
});
