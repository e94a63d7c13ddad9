/** What the heartbeat says of signers, from what is announced on a real Redis. */
import { createRecords } from '@quorum/shared/records';
import { describe, expect, test } from 'vitest';
import { anAddress, anOwner, aSpace } from '../../../packages/shared/test/samples.ts';
import { useRedis } from '../../../packages/shared/test/world.ts';
import { lookAtSigners } from './signer-look.ts';

const { redis } = useRedis();

const NOW_MS = Date.UTC(2026, 10, 20, 12);
const DAY_S = 24 * 60 * 60;

type Announced = 'own key' | 'nothing' | 'no end' | number;

/** Licences of owners, each announced like this; a number is in how many seconds the alias ends. */
async function look(...announced: readonly Announced[]) {
  const records = createRecords(redis());
  const licences = await Promise.all(
    announced.map(async (what) => {
      const [owner, alias] = [anOwner(), anAddress()];
      const kind = what === 'own key' ? 'own_key' : 'alias';
      const floor = { voter: anAddress(), allowed_spaces: [aSpace()] };
      if (what === 'own key') await records.announceSigner(owner, { ...floor, kind: 'own_key' });
      else if (what !== 'nothing') await records.announceSigner(owner, { ...floor, kind: 'alias', alias });
      if (typeof what === 'number') await records.announceAliasEnd(owner, alias, NOW_MS / 1_000 + what);
      return [owner, { owner, kind }] as const;
    }),
  );
  return lookAtSigners(new Map(licences), { records, now: () => NOW_MS });
}

describe('signers', () => {
  test.each<[Announced[], string, string | null]>([
    [[], 'down', 'there is none: every run is a dry run'],
    [['own key'], 'ok', null],
    [[30 * DAY_S], 'ok', null],
    [[7 * DAY_S], 'degraded', 'of 1 of 1 the alias ends within 7 days'],
    [['no end'], 'degraded', 'of 1 of 1 the hub has not said how long the alias is good'],
    // A vote needs it for ten minutes more.
    [[601], 'degraded', 'of 1 of 1 the alias ends within 7 days'],
    [[600], 'down', 'of 1 of 1 the alias has ended'],
    [['nothing'], 'down', 'of 1 of 1 nothing is announced'],
    [['own key', -1], 'degraded', 'of 1 of 2 the alias has ended'],
    [[-1, 'nothing'], 'down', 'of 1 of 2 nothing is announced, of 1 of 2 the alias has ended'],
  ])('of which %o is announced', async (announced, status, detail) => {
    expect(await look(...announced)).toEqual({ status, detail });
  });
});
