/**
 * Preferences in Redis: for compose, where a file cannot be replaced by renaming over a mount, and for more than one host.
 * A change is written only where what it was made from still stands (`lua/save-preferences.lua`); else it is made anew.
 *
 * What is kept is a line with a code over owner and text, then the text. So whoever can write to Redis cannot change what an owner
 * wants: a text without our code is `foreign`. What they can do is take preferences away, and put back earlier ones of that owner.
 */
import type { Redis } from 'ioredis';
import { macIsGood, macOf } from './canonical.ts';
import { preferenceStore, type Found, type PreferenceStore } from './preference-store.ts';
import type { PreferenceDefaults } from './preferences-document.ts';
import { keys } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';
import type { OwnerId } from './ids.ts';
import { serialQueue } from './serial-queue.ts';

const PURPOSE = 'quorum preferences v1';
const CODE_BYTES = 64;
const LINE_END = 0x0a;

/** The text of an owner's preferences as it is kept, with its code. */
export function sealPreferences(owner: OwnerId, text: Buffer, key: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${macOf(PURPOSE, subject(owner, text), key)}\n`), text]);
}

/** The text of what is kept for this owner; null where it does not carry our code. */
function openPreferencesText(owner: OwnerId, kept: Buffer, key: Buffer): Buffer | null {
  const text = kept.subarray(CODE_BYTES + 1);
  const code = kept.subarray(0, CODE_BYTES).toString('latin1');
  return kept[CODE_BYTES] === LINE_END && macIsGood(PURPOSE, subject(owner, text), key, code) ? text : null;
}

/** Byte for byte: read as UTF-8, two texts could be one. */
function subject(owner: OwnerId, text: Buffer): { readonly owner: OwnerId; readonly text: string } {
  return { owner, text: text.toString('latin1') };
}

/**
 * The preferences of every owner in this Redis.
 * @param key by which they are known to be ours: of all who write or read them.
 */
export function redisPreferenceStore(redis: Redis, defaults: () => PreferenceDefaults, key: Buffer): PreferenceStore {
  const script = loadScript('save-preferences');
  // One process does not compete with itself.
  const exclusively = serialQueue();

  async function put(owner: OwnerId, stands: Buffer, bytes: Buffer, version: string): Promise<boolean> {
    const names = [keys.preferences(owner), keys.preferencesLastGood(owner), keys.preferencesVersion(owner)];
    return (await runScript(redis, script, names, [stands, sealPreferences(owner, bytes, key), version])) === 1;
  }

  function judge(owner: OwnerId, kept: Buffer | null): Found['now'] {
    if (kept === null) return { kind: 'absent' };
    const bytes = openPreferencesText(owner, kept, key);
    if (bytes !== null) return { kind: 'text', bytes };
    const name = keys.preferences(owner);
    const why =
      `${name} in Redis does not carry our code: somebody else wrote it, it was kept before there were codes, or ` +
      `preferences/mac.key is another one by now. Look at it (redis-cli GET ${name}), and save what you want anew (PUT /user-preferences).`;
    return { kind: 'faulty', fault: 'foreign', why, kept };
  }

  /** What must stand there for a change to be made. */
  function standing(owner: OwnerId, now: Found['now']): Buffer {
    switch (now.kind) {
      case 'text':
        return sealPreferences(owner, now.bytes, key);
      case 'absent':
        return Buffer.alloc(0);
      case 'faulty':
        return now.kept ?? Buffer.alloc(0);
    }
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
          now: judge(owner, text),
          lastGood: lastGood === null ? null : openPreferencesText(owner, lastGood, key),
          recorded: version !== null || lastGood !== null,
        };
      },
      replace: (owner, { now }, bytes, version) => put(owner, standing(owner, now), bytes, version),
      async keep(owner, bytes, version) {
        await put(owner, sealPreferences(owner, bytes, key), bytes, version);
      },
      exclusively,
    },
    defaults,
  );
}
