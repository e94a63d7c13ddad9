/** What the doctor finds in Redis: how it keeps, whom it serves, and what is recorded there. */
import { writeFile } from 'node:fs/promises';
import { createRecords } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { createWatches, watchOf } from '@quorum/shared/watches';
import { SpaceId } from '@quorum/snapshot/proposal';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  OWNER,
  PASSWORD,
  SPACE,
  type Case,
  json,
  nowhere,
  testCases,
  useDoctorStand,
} from '../../test/doctor-stand.ts';
import { SIGNERS_FILE } from '../secrets.ts';
import { examinePatient } from './examine.ts';
import { readPatient } from './patient.ts';

const stand = useDoctorStand();
const setting = (name: string, wrong: string, right: string): Pick<Case, 'make' | 'mend'> => ({
  make: () => stand.redis.config('SET', name, wrong),
  mend: () => stand.redis.config('SET', name, right),
});

const cases: readonly Case[] = [
  {
    state: 'a wrong policy',
    ...setting('maxmemory-policy', 'allkeys-lru', 'noeviction'),
    level: 'warning',
    check: 'redis durability',
    says: /maxmemory-policy is not noeviction/,
    remedy: /maxmemory-policy noeviction/,
  },
  {
    state: 'no append-only file',
    ...setting('appendonly', 'no', 'yes'),
    level: 'warning',
    check: 'redis durability',
    says: /appendonly is not yes/,
    remedy: /appendonly yes/,
  },
  {
    state: 'a file that is synced now and then',
    ...setting('appendfsync', 'everysec', 'always'),
    level: 'warning',
    check: 'redis durability',
    says: /appendfsync is not always/,
    remedy: /appendfsync always/,
  },
  {
    state: 'no password',
    ...setting('requirepass', '', PASSWORD),
    env: () => ({ REDIS_URL: stand.server.url.replace(/:[^/]*@/, '') }),
    level: 'warning',
    check: 'redis durability',
    says: /asks for no password/,
    remedy: /requirepass/,
  },
  {
    state: 'a wrong password of Redis',
    env: () => ({ REDIS_URL: stand.server.url.replace(/:[^/]*@/, ':another@') }),
    level: 'broken',
    check: 'redis',
    says: /WRONGPASS/,
    remedy: /REDIS_PASSWORD_FILE/,
    also: ['redis durability', 'redis mode', 'voting', 'preferences', 'announcement'],
  },
  {
    state: 'Redis down',
    env: async () => ({ REDIS_URL: (await nowhere()).replace('http', 'redis') }),
    level: 'broken',
    check: 'redis',
    says: /ECONNREFUSED/,
    remedy: /Start it, or mend REDIS_URL/,
    also: ['redis durability', 'redis mode', 'voting', 'preferences', 'announcement'],
  },
  {
    state: 'a Redis of live votes',
    make: () => stand.redis.set(keys.mode(), 'live'),
    level: 'broken',
    check: 'redis mode',
    says: /serves the real Snapshot, and sandbox votes/,
    remedy: /REDIS_URL to another Redis/,
  },
  {
    state: 'voting paused',
    make: () => stand.redis.del(keys.votingOwner(OWNER)),
    level: 'warning',
    check: 'voting',
    says: /paused for owner/,
    remedy: /npm start/,
  },
  {
    state: 'a watch of a space where nobody may vote',
    make: () =>
      createWatches(stand.redis).put(watchOf(OWNER, SpaceId.parse('elsewhere.eth'), { every_s: 60, dry_run: false })),
    level: 'warning',
    check: 'watch of owner',
    says: /no signer of owner may vote in elsewhere\.eth/,
    remedy: /DELETE \/watches\/elsewhere\.eth/,
  },
  {
    state: 'a watch that cannot be read',
    make: () => stand.redis.hset(keys.watches(), 'owner:harbour.eth', '{}'),
    level: 'broken',
    check: 'watch',
    says: /cannot be read/,
    remedy: /PUT \/watches/,
  },
  {
    state: 'an audit chain that was altered',
    make: () => stand.redis.xadd(keys.auditChain(stand.voter), '1-0', 'record', '{}'),
    level: 'broken',
    check: 'audit of owner',
    says: /was altered, or sealed with a key that is not here/,
    remedy: /docs\/operations\/audit\.md/,
  },
  {
    state: 'audit records that nobody seals',
    make: () => stand.redis.xadd(keys.auditVoter(stand.voter), `${Date.now() - 6 * 60 * 1_000}-0`, 'kind', 'reserved'),
    level: 'warning',
    check: 'audit of owner',
    says: /not been sealed for 6 minutes/,
    remedy: /Start the voter service/,
  },
  {
    state: 'a voter service that knows an earlier signer',
    make: () =>
      createRecords(stand.redis).announceSigner(OWNER, {
        voter: stand.voter,
        kind: 'own_key',
        allowed_spaces: [SPACE],
      }),
    level: 'warning',
    check: 'announcement',
    says: /another signer of owner/,
    remedy: /start it anew/,
  },
  {
    state: 'a voter service that signs with an earlier key',
    make: () =>
      createRecords(stand.redis).announceSigner(OWNER, {
        voter: stand.voter,
        kind: 'alias',
        alias: stand.voter,
        allowed_spaces: [SPACE],
      }),
    level: 'warning',
    check: 'announcement',
    says: /another signer of owner/,
    remedy: /start it anew/,
  },
];

describe('names the fault and the remedy', () => {
  testCases(stand, cases);

  test('of voting that is paused for another owner, who resumes it', async () => {
    const signers = z.record(z.string(), z.unknown()).parse(await json(stand.secret(SIGNERS_FILE)));
    const another = '0x52908400098527886E0F7030069857D2E4169EE7';
    const entry = z.looseObject({}).parse(signers['owner']);
    await writeFile(stand.secret(SIGNERS_FILE), JSON.stringify({ ...signers, ada: { ...entry, voter: another } }));
    const found = (await stand.ailments()).filter(({ check }) => check === 'voting');
    expect(found).toEqual([
      {
        check: 'voting',
        level: 'warning',
        says: expect.stringContaining('paused for ada'),
        remedy: expect.stringContaining('POST /voting/resume'),
      },
    ]);
  });
});

describe('where votes are real', () => {
  test('a Redis that may forget is broken, unless that is accepted; a paused vote is as it should be', async () => {
    await stand.redis.config('SET', 'appendfsync', 'everysec');
    await stand.redis.set(keys.mode(), 'live');
    await stand.redis.del(keys.votingGlobal());
    try {
      const { patient } = await readPatient(stand.environment());
      const live = { ...patient, live: true };
      const of = async (given: typeof live, check: string) =>
        (await examinePatient(given)).find((finding) => finding.check === check);
      expect(await of(live, 'redis durability')).toMatchObject({
        level: 'broken',
        remedy: expect.stringContaining('ALLOW_LOSSY_REDIS=1'),
      });
      expect(await of(live, 'redis mode')).toMatchObject({ level: 'fine' });
      expect(await of(live, 'voting')).toMatchObject({
        level: 'fine',
        says: expect.stringContaining('paused for everybody'),
      });
      expect(await of(live, 'signer of owner')).toMatchObject({
        level: 'broken',
        says: expect.stringContaining('not encrypted'),
      });
      const accepting = await readPatient(stand.environment({ ALLOW_LOSSY_REDIS: '1' }));
      expect(await of({ ...accepting.patient, live: true }, 'redis durability')).toMatchObject({ level: 'warning' });
    } finally {
      await stand.redis.config('SET', 'appendfsync', 'always');
    }
  });
});
