/**
 * API keys: who may ask the gateway, for which owner, in which role.
 *
 * A key reads `qk_<id>_<secret>`. Redis holds no secret: a record names the SHA-256 of it, which for 256 random bits nobody turns
 * round. The record carries a code made with the gateway's MAC key, so that whoever can write Redis can neither mint a key nor
 * raise a role. What they can do is take keys away, and put back a record that they saw before it was revoked; a new MAC key ends
 * every key at once.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { macIsGood, macOf } from './canonical.ts';
import { ValidationError } from './errors.ts';
import { OwnerId } from './ids.ts';
import { keys } from './redis-keys.ts';

/** From the least to the most: each may do what those before it may. */
export const ROLES = ['viewer', 'user', 'admin'] as const;

export const Role = z
  .enum(ROLES)
  .describe(
    'viewer: reads what is its owner’s; user: also starts runs and edits for its owner; admin: also reads all owners’',
  );
export type Role = z.infer<typeof Role>;

/** Whether a role includes what `needed` may do. */
export function roleIncludes(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const SHOWN_OF_SECRET = 4;

const ApiKeyId = z
  .string()
  .regex(/^[0-9a-f]{16}$/, { error: 'must be the 16 hex digits between qk_ and _' })
  .brand<'ApiKeyId'>();
type ApiKeyId = z.infer<typeof ApiKeyId>;

const ApiKeyName = z
  .string()
  .max(100)
  .regex(/^[^\p{C}]*$/u, { error: 'must hold no control or invisible characters' })
  .describe('What the key is for, in its owner’s words');

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const ApiKey = z.strictObject({
  id: ApiKeyId,
  owner: OwnerId,
  role: Role,
  name: ApiKeyName,
  created_at: z.iso.datetime(),
  last_four: z.string().length(SHOWN_OF_SECRET).describe('The end of the secret, by which people tell keys apart'),
});
/** What there is to know of a key, but for its secret. */
export type ApiKey = z.infer<typeof ApiKey>;

const Stored = ApiKey.extend({ secret_sha256: Sha256, mac: z.string() });
type Stored = z.infer<typeof Stored>;

/** What a key that was presented is worth. `forged`: its record in Redis was not made by us, or was changed. */
export type Verdict =
  | { readonly kind: 'good'; readonly key: ApiKey }
  | { readonly kind: 'refused'; readonly why: 'malformed' | 'unknown' | 'wrong_secret' | 'forged' };

/** An entry of the list: a key, or an id whose record does not verify. */
export type Listed = { readonly kind: 'good'; readonly key: ApiKey } | { readonly kind: 'forged'; readonly id: string };

export type NewApiKey = { readonly owner: OwnerId; readonly role: Role; readonly name: string; readonly nowMs: number };

/** What a field of a hash in Redis must be for a key to be good still: asked in the same step as something else. */
export type Standing = { readonly hash: string; readonly id: string; readonly record: string };

/** A key that was good when its record was last read, and what its record was. */
export type Recalled = { readonly key: ApiKey; readonly standing: Standing };

/** Of how many keys the record is remembered. */
const REMEMBERED_MOST = 10_000;

const PURPOSE = 'quorum api key v1';
const FORM = /^qk_(?<id>[0-9a-f]{16})_(?<secret>[0-9a-f]{64})$/;

/** Compared with where there is no record, so that an id that is not known costs as much as one that is. */
const NOBODY: Stored = {
  id: ApiKeyId.parse('0'.repeat(2 * ID_BYTES)),
  owner: OwnerId.parse('nobody'),
  role: 'viewer',
  name: '',
  created_at: '1970-01-01T00:00:00.000Z',
  last_four: '0000',
  secret_sha256: '0'.repeat(64),
  mac: '0'.repeat(64),
};

export type ApiKeys = ReturnType<typeof createApiKeys>;

/** @param macKey the gateway's. */
export function createApiKeys(redis: Redis, macKey: Buffer) {
  const isOurs = ({ mac, ...record }: Stored): boolean => macIsGood(PURPOSE, record, macKey, mac);
  /** Records that verified, as they were written. As long as one stands so in Redis there is no need to parse and verify it again. */
  const remembered = new Map<string, { readonly json: string; readonly record: Stored }>();

  function remember(json: string, record: Stored): void {
    remembered.delete(record.id);
    const [oldest] = remembered.keys();
    if (remembered.size >= REMEMBERED_MOST && oldest !== undefined) remembered.delete(oldest);
    remembered.set(record.id, { json, record });
  }

  return {
    /** Makes a key. Its text is given back this once and is nowhere afterwards. Throws a `ValidationError` for a bad name. */
    async create({ owner, role, name, nowMs }: NewApiKey): Promise<{ readonly key: ApiKey; readonly text: string }> {
      const id = ApiKeyId.parse(randomBytes(ID_BYTES).toString('hex'));
      const secret = randomBytes(SECRET_BYTES).toString('hex');
      const parsed = ApiKeyName.safeParse(name);
      if (!parsed.success) throw new ValidationError(`The name of the key ${parsed.error.issues[0]?.message ?? ''}.`);
      const key: ApiKey = {
        id,
        owner,
        role,
        name: parsed.data,
        created_at: new Date(nowMs).toISOString(),
        last_four: secret.slice(-SHOWN_OF_SECRET),
      };
      const record = { ...key, secret_sha256: sha256(secret).toString('hex') };
      const stored: Stored = { ...record, mac: macOf(PURPOSE, record, macKey) };
      const isNew = await redis.hsetnx(keys.apiKeys(), id, JSON.stringify(stored));
      if (isNew !== 1) throw new Error('Two API keys got the same random id');
      return { key, text: `qk_${id}_${secret}` };
    },

    /** Reads the record each time: a key that was revoked is worth nothing from then on. */
    async verify(text: string): Promise<Verdict> {
      const { id, secret } = FORM.exec(text)?.groups ?? {};
      if (id === undefined || secret === undefined) return { kind: 'refused', why: 'malformed' };
      const json = await redis.hget(keys.apiKeys(), id);
      const found = json === null ? undefined : parseStored(json);
      const record = found ?? NOBODY;
      // Both are always computed: neither the answer nor its time tells which of them failed.
      const secretFits = timingSafeEqual(sha256(secret), Buffer.from(record.secret_sha256, 'hex'));
      const ours = isOurs(record);
      if (json === null) return { kind: 'refused', why: 'unknown' };
      if (found === undefined || !ours || found.id !== id) return { kind: 'refused', why: 'forged' };
      if (!secretFits) return { kind: 'refused', why: 'wrong_secret' };
      remember(json, found);
      return { kind: 'good', key: publicPart(found) };
    },

    /**
     * What this key was worth when it was last verified, without asking Redis. It is worth that only if its record stands as it was:
     * whoever goes by it must have Redis say so (`Standing`), or call `verify`. Null: it is not known here, or does not fit.
     */
    recall(text: string): Recalled | null {
      const { id, secret } = FORM.exec(text)?.groups ?? {};
      if (id === undefined || secret === undefined) return null;
      const known = remembered.get(id);
      const record = known?.record ?? NOBODY;
      // Also where there is none: the time tells nobody which ids there are.
      const secretFits = timingSafeEqual(sha256(secret), Buffer.from(record.secret_sha256, 'hex'));
      if (known === undefined || !secretFits) return null;
      return { key: publicPart(record), standing: { hash: keys.apiKeys(), id, record: known.json } };
    },

    /** The key of this id, if it is there and ours: for what goes on without its secret. */
    async byId(id: string): Promise<ApiKey | null> {
      const json = await redis.hget(keys.apiKeys(), id);
      const record = json === null ? undefined : parseStored(json);
      return record !== undefined && record.id === id && isOurs(record) ? publicPart(record) : null;
    },

    /** Every key, the oldest first. */
    async list(): Promise<Listed[]> {
      const entries = Object.entries(await redis.hgetall(keys.apiKeys()));
      const listed = entries.map(([id, json]): Listed => {
        const record = parseStored(json);
        const good = record !== undefined && record.id === id && isOurs(record);
        return good ? { kind: 'good', key: publicPart(record) } : { kind: 'forged', id };
      });
      const age = (entry: Listed): string => (entry.kind === 'good' ? entry.key.created_at : '');
      return listed.toSorted((a, b) => age(a).localeCompare(age(b)));
    },

    /** Takes a key away, a forged one too. Returns whether it was there. */
    async revoke(id: string): Promise<boolean> {
      return (await redis.hdel(keys.apiKeys(), id)) === 1;
    },
  };
}

function publicPart({ id, owner, role, name, created_at, last_four }: Stored): ApiKey {
  return { id, owner, role, name, created_at, last_four };
}

function parseStored(json: string): Stored | undefined {
  try {
    return Stored.safeParse(JSON.parse(json)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
