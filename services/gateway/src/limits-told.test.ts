/** What is told of limits, when what was counted is forgotten, and what changes while a gateway runs. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, test } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { startTestRedis } from '../../../test/redis.ts';
import { ask, openGateway, openLine, type Answer } from '../test/stand.ts';
import { ADA, count, read, start, times, useLimits } from '../test/limits.ts';

const { redis, url, folder, closing, gateway, keyOf } = useLimits();

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
      const [s, us] = await redis().time();
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

test('what is counted is forgotten when its window is over', async () => {
  const at = await gateway({ ALLOW_ANONYMOUS: '0', TRUST_PROXY: '1' });
  const ada = await keyOf(ADA);
  await Promise.all(
    Array.from({ length: 40 }, (_, nth) => read(at, { ...ada, 'x-forwarded-for': `2001:db8:0:${nth}::${nth}` })),
  );
  const kept = await redis().keys('{quorum}:limit:*');
  // Forty addresses of one customer's network are one.
  expect(kept.toSorted()).toEqual(
    [keys.limitOfOwner('reads', ADA), keys.limitOfAddress('reads', '2001:db8:0:0::/56')].toSorted(),
  );
  for (const key of kept) {
    const ends = await redis().pttl(key);
    expect(ends).toBeGreaterThan(0);
    expect(ends).toBeLessThanOrEqual(3_600_000);
  }
});

describe('while Redis is away', () => {
  test('what only reads is let through to what it needs, and no run is started', async () => {
    const away = await startTestRedis();
    closing(() => away.stop());
    const line = await openLine(away.url);
    closing(() => line.close());
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
  const file = join(folder(), 'settings.env');
  const say = (limit: number, windowS: number) =>
    writeFile(file, `RATE_LIMIT_READS_PER_OWNER=${limit}\nRATE_LIMIT_WINDOW_S=${windowS}\nLOG_LEVEL=error\n`);
  await say(2, 3_600);
  const at = await openGateway(url(), {}, file);
  closing(() => at.stop());
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
    ['revoked', async (id: string): Promise<void> => void (await redis().hdel(keys.apiKeys(), id))],
    ['changed', async (id: string): Promise<void> => void (await redis().hset(keys.apiKeys(), id, '{}'))],
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
