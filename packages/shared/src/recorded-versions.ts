/** That an owner had preferences once, outside of where they are kept: what is gone is not taken for what never was. */
import type { Redis } from 'ioredis';
import type { OwnerId } from './ids.ts';
import { keys } from './redis-keys.ts';

export type RecordedVersions = {
  /** The last version that was recorded; null: none ever was. */
  version(owner: OwnerId): Promise<string | null>;
  record(owner: OwnerId, version: string): Promise<void>;
};

/** In Redis. */
export function recordedVersions(redis: Redis): RecordedVersions {
  return {
    version: (owner) => redis.get(keys.preferencesVersion(owner)),
    async record(owner, version) {
      await redis.set(keys.preferencesVersion(owner), version);
    },
  };
}
