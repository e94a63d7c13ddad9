/** What becomes of preferences in Redis that somebody else wrote there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PREFERENCES_KEY, storeOf, useFolder } from '../test/preference-stores.ts';
import { anOwner, preferences } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import type { OwnerId } from './ids.ts';
import { keys } from './redis-keys.ts';
import { redisPreferenceStore, sealPreferences } from './store-redis.ts';

const { redis } = useRedis();
const dir = useFolder();
const store = () => storeOf('redis', dir(), redis());
const wanted = preferences({ approval: 'always', instructions: 'Keep the treasury.' });
const foreign = { kind: 'unusable', fault: 'foreign' };

async function kept(owner: OwnerId): Promise<Buffer> {
  const bytes = await redis().getBuffer(keys.preferences(owner));
  if (bytes === null) throw new Error('nothing is kept');
  return bytes;
}

describe('preferences in Redis', () => {
  it('that were changed in any byte, or in their length, are never voted by', async () => {
    const owner = anOwner();
    await store().save(owner, wanted);
    const good = await kept(owner);
    const byte = fc.record({ at: fc.nat({ max: good.length - 1 }), by: fc.integer({ min: 1, max: 255 }) });
    const cut = fc.nat({ max: good.length - 1 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(byte, cut, fc.uint8Array({ minLength: 1, maxLength: 5 })), async (change) => {
        const forged = ((): Buffer => {
          if (typeof change === 'number') return good.subarray(0, change);
          if (change instanceof Uint8Array) return Buffer.concat([good, change]);
          const bytes = Buffer.from(good);
          bytes.writeUInt8(bytes.readUInt8(change.at) ^ change.by, change.at);
          return bytes;
        })();
        await redis().set(keys.preferences(owner), forged);
        expect(await store().load(owner)).toMatchObject({ ...foreign, last_good: { preferences: wanted } });
      }),
      { numRuns: 200 },
    );
    await redis().set(keys.preferences(owner), good);
    expect(await store().load(owner)).toMatchObject({ kind: 'stored', preferences: wanted });
  });

  it.for<[string, (owner: OwnerId) => Promise<Buffer>]>([
    ['carry no code, as those of before there were codes', async () => Buffer.from(JSON.stringify(wanted))],
    ['carry a code by another key', async (owner) => sealPreferences(owner, Buffer.from('{}'), Buffer.alloc(32, 1))],
    [
      'are those of another owner',
      async () => {
        const other = anOwner();
        await store().save(other, wanted);
        return kept(other);
      },
    ],
  ])('that %s are refused, shown to nobody, and mended by saving them anew alone', async ([, write]) => {
    const owner = anOwner();
    const forged = await write(owner);
    await redis().mset(keys.preferences(owner), forged, keys.preferencesLastGood(owner), forged);
    const found = await store().load(owner);
    expect(found).toMatchObject({ ...foreign, last_good: null, why: expect.stringContaining('PUT /user-preferences') });
    await expect(store().patch(owner, { approval: 'never' })).rejects.toThrow(/cannot be used/);
    expect(await kept(owner)).toEqual(forged);
    await store().save(owner, wanted);
    expect(await store().load(owner)).toMatchObject({ kind: 'stored', preferences: wanted });
  });

  it('are put back from the last good copy as the words say', async () => {
    const owner = anOwner();
    await store().save(owner, wanted);
    await redis().del(keys.preferences(owner));
    const found = await store().load(owner);
    const [, from = '', to = ''] = /redis-cli COPY (\S+) ([^)]+)\)/.exec('why' in found ? found.why : '') ?? [];
    await redis().copy(from, to);
    expect(await store().load(owner)).toMatchObject({ kind: 'stored', preferences: wanted });
  });

  it('are another store’s with the same key, and nobody’s with another one', async () => {
    const owner = anOwner();
    await store().save(owner, wanted);
    const of = (key: Buffer) =>
      redisPreferenceStore(redis(), () => ({ confidence_threshold: 0.7, max_proposals_per_run: 3 }), key);
    expect(await of(PREFERENCES_KEY).peek(owner)).toMatchObject({ kind: 'stored' });
    expect(await of(Buffer.alloc(32)).peek(owner)).toMatchObject({ ...foreign, last_good: null });
  });
});
