/** All of Redis taken and put back: nothing is lost or altered, whatever it is; no write falls into the middle; a fault changes nothing. */
import { fc, test as property } from '@fast-check/vitest';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { aHash, anAddress, anOwner } from '../test/samples.ts';
import { createAuditChain } from './audit-chain.ts';
import { isOurEntry } from './audit-entry.ts';
import { claimMode, RESTORING } from './mode.ts';
import { createRedisCopy, StageError } from './redis-copy.ts';
import { keys, PREFIXES } from './redis-keys.ts';
import { enableVoting, readVoting } from './voting.ts';

const HOUR_MS = 3_600_000;

let servers: TestRedis[];
let from: Redis;
let to: Redis;
beforeAll(async () => {
  const [one, other] = await Promise.all([startTestRedis(), startTestRedis()]);
  servers = [one, other];
  from = new Redis(one.url);
  to = new Redis(other.url);
});
afterAll(async () => {
  from.disconnect();
  to.disconnect();
  await Promise.all(servers.map((server) => server.stop()));
});
beforeEach(async () => {
  await from.flushall();
  await to.flushall();
});

/** Everything that a Redis has. Not by DUMP: the order within a large hash is each server's own. */
async function contentOf(redis: Redis): Promise<Record<string, unknown>> {
  const names = (await redis.keys('*')).toSorted();
  const all = names.map(async (name): Promise<[string, unknown]> => [
    name,
    { holds: await valueOf(redis, name), expires: await expiryOf(redis, name) },
  ]);
  return Object.fromEntries(await Promise.all(all));
}

/** To the hour: a millisecond is lost on the way between Redis' two clocks. */
async function expiryOf(redis: Redis, name: string): Promise<number | null> {
  const leftMs = await redis.pttl(name);
  return leftMs < 0 ? null : Math.ceil(leftMs / HOUR_MS);
}

async function valueOf(redis: Redis, name: string): Promise<unknown> {
  switch (await redis.type(name)) {
    case 'string':
      return (await redis.getBuffer(name))?.toString('hex');
    case 'hash':
      return redis.hgetall(name);
    case 'zset':
      return redis.zrange(name, '0', '-1', 'WITHSCORES');
    case 'set':
      return (await redis.smembers(name)).toSorted();
    case 'list':
      return redis.lrange(name, 0, -1);
    case 'stream':
      return redis.xrange(name, '-', '+');
    default:
      throw new TypeError(`What is ${name}?`);
  }
}

async function moveAll(): Promise<void> {
  const copied = await createRedisCopy(from).take();
  await createRedisCopy(to).stage(copied.keys);
  await createRedisCopy(to).swap(null);
}

const Text = fc.string({ minLength: 1, unit: 'binary' });
const AKey = fc.oneof(
  fc.record({ type: fc.constant('string' as const), value: fc.uint8Array({ maxLength: 400 }) }),
  fc.record({
    type: fc.constant('hash' as const),
    value: fc.array(fc.tuple(Text, Text), { minLength: 1, maxLength: 40 }),
  }),
  fc.record({
    type: fc.constant('zset' as const),
    value: fc.array(fc.tuple(fc.double({ noNaN: true }), Text), { minLength: 1 }),
  }),
  fc.record({ type: fc.constant('set' as const), value: fc.array(Text, { minLength: 1 }) }),
  fc.record({ type: fc.constant('list' as const), value: fc.array(Text, { minLength: 1 }) }),
  fc.record({
    type: fc.constant('stream' as const),
    value: fc.array(fc.tuple(Text, Text), { minLength: 1, maxLength: 20 }),
  }),
);

async function write(
  name: string,
  { type, value }: typeof AKey extends fc.Arbitrary<infer T> ? T : never,
): Promise<void> {
  switch (type) {
    case 'string':
      return void (await from.set(name, Buffer.from(value)));
    case 'hash':
      return void (await from.hset(name, ...value.flat()));
    case 'zset':
      return void (await from.zadd(name, ...value.flat().map(String)));
    case 'set':
      return void (await from.sadd(name, ...value));
    case 'list':
      return void (await from.rpush(name, ...value));
    case 'stream':
      for (const [field, text] of value) await from.xadd(name, '*', field, text);
  }
}

const KeyNames = fc.uniqueArray(
  Text.map((text) => `${PREFIXES.all}x${text}`),
  { minLength: 1, maxLength: 6 },
);

describe('what was taken is put back', () => {
  property.prop([KeyNames, fc.array(fc.tuple(AKey, fc.boolean()), { minLength: 6, maxLength: 6 })], {
    numRuns: 40,
    endOnFailure: true,
  })('as it was, whatever it is, each with the time that it has left', async (names, values) => {
    await from.flushall();
    await to.flushall();
    for (const [at, name] of names.entries()) {
      const [value, expires] = values[at] ?? [];
      if (value === undefined) continue;
      await write(name, value);
      if (expires === true) await from.pexpire(name, (at + 1) * HOUR_MS);
    }
    const before = await contentOf(from);
    await moveAll();
    const { [keys.mode()]: mode, [keys.votingGlobal()]: voting, ...after } = await contentOf(to);
    expect(after).toEqual(before);
    expect([mode, voting]).toEqual([expect.anything(), expect.anything()]);
  });

  test('in place of what was there; what belongs to others is neither read nor touched', async () => {
    await from.mset(keys.evidence('a'), 'new', 'other:app', 'of the backup');
    await to.mset(keys.evidence('a'), 'old', keys.evidence('b'), 'old', 'other:app', 'theirs', 'quorumish', 'theirs');
    await moveAll();
    expect(await to.mget(keys.evidence('a'), keys.evidence('b'), 'other:app', 'quorumish')).toEqual([
      'new',
      null,
      'theirs',
      'theirs',
    ]);
  });

  test('but for what has expired since, and for rights to look at the board', async () => {
    await from.set(keys.evidence('gone'), 'x', 'PX', 1);
    await from.mset(keys.boardSession('token'), 'x', keys.boardLink('token'), 'x', keys.evidence('kept'), 'x');
    const copied = await createRedisCopy(from).take();
    const lapsed = copied.keys.map((key) => ({ ...key, expiresAtMs: key.expiresAtMs === 0 ? 0 : 1 }));
    await createRedisCopy(to).stage(lapsed);
    expect(await createRedisCopy(to).swap(null)).toBe(1);
    expect((await to.keys('*')).toSorted()).toEqual(
      [keys.evidence('kept'), keys.mode(), keys.votingGlobal()].toSorted(),
    );
  });
});

test('no write falls into the middle of what is taken', async () => {
  const pairs = Array.from({ length: 200 }, (_, at) => [keys.evidence(`a${at}`), keys.evidence(`z${at}`)]);
  const writer = new Redis(servers[0]?.url ?? '');
  const done = new AbortController();
  const writes = (async () => {
    for (let count = 1; !done.signal.aborted; count += 1) {
      // Both in one step, as the transitions write; a reader that goes key by key would see one of them.
      await writer.mset(Object.fromEntries(pairs.flat().map((name) => [name, String(count)])));
    }
  })();
  const seen = new Set<string>();
  for (let round = 0; round < 30; round += 1) {
    const { keys: copied } = await createRedisCopy(from).take();
    expect(new Set(copied.map(({ dump }) => dump.toString('base64'))).size).toBeLessThanOrEqual(1);
    for (const { dump } of copied) seen.add(dump.toString('base64'));
  }
  done.abort();
  await writes;
  writer.disconnect();
  expect(seen.size).toBeGreaterThan(1);
});

describe('a key that Redis refuses', () => {
  test('leaves everything as it was, and nothing behind', async () => {
    for (let at = 0; at < 600; at += 1) await from.set(keys.evidence(`${at}`), 'of the backup');
    await to.set(keys.evidence('1'), 'old');
    const before = await contentOf(to);
    const { keys: copied } = await createRedisCopy(from).take();
    const [last] = copied.slice(-1);
    const spoilt = [...copied.slice(0, -1), { name: String(last?.name), expiresAtMs: 0, dump: Buffer.from('no dump') }];
    await expect(createRedisCopy(to).stage(spoilt)).rejects.toThrow(StageError);
    expect(await contentOf(to)).toEqual(before);
  });

  test('or a machine that died: what was staged counts as nothing, and the next one begins anew', async () => {
    await from.set(keys.evidence('first'), 'x');
    await createRedisCopy(to).stage((await createRedisCopy(from).take()).keys);
    expect(await createRedisCopy(to).isEmpty()).toBe(true);
    await from.flushall();
    await from.set(keys.evidence('second'), 'x');
    await moveAll();
    expect(await to.keys(`${PREFIXES.all}evidence:*`)).toEqual([keys.evidence('second')]);
  });
});

describe('after the swap', () => {
  test('nobody votes: voting is paused for all and for each owner, and the voter service does not start', async () => {
    const owner = anOwner();
    await enableVoting(from, owner);
    await claimMode(from, 'live');
    await moveAll();
    expect(await readVoting(to, owner)).toEqual({ global: false, owner: false });
    expect(await to.get(keys.mode())).toBe(RESTORING);
    await expect(claimMode(to, 'live')).rejects.toThrow(/did not end.*npm run restore/);
    expect(await createRedisCopy(to).isHalfRestored()).toBe(true);

    await createRedisCopy(to).finish('live');
    await claimMode(to, 'live');
    expect(await readVoting(to, owner)).toEqual({ global: false, owner: false });
  });

  test('the audit stream of each voter tells of it, behind what the backup had there, in the name of the voter service', async () => {
    const [one, other] = [anAddress(), anAddress()];
    const [key, lostHead] = [Buffer.from(aHash(), 'hex'), aHash()];
    await from.xadd(keys.auditVoter(one), '*', 'kind', 'of the backup');
    await createRedisCopy(to).stage((await createRedisCopy(from).take()).keys);
    const chains = [
      { voter: one, lostHead },
      { voter: other, lostHead: null },
    ];
    await createRedisCopy(to).swap({ nowMs: 1_000, backupAtMs: 500, key, chains });

    const chain = createAuditChain(to);
    const [kept, told, ...more] = await chain.unsealed(one);
    expect([kept?.fields, more]).toEqual([{ kind: 'of the backup' }, []]);
    expect(told?.fields).toMatchObject({ kind: 'restored', time: '1000', backup_at: '500', lost_head: lostHead });
    expect(isOurEntry(one, told?.fields ?? {}, key)).toBe(true);
    const [only] = await chain.unsealed(other);
    expect(only?.fields).toMatchObject({ kind: 'restored', lost_head: '' });
  });
});
