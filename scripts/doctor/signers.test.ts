/** What the doctor finds of those who vote: their signers, their roles, their power. */
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { describe } from 'vitest';
import { HUB_KEY, SPACE, type Case, nowS, testCases, useDoctorStand } from '../../test/doctor-stand.ts';
import { SIGNERS_FILE } from '../secrets.ts';

const stand = useDoctorStand();
const DAY_S = 24 * 60 * 60;
const aliasMade = (agoS: number) => () =>
  stand.control('PATCH', 'world', {
    aliases: [{ address: stand.voter, alias: stand.alias, created: nowS() - agoS }],
  });

const cases: readonly Case[] = [
  {
    state: 'an expired alias',
    make: aliasMade(31 * DAY_S),
    level: 'broken',
    check: 'alias of owner',
    says: /has expired on/,
    remedy: /keys -- alias --owner owner/,
  },
  {
    state: 'an alias that is about to expire',
    make: aliasMade(24 * DAY_S),
    level: 'warning',
    check: 'alias of owner',
    says: /5 days from now/,
    remedy: /Sign it again: npm run keys -- alias/,
  },
  {
    state: 'an alias that holds for fewer days here',
    make: aliasMade(2 * DAY_S),
    env: () => ({ ALIAS_VALID_DAYS: '1' }),
    level: 'broken',
    check: 'alias of owner',
    says: /has expired on/,
    remedy: /keys -- alias/,
  },
  {
    state: 'no alias',
    make: () =>
      stand.control('PUT', 'world', {
        spaces: [{ id: SPACE }],
        voting_power: [{ space: SPACE, default: true, vp: 1 }],
        api_keys: [{ key: HUB_KEY, monthly_limit: 1_000 }],
      }),
    level: 'broken',
    check: 'alias of owner',
    says: /has not made 0x\w+ its alias/,
    remedy: /Sign it: npm run keys -- alias/,
  },
  {
    state: 'a voter who is an admin elsewhere',
    make: () => stand.control('PATCH', 'world', { spaces: [{ id: 'other.eth', admins: [stand.voter] }] }),
    level: 'broken',
    check: 'roles of owner',
    says: /admin of other\.eth.*cannot be revoked/,
    remedy: /an address that has no such role/,
  },
  {
    state: 'a voter who is a moderator',
    make: () => stand.control('PATCH', 'world', { spaces: [{ id: SPACE, moderators: [stand.voter] }] }),
    level: 'broken',
    check: 'roles of owner',
    says: /moderator of harbour\.eth/,
    remedy: /settings of the space/,
  },
  {
    state: 'no voting power',
    make: () => stand.control('PATCH', 'world', { voting_power: [{ space: SPACE, voter: stand.voter, vp: 0 }] }),
    level: 'warning',
    check: `owner in ${SPACE}`,
    says: /no voting power/,
    remedy: /delegation/,
  },
  {
    state: 'an allowed space that there is not',
    make: async () =>
      writeFile(
        stand.secret(SIGNERS_FILE),
        (await readFile(stand.secret(SIGNERS_FILE), 'utf8')).replace(SPACE, 'harbor.eth'),
      ),
    level: 'broken',
    check: 'owner in harbor.eth',
    says: /knows no space harbor\.eth/,
    remedy: /Mend its name/,
    also: ['announcement'],
  },
  {
    state: 'a signing key that others can read',
    make: () => chmod(stand.secret('voter/alias.key'), 0o644),
    level: 'broken',
    check: 'signer of owner',
    says: /Others can read.*alias\.key.*chmod 600/,
    remedy: /Mend/,
    also: ['alias of owner', 'secrets'],
  },
  {
    state: 'a signing key that is gone',
    make: () => rm(stand.secret('voter/alias.key')),
    level: 'broken',
    check: 'signer of owner',
    says: /alias\.key cannot be read/,
    remedy: /Mend/,
    also: ['alias of owner'],
  },
  {
    state: 'the key of another',
    make: () => writeFile(stand.secret('voter/alias.key'), '11'.repeat(32)),
    level: 'broken',
    check: 'alias of owner',
    says: /has not made 0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A its alias/,
    remedy: /Sign it/,
    also: ['announcement'],
  },
  {
    state: 'signers.json that others can write',
    make: () => chmod(stand.secret(SIGNERS_FILE), 0o664),
    level: 'broken',
    check: 'signers',
    says: /Others can write.*chmod go-w/,
    remedy: /Mend/,
    also: ['secrets'],
  },
  {
    state: 'signers.json that is no JSON',
    make: () => writeFile(stand.secret(SIGNERS_FILE), '{'),
    level: 'broken',
    check: 'signers',
    says: /signers\.json:1:2: is not JSON/,
    remedy: /Mend/,
  },
  {
    state: 'nobody in signers.json',
    make: () => writeFile(stand.secret(SIGNERS_FILE), '{}'),
    level: 'warning',
    check: 'signers',
    says: /nobody has a signer/,
    remedy: /keys -- keystore/,
  },
];

describe('names the fault and the remedy', () => {
  testCases(stand, cases);
});
