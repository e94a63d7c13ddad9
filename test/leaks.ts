/**
 * Looks for secrets where none may be: in logs, in answers, in a whole Redis. It looks for any ten bytes in a row of a secret
 * (an error of JSON.parse quotes as many of what it could not read) in every spelling that a program gives to bytes: raw, hex
 * (with and without 0x, in any case, with spaces as `<Buffer …>` has them), base64 and base64url at any offset, decimal, an
 * array of numbers, JSON and percent escapes.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unpack } from '@quorum/shared/pack';
import type { Redis } from 'ioredis';
import { z } from 'zod';

/** A secret by the name that a failing test shall show. */
export type Secret = { readonly name: string; readonly bytes: Buffer };

/** Bytes that were seen somewhere. */
export type Place = { readonly where: string; readonly bytes: Buffer };

/** A spelling of a secret, to be looked for in one of the views of a place: `window` characters of it in a row are a leak. */
type Spelling = {
  readonly spelling: string;
  readonly view: keyof Views;
  readonly text: string;
  readonly window: number;
};

type Views = {
  /** One character per byte. */
  readonly plain: string;
  /** Without white space. */
  readonly dense: string;
  /** That, in lower case. */
  readonly lower: string;
};

/** Texts and what they are the hex digits of, both: a file's 64 digits leak as digits or as the 32 bytes that they mean. */
export function secretsOf(name: string, text: string): Secret[] {
  const bytes = [{ name, bytes: Buffer.from(text) }];
  const digits = /^(0x)?(?<hex>([0-9a-f]{2})+)$/i.exec(text)?.groups?.['hex'];
  return digits === undefined ? bytes : [...bytes, { name: `${name} (bytes)`, bytes: Buffer.from(digits, 'hex') }];
}

/** Where each of the secrets stands, as `secret: spelling in place`, each once. Empty: nowhere. */
export function findLeaks(places: Iterable<Place>, secrets: readonly Secret[]): string[] {
  const windows = windowsOf(secrets);
  const found = new Set<string>();
  for (const { where, bytes } of places) {
    const plain = bytes.toString('latin1');
    const dense = plain.replaceAll(/\s/g, '');
    const views: Views = { plain, dense, lower: dense.toLowerCase() };
    for (const { view, length, names } of windows) {
      const text = views[view];
      for (let at = 0; at + length <= text.length; at += 1) {
        const name = names.get(text.slice(at, at + length));
        if (name !== undefined) found.add(`${name} in ${where}`);
      }
    }
  }
  return [...found];
}

type Windows = { readonly view: keyof Views; readonly length: number; readonly names: Map<string, string> };

/** Every window of every spelling, by view and length: a place is then read once for each of these, not once a secret. */
function windowsOf(secrets: readonly Secret[]): Windows[] {
  const all = new Map<string, Windows>();
  for (const { name, bytes } of secrets) {
    for (const { spelling, view, text, window } of spellingsOf(bytes)) {
      const length = Math.min(window, text.length);
      const { names } = all.get(`${view} ${length}`) ?? { names: new Map<string, string>() };
      all.set(`${view} ${length}`, { view, length, names });
      for (let at = 0; at + length <= text.length; at += 1)
        names.set(text.slice(at, at + length), `${name}: ${spelling}`);
    }
  }
  return [...all.values()];
}

/** Ten bytes, in the characters of each spelling. */
const TEN = { raw: 10, hex: 20, base64: 14, decimal: 24, array: 30, escapes: 30 } as const;

function spellingsOf(bytes: Buffer): Spelling[] {
  const latin1 = bytes.toString('latin1');
  const escaped = [
    { spelling: 'raw, as UTF-8', text: Buffer.from(latin1).toString('latin1'), window: TEN.raw },
    {
      spelling: 'JSON string',
      text: Buffer.from(JSON.stringify(latin1).slice(1, -1)).toString('latin1'),
      window: TEN.escapes,
    },
    { spelling: 'percent escapes', text: encodeURIComponent(latin1), window: TEN.escapes },
  ];
  return [
    { spelling: 'raw', view: 'plain', text: latin1, window: TEN.raw },
    // Where nothing had to be escaped it is the raw spelling again.
    ...escaped.filter(({ text }) => text !== latin1).map((one) => ({ ...one, view: 'plain' as const })),
    { spelling: 'hex', view: 'lower', text: bytes.toString('hex'), window: TEN.hex },
    {
      spelling: 'decimal',
      view: 'dense',
      text: BigInt(`0x${bytes.toString('hex')}`).toString(),
      window: TEN.decimal,
    },
    { spelling: 'array of bytes', view: 'dense', text: [...bytes].join(','), window: TEN.array },
    ...[0, 1, 2].flatMap((offset) => {
      const text = insideBase64(bytes, offset);
      const forUrl = text.replaceAll('+', '-').replaceAll('/', '_');
      const common = { view: 'dense' as const, window: TEN.base64 };
      return [
        { ...common, spelling: 'base64', text },
        ...(forUrl === text ? [] : [{ ...common, spelling: 'base64url', text: forUrl }]),
      ];
    }),
  ];
}

/** What stands in the base64 of a longer text for these bytes, `offset` bytes after a multiple of three: without the edges. */
function insideBase64(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

/** Everything in a Redis: the names of its keys and each of their values, unpacked where it is compressed. */
export async function everythingIn(redis: Redis): Promise<Place[]> {
  const places: Place[] = [];
  for (const key of await redis.keys('*')) {
    places.push({ where: `the key ${key}`, bytes: Buffer.from(key) });
    for (const value of buffersIn(await valueOf(redis, key))) {
      places.push({ where: key, bytes: value });
      const unpacked = await unpackedOf(value);
      if (unpacked !== null) places.push({ where: `${key} (unpacked)`, bytes: unpacked });
    }
  }
  return places;
}

/** Null for what is not compressed; a value may begin as if it were. */
async function unpackedOf(value: Buffer): Promise<Buffer | null> {
  if (value[0] === 0x1f && value[1] === 0x8b) return gunzipSync(value);
  const text = await unpack(value).catch(() => null);
  return text === null ? null : Buffer.from(text);
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case 'string':
      return await redis.getBuffer(key);
    case 'hash':
      return await redis.callBuffer('HGETALL', key);
    case 'list':
      return await redis.lrangeBuffer(key, 0, -1);
    case 'set':
      return await redis.smembersBuffer(key);
    case 'zset':
      return await redis.callBuffer('ZRANGE', key, 0, -1, 'WITHSCORES');
    case 'stream':
      return await redis.callBuffer('XRANGE', key, '-', '+');
    case 'none':
      return null; // its time ran out since it was listed
    default:
      throw new Error(`Nobody looks into a Redis ${type} yet (${key})`);
  }
}

/** The buffers in an answer of Redis, however deep; numbers in it are lengths and scores. */
function buffersIn(reply: unknown): Buffer[] {
  if (Buffer.isBuffer(reply)) return [reply];
  return Array.isArray(reply) ? reply.flatMap(buffersIn) : [];
}

/** Every write that an append-only Redis ever got, also of what is gone by now, and what it logged itself. */
export async function historyOf(redis: Redis): Promise<Place[]> {
  const [, dir] = z.tuple([z.string(), z.string()]).parse(await redis.config('GET', 'dir'));
  const folder = path.join(dir, 'appendonlydir');
  const files = [...(await readdir(folder)).map((name) => path.join(folder, name)), path.join(dir, 'redis.log')];
  return await Promise.all(files.map(async (where) => ({ where, bytes: await readFile(where) })));
}
