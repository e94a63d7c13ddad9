/**
 * One of several processes that change the preferences of one owner at the same time. It reads what to do from its arguments:
 *
 *     node preferences-crowd.ts <kind> <dir> <redis url> <owner> <key> <updates>
 *
 * First it sets `key` to its 1st, 2nd, … value, all at once, and says what it got back for each; then it adds as many proposers to
 * the blacklist, each by reading, adding, and saving only if nobody saved meanwhile.
 */
import { Address } from '@quorum/snapshot/proposal';
import { Redis } from 'ioredis';
import { OwnerId } from '../src/ids.ts';
import { VersionConflictError } from '../src/preference-store.ts';
import { type UserPreferences } from '../src/preferences.ts';
import { KINDS, storeOf } from './preference-stores.ts';

/** The keys that are set, each by one process, and their values in turn. */
export const VALUES = {
  confidence_threshold: (n: number) => n / 1_000,
  instructions: (n: number) => String(n),
  whitelisted_proposers: (n: number) => [proposer('w', n)],
  space_overrides: (n: number) => ({ 'harbour.eth': { instructions: String(n) } }),
} satisfies Partial<Record<keyof UserPreferences, (n: number) => unknown>>;
export type Key = keyof typeof VALUES;

/** An address that is nobody else's. */
export function proposer(key: string, n: number): Address {
  const hex = Buffer.from(`${key}-${n}`).toString('hex').slice(0, 40);
  return Address.parse(`0x${hex.padStart(40, '0')}`);
}

if (import.meta.main) {
  const [kindName, dir = '', url = '', ownerName, keyName, updates] = process.argv.slice(2);
  const kind = KINDS.find((one) => one === kindName);
  const key = Object.keys(VALUES).find((one): one is Key => one === keyName);
  if (kind === undefined || key === undefined) throw new Error('Which store, which key?');
  const owner = OwnerId.parse(ownerName);
  const numbers = Array.from({ length: Number(updates) }, (_, at) => at + 1);
  const redis = new Redis(url);
  const store = storeOf(kind, dir, redis);

  const got = await Promise.all(numbers.map((n) => store.patch(owner, { [key]: VALUES[key](n) })));
  for (const n of numbers) {
    for (let isSaved = false; !isSaved;) {
      const found = await store.load(owner);
      if (found.kind === 'unusable') throw new Error(found.why);
      const list = [...found.preferences.blacklisted_proposers, proposer(key, n)];
      try {
        await store.update(owner, 'blacklisted_proposers', list, { ifVersion: found.version });
        isSaved = true;
      } catch (error) {
        if (!(error instanceof VersionConflictError)) throw error;
      }
    }
  }
  redis.disconnect();
  process.stdout.write(JSON.stringify(got.map(({ preferences }) => preferences)));
}
