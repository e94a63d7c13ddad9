/** How many requests are taken, of whom and from where: over real HTTP, by gateways on one real Redis. */
import { randomBytes } from 'node:crypto';
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, test } from 'vitest';
import { ask, type Gateway } from '../test/stand.ts';
import { ADA, BEN, count, FILE_KEY, read, start, times, useLimits } from '../test/limits.ts';

const { redis, gateway, keyOf } = useLimits();

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
    expect(await redis().keys('{quorum}:limit:*')).toEqual([]);
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
    expect(await redis().get(keys.limitOfOwner('reads', ADA))).toBe('1');
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
