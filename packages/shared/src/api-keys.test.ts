import { createHash, randomBytes } from 'node:crypto';
import { fc, test as property } from '@fast-check/vitest';
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { anOwner } from '../test/samples.ts';
import { NOW_MS, useRedis } from '../test/world.ts';
import { createApiKeys, roleIncludes, ROLES, type ApiKeys } from './api-keys.ts';
import { macOf } from './canonical.ts';
import { ValidationError } from './errors.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const macKey = randomBytes(32);
let apiKeys: ApiKeys;
beforeEach(async () => {
  await redis().del(keys.apiKeys());
  apiKeys = createApiKeys(redis(), macKey);
});

const aKey = () => apiKeys.create({ owner: anOwner(), role: 'user', name: 'laptop', nowMs: NOW_MS });
const Fields = z.record(z.string(), z.string());

/** The record of a key with these fields changed, written past the module, as whoever can write Redis would. */
async function tamper(id: string, change: Readonly<Record<string, string>>): Promise<void> {
  const record = Fields.parse(JSON.parse((await redis().hget(keys.apiKeys(), id)) ?? ''));
  await redis().hset(keys.apiKeys(), id, JSON.stringify({ ...record, ...change }));
}

describe('an API key', () => {
  test('is known by its text, with owner, role, name and age', async () => {
    const { key, text } = await aKey();
    expect(text).toMatch(/^qk_[0-9a-f]{16}_[0-9a-f]{64}$/);
    expect(key).toMatchObject({ role: 'user', name: 'laptop', created_at: new Date(NOW_MS).toISOString() });
    expect(key.last_four).toBe(text.slice(-4));
    expect(await apiKeys.verify(text)).toEqual({ kind: 'good', key });
  });

  test('is recalled without asking Redis once it was good, with the record that must stand still', async () => {
    const { key, text } = await aKey();
    expect(apiKeys.recall(text)).toBeNull();
    await apiKeys.verify(text);
    const record = await redis().hget(keys.apiKeys(), key.id);
    expect(apiKeys.recall(text)).toEqual({ key, standing: { hash: keys.apiKeys(), id: key.id, record } });
    const wrong = text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
    expect([apiKeys.recall(wrong), apiKeys.recall('qk_'), apiKeys.recall('')]).toEqual([null, null, null]);
  });

  test('is not recalled where it was refused', async () => {
    const { key, text } = await aKey();
    await tamper(key.id, { role: 'admin' });
    expect(await apiKeys.verify(text)).toEqual({ kind: 'refused', why: 'forged' });
    expect(apiKeys.recall(text)).toBeNull();
  });

  test('leaves nothing of its secret in Redis but a hash and four digits', async () => {
    const { key, text } = await aKey();
    const secret = text.slice(-64);
    const stored = (await redis().hget(keys.apiKeys(), key.id)) ?? '';
    expect(stored).toContain(createHash('sha256').update(secret).digest('hex'));
    for (let at = 0; at < 64 - 8; at += 1) expect(stored).not.toContain(secret.slice(at, at + 8));
  });

  test('is 256 random bits, anew each time', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, aKey));
    expect(new Set(made.map(({ text }) => text.slice(-64))).size).toBe(50);
    expect(new Set(made.map(({ key }) => key.id)).size).toBe(50);
  });

  test('that is revoked is unknown from then on, and no other is touched', async () => {
    const [one, other] = [await aKey(), await aKey()];
    expect(await apiKeys.revoke(one.key.id)).toBe(true);
    expect(await apiKeys.verify(one.text)).toEqual({ kind: 'refused', why: 'unknown' });
    expect(await apiKeys.verify(other.text)).toMatchObject({ kind: 'good' });
    expect(await apiKeys.revoke(one.key.id)).toBe(false);
  });

  property.prop([fc.nat({ max: 63 }), fc.integer({ min: 1, max: 15 })])(
    'with any digit of its secret changed is refused',
    async (at, by) => {
      const { text } = await aKey();
      const index = text.length - 64 + at;
      const digit = ((Number.parseInt(text.charAt(index), 16) + by) % 16).toString(16);
      const changed = text.slice(0, index) + digit + text.slice(index + 1);
      expect(await apiKeys.verify(changed)).toEqual({ kind: 'refused', why: 'wrong_secret' });
    },
  );

  property.prop([fc.string()])('that is any other text is malformed, and Redis is not asked', async (text) => {
    // No Redis listens there: a question would fail.
    const unasked = createApiKeys(redis().duplicate({ lazyConnect: true, enableOfflineQueue: false }), macKey);
    expect(await unasked.verify(text)).toEqual({ kind: 'refused', why: 'malformed' });
  });
});

describe('whoever can write Redis', () => {
  test.each([
    ['raise a role', { role: 'admin' }],
    ['change an owner', { owner: 'somebody-else' }],
    ['change a name', { name: 'trusted' }],
    ['make it look older', { created_at: '2020-01-01T00:00:00.000Z' }],
    ['put in the hash of a secret of their own', { secret_sha256: createHash('sha256').update('x').digest('hex') }],
    ['leave out the code', { mac: '' }],
    ['add a field', { more: 'x' }],
    ['give it a role that there is not', { role: 'root' }],
  ])('cannot %s', async (_what, change) => {
    const { key, text } = await aKey();
    await tamper(key.id, change);
    expect(await apiKeys.verify(text)).toEqual({ kind: 'refused', why: 'forged' });
    expect(await apiKeys.list()).toEqual([{ kind: 'forged', id: key.id }]);
    expect(await apiKeys.revoke(key.id)).toBe(true);
    expect(await apiKeys.list()).toEqual([]);
  });

  test('cannot mint a key, without the MAC key', async () => {
    const id = 'ab'.repeat(8);
    const secret = 'cd'.repeat(32);
    const record = {
      id,
      owner: 'owner',
      role: 'admin',
      name: '',
      created_at: new Date(NOW_MS).toISOString(),
      last_four: 'cdcd',
      secret_sha256: createHash('sha256').update(secret).digest('hex'),
    };
    const store = (mac: string) => redis().hset(keys.apiKeys(), id, JSON.stringify({ ...record, mac }));
    await store(macOf('quorum api key v1', record, randomBytes(32)));
    expect(await apiKeys.verify(`qk_${id}_${secret}`)).toEqual({ kind: 'refused', why: 'forged' });
    // A code that the same key made for another purpose is none either.
    await store(macOf('quorum decision v1', record, macKey));
    expect(await apiKeys.verify(`qk_${id}_${secret}`)).toEqual({ kind: 'refused', why: 'forged' });
    // That it is the code alone which is missing:
    await store(macOf('quorum api key v1', record, macKey));
    expect(await apiKeys.verify(`qk_${id}_${secret}`)).toMatchObject({ kind: 'good', key: { role: 'admin' } });
  });

  test('cannot copy the record of a key to another id', async () => {
    const [one, other] = [await aKey(), await aKey()];
    await redis().hset(keys.apiKeys(), other.key.id, (await redis().hget(keys.apiKeys(), one.key.id)) ?? '');
    const text = `qk_${other.key.id}_${one.text.slice(-64)}`;
    expect(await apiKeys.verify(text)).toEqual({ kind: 'refused', why: 'forged' });
  });

  test('breaks one key and no list with what is no record', async () => {
    const [one, other] = [await aKey(), await aKey()];
    await redis().hset(keys.apiKeys(), one.key.id, '{"id":');
    expect(await apiKeys.verify(one.text)).toEqual({ kind: 'refused', why: 'forged' });
    expect(await apiKeys.list()).toEqual([
      { kind: 'forged', id: one.key.id },
      { kind: 'good', key: other.key },
    ]);
  });
});

test('a new MAC key ends every key at once', async () => {
  const { text } = await aKey();
  expect(await createApiKeys(redis(), randomBytes(32)).verify(text)).toEqual({ kind: 'refused', why: 'forged' });
});

test('the list is by age and holds no secret', async () => {
  const make = (name: string, nowMs: number) => apiKeys.create({ owner: anOwner(), role: 'viewer', name, nowMs });
  const [late, early] = [await make('late', NOW_MS + 1), await make('early', NOW_MS)];
  const list = await apiKeys.list();
  expect(list).toEqual([
    { kind: 'good', key: early.key },
    { kind: 'good', key: late.key },
  ]);
  expect(JSON.stringify(list)).not.toContain(createHash('sha256').update(late.text.slice(-64)).digest('hex'));
  expect(JSON.stringify(list)).not.toContain(late.text.slice(-64, -4));
});

test.each(['a\nb', 'a\u001b[31m', 'a\u202eb', 'x'.repeat(101)])('a name such as %j is refused', async (name) => {
  const made = apiKeys.create({ owner: anOwner(), role: 'viewer', name, nowMs: NOW_MS });
  await expect(made).rejects.toThrow(ValidationError);
  expect(await apiKeys.list()).toEqual([]);
});

test('each role may do what those below it may, and no more', () => {
  const matrix = ROLES.map((role) => ROLES.filter((needed) => roleIncludes(role, needed)));
  expect(matrix).toEqual([['viewer'], ['viewer', 'user'], ['viewer', 'user', 'admin']]);
});
