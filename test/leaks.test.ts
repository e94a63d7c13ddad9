/** That the search for secrets finds them: one of each spelling is planted, and each is found. */
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { fc, test as property } from '@fast-check/vitest';
import { pack } from '@quorum/shared/pack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Redis } from 'ioredis';
import { everythingIn, findLeaks, historyOf, secretsOf } from './leaks.ts';
import { startTestRedis, type TestRedis } from './redis.ts';

/** Every way to write bytes down that must be found. */
const SPELLINGS: Readonly<Record<string, (bytes: Buffer) => Buffer | string>> = {
  'raw bytes': (bytes) => bytes,
  'raw bytes taken for latin1 and written as UTF-8': (bytes) => Buffer.from(bytes.toString('latin1')),
  'a JSON string': (bytes) => JSON.stringify({ key: bytes.toString('latin1') }),
  'percent escapes': (bytes) => encodeURIComponent(bytes.toString('latin1')),
  hex: (bytes) => bytes.toString('hex'),
  'hex with 0x': (bytes) => `0x${bytes.toString('hex')}`,
  'hex in upper case': (bytes) => bytes.toString('hex').toUpperCase(),
  'hex in upper case with 0x': (bytes) => `0x${bytes.toString('hex').toUpperCase()}`,
  'hex in both cases': (bytes) =>
    bytes.toString('hex').replaceAll(/[a-f]/g, (digit, at: number) => (at % 2 === 0 ? digit.toUpperCase() : digit)),
  base64: (bytes) => bytes.toString('base64'),
  'base64 without padding': (bytes) => bytes.toString('base64').replaceAll('=', ''),
  base64url: (bytes) => bytes.toString('base64url'),
  'base64 of a text around it': (bytes) =>
    Buffer.concat([Buffer.from('x'), bytes, Buffer.from('yz')]).toString('base64'),
  'base64url of a text around it': (bytes) =>
    Buffer.concat([Buffer.from('xy'), bytes, Buffer.from('z')]).toString('base64url'),
  'base64 in lines': (bytes) => bytes.toString('base64').replaceAll(/.{20}/g, '$&\n'),
  decimal: (bytes) => BigInt(`0x${bytes.toString('hex')}`).toString(),
  'a JSON array of bytes': (bytes) => JSON.stringify([...bytes]),
  'a JSON array of bytes, indented': (bytes) => JSON.stringify({ key: [...bytes] }, null, 2),
  'a Buffer in JSON': (bytes) => JSON.stringify({ key: bytes }),
  'a Buffer, inspected': (bytes) => inspect(bytes),
  'a Uint8Array, inspected': (bytes) => inspect(new Uint8Array(bytes)),
  'ten bytes of it': (bytes) => bytes.subarray(11, 21),
  'ten bytes of it in hex': (bytes) => bytes.subarray(0, 10).toString('hex'),
  'a dozen bytes of it in base64': (bytes) => bytes.subarray(20).toString('base64'),
};

/** Not one that is mostly the same byte: zeros stand everywhere. */
const aSecret = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes))
  .filter((bytes) => new Set(bytes).size > 12);

const planted = (what: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from('{"msg":"a '), Buffer.from(what), Buffer.from(' b"}\n')]);

describe.each(Object.entries(SPELLINGS))('a secret planted as %s', (_name, spell) => {
  property.prop([aSecret, aSecret], { numRuns: 30 })('is found, and no other is', (bytes, other) => {
    fc.pre(!bytes.equals(other));
    const places = [{ where: 'here', bytes: planted(spell(bytes)) }];
    expect(findLeaks(places, [{ name: 'planted', bytes }])).not.toEqual([]);
    expect(findLeaks(places, [{ name: 'other', bytes: other }])).toEqual([]);
  });
});

test('what an error of JSON.parse quotes of a secret is found', () => {
  const text = `a passphrase ${randomBytes(12).toString('base64')}`;
  const said = ((): string => {
    try {
      return String(JSON.parse(text));
    } catch (error) {
      return String(error);
    }
  })();
  expect(findLeaks([{ where: 'log', bytes: Buffer.from(said) }], secretsOf('passphrase', text))).toEqual([
    'passphrase: raw in log',
  ]);
});

test('a text of hex digits is looked for as digits and as the bytes that they mean', () => {
  const text = randomBytes(32).toString('hex');
  const secrets = secretsOf('key', text);
  const find = (what: Buffer | string): string[] => findLeaks([{ where: 'log', bytes: planted(what) }], secrets);
  expect(find(Buffer.from(text).toString('base64'))).toContain('key: base64 in log');
  expect(find(Buffer.from(text, 'hex').toString('base64'))).toContain('key (bytes): base64 in log');
  expect(secretsOf('passphrase', 'correct horse')).toHaveLength(1);
});

describe('in a Redis', () => {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startTestRedis({ appendonly: true });
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const bytes = randomBytes(32);
  const hex = bytes.toString('hex');
  const secret = [{ name: 'planted', bytes }];

  test.each<[string, () => Promise<unknown>]>([
    ['a string', () => redis.set('place', planted(bytes))],
    ['a packed string', async () => redis.set('place', await pack(planted(hex).toString()))],
    ['a compressed string', () => redis.set('place', gzipSync(planted(bytes)))],
    ['the value of a hash', () => redis.hset('place', 'field', planted(hex))],
    ['a compressed value of a hash', () => redis.hset('place', 'field', gzipSync(planted(hex)))],
    ['the field of a hash', () => redis.hset('place', hex, '1')],
    ['a list', () => redis.rpush('place', 'x', planted(hex))],
    ['a set', () => redis.sadd('place', 'x', planted(hex))],
    ['a sorted set', () => redis.zadd('place', 1, 'x', 2, planted(hex))],
    ['the value of a stream', () => redis.xadd('place', '*', 'field', planted(hex))],
    ['the field of a stream', () => redis.xadd('place', '*', hex, 'x')],
    ['the name of a key', () => redis.set(`place:${hex}`, 'x')],
  ])('%s is looked into', async (_name, plant) => {
    await redis.flushall();
    expect(findLeaks(await everythingIn(redis), secret)).toEqual([]);
    await plant();
    expect(findLeaks(await everythingIn(redis), secret)).not.toEqual([]);
  });

  test('what was there for a moment only is found in its history', async () => {
    const gone = [{ name: 'gone', bytes: randomBytes(32) }];
    await redis.set('place', 'x');
    expect(findLeaks(await historyOf(redis), gone)).toEqual([]);
    for (const { bytes: value } of gone) await redis.set('place', value.toString('base64'));
    await redis.del('place');
    expect(findLeaks(await everythingIn(redis), gone)).toEqual([]);
    expect(findLeaks(await historyOf(redis), gone)).not.toEqual([]);
  });
});
