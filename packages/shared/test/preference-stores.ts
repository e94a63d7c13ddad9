/** Both preference stores, and what may happen to what they keep behind their backs. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import type { OwnerId } from '../src/ids.ts';
import { ownerFolder } from '../src/owner-folder.ts';
import type { PreferenceStore } from '../src/preference-store.ts';
import { recordedVersions } from '../src/recorded-versions.ts';
import { keys } from '../src/redis-keys.ts';
import { filePreferenceStore } from '../src/store-file.ts';
import { redisPreferenceStore, sealPreferences } from '../src/store-redis.ts';

/** Not those of the schema, so that a test sees whose apply. */
export const DEFAULTS = { confidence_threshold: 0.65, max_proposals_per_run: 4 };

export const KINDS = ['file', 'redis'] as const;
export type Kind = (typeof KINDS)[number];

/** By which preferences in Redis are known. */
export const PREFERENCES_KEY = Buffer.alloc(32, 'preferences');

/** The store of this kind. */
export function storeOf(kind: Kind, dir: string, redis: Redis, given = DEFAULTS): PreferenceStore {
  const defaults = () => given;
  return kind === 'redis'
    ? redisPreferenceStore(redis, defaults, PREFERENCES_KEY)
    : filePreferenceStore({ dir, defaults, recorded: recordedVersions(redis) });
}

/** What a person or a fault does, past the store; in Redis, whoever has its key. */
export type ByHand = {
  write(owner: OwnerId, text: string | Uint8Array): Promise<void>;
  /** Removes the preferences alone. */
  remove(owner: OwnerId): Promise<void>;
  /** Removes everything that is where the preferences are kept; for files the folder. */
  removeAll(owner: OwnerId): Promise<void>;
};

export function byHand(kind: Kind, dir: string, redis: Redis): ByHand {
  if (kind === 'redis') {
    return {
      async write(owner, text) {
        await redis.set(keys.preferences(owner), sealPreferences(owner, Buffer.from(text), PREFERENCES_KEY));
      },
      async remove(owner) {
        await redis.del(keys.preferences(owner));
      },
      async removeAll(owner) {
        await redis.del(keys.preferences(owner), keys.preferencesLastGood(owner));
      },
    };
  }
  return {
    async write(owner, text) {
      await mkdir(join(dir, owner), { recursive: true, mode: 0o700 });
      await writeFile(ownerFolder(dir, owner).file, text, { mode: 0o600 });
    },
    remove: (owner) => rm(ownerFolder(dir, owner).file),
    removeAll: (owner) => rm(join(dir, owner), { recursive: true }),
  };
}

/** A folder for the tests of this file, removed after them. */
export function useFolder(): () => string {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'quorum-owners-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  return () => dir;
}
