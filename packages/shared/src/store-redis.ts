/**
 * Preferences in Redis: for compose, where a file cannot be replaced by renaming over a mount, and for more than one host.
 * A change is written only where what it was made from still stands (`lua/save-preferences.lua`); else it is made anew.
 */
import type { Redis } from 'ioredis';
import { preferenceStore, type PreferenceStore } from './preference-store.ts';
import type { PreferenceDefaults } from './preferences-document.ts';
import { keys } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';
import type { OwnerId } from './ids.ts';
import { serialQueue } from './serial-queue.ts';

/** The preferences of every owner in this Redis. */
export function redisPreferenceStore(redis: Redis, defaults: () => PreferenceDefaults): PreferenceStore {
  const script = loadScript('save-preferences');
  // One process does not compete with itself.
  const exclusively = serialQueue();

  async function put(owner: OwnerId, stands: Buffer, bytes: Buffer, version: string): Promise<boolean> {
    const names = [keys.preferences(owner), keys.preferencesLastGood(owner), keys.preferencesVersion(owner)];
    return (await runScript(redis, script, names, [stands, bytes, version])) === 1;
  }

  return preferenceStore(
    {
      where: (owner) => `${keys.preferences(owner)} in Redis`,
      putBack: (owner) => `Put it back (redis-cli COPY ${keys.preferencesLastGood(owner)} ${keys.preferences(owner)})`,
      async read(owner) {
        const [text = null, lastGood = null, version = null] = await redis.mgetBuffer(
          keys.preferences(owner),
          keys.preferencesLastGood(owner),
          keys.preferencesVersion(owner),
        );
        return {
          now: text === null ? { kind: 'absent' } : { kind: 'text', bytes: text },
          lastGood,
          recorded: version !== null || lastGood !== null,
        };
      },
      replace: (owner, { now }, bytes, version) =>
        put(owner, now.kind === 'text' ? now.bytes : Buffer.alloc(0), bytes, version),
      async keep(owner, bytes, version) {
        await put(owner, bytes, bytes, version);
      },
      exclusively,
    },
    defaults,
  );
}
