/** What the doctor finds in files: settings, secrets, preferences, and whether there is room. */
import { chmod, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, test } from 'vitest';
import { OWNER, type Case, sources, testCases, useDoctorStand } from '../../test/doctor-stand.ts';
import { SECRETS } from '../secrets.ts';
import { readSources } from '../settings-file.ts';
import { examine } from './examine.ts';
import { checkSettingsFile, diskFinding } from './files.ts';

const stand = useDoctorStand();

const cases: readonly Case[] = [
  {
    state: 'a setting that is none',
    env: () => ({ VOTE_BACKDATE_S: 'yesterday' }),
    level: 'broken',
    check: 'settings',
    says: /voter cannot start\. VOTE_BACKDATE_S/,
    remedy: /\.env/,
    also: ['signers', 'preferences'],
  },
  {
    state: 'no model named',
    env: () => ({ DECIDER_MODELS: '' }),
    level: 'broken',
    check: 'settings',
    says: /decider cannot start\. DECIDER_MODELS/,
    remedy: /\.env/,
    also: ['model', 'prices'],
  },
  {
    state: 'a secret that others can read',
    make: () => chmod(stand.secret(SECRETS.voterMacKey), 0o640),
    level: 'broken',
    check: 'secrets',
    says: /Others can read.*chmod 600/,
    remedy: /Do what it says/,
  },
  {
    state: 'a secret that is missing',
    make: () => rm(stand.secret(SECRETS.deciderMacKey)),
    level: 'broken',
    check: 'secrets',
    says: /mac\.key cannot be read: no such file.*Put it back.*lost for good: 'npm run setup'/,
    remedy: /Do what it says/,
  },
  {
    state: 'a folder of secrets that others can write',
    make: () => chmod(stand.secret('voter'), 0o777),
    level: 'broken',
    check: 'secrets',
    says: /Others can enter the folder.*chmod 700/,
    remedy: /Do what it says/,
  },
  {
    // As npm start and setup refuse it.
    state: 'a folder of secrets that others can only enter',
    make: () => chmod(stand.secret('gateway'), 0o755),
    level: 'broken',
    check: 'secrets',
    says: /Others can enter the folder.*chmod 700/,
    remedy: /Do what it says/,
  },
  {
    state: 'a key that is none',
    make: () => writeFile(stand.secret(SECRETS.deciderMacKey), 'sesame'),
    level: 'broken',
    check: 'secrets',
    says: /does not hold 64 hex digits/,
    remedy: /Do what it says/,
  },
  {
    state: 'preferences in Redis that carry no code',
    env: () => ({ PREFERENCES_STORE: 'redis' }),
    make: () => stand.redis.set(keys.preferences(OWNER), '{}'),
    mend: () => stand.redis.del(keys.preferences(OWNER)),
    level: 'broken',
    check: 'preferences of owner',
    says: /does not carry our code/,
    remedy: /Mend them/,
  },
  {
    state: 'no key of preferences in Redis',
    env: () => ({ PREFERENCES_STORE: 'redis' }),
    make: () => rm(stand.secret(SECRETS.preferencesMacKey)),
    level: 'broken',
    check: 'secrets',
    says: /preferences\/mac\.key cannot be read/,
    remedy: /Do what it says/,
    also: ['preferences'],
  },
  {
    state: 'preferences that do not fit',
    make: () => writeFile(stand.preferences(), '{"confidence_threshold": 7}'),
    level: 'broken',
    check: 'preferences of owner',
    says: /confidence_threshold/,
    remedy: /Mend them/,
  },
  {
    state: 'no preferences',
    make: async () => {
      await rm(path.dirname(stand.preferences()), { recursive: true });
      await stand.redis.del(keys.preferencesVersion(OWNER));
    },
    level: 'warning',
    check: 'preferences of owner',
    says: /the defaults apply/,
    remedy: /Say what you want/,
  },
  {
    state: 'preferences that are gone',
    make: () => rm(stand.preferences()),
    level: 'broken',
    check: 'preferences of owner',
    says: /was there before and is gone/,
    remedy: /Mend them/,
  },
];

describe('names the fault and the remedy', () => {
  testCases(stand, cases);

  test('of settings that contradict each other', async () => {
    const [only, ...others] = await examine(sources(stand.environment({ SNAPSHOT_SEQUENCER_URL: '' })));
    expect(only).toMatchObject({ level: 'broken', check: 'settings', says: expect.stringContaining('Set both') });
    expect(others).toEqual([]);
  });

  test('of a settings file with a misspelt name, and with a key that others can read', async () => {
    const file = path.join(stand.dir, '.env');
    await writeFile(file, 'LOG_LEVLE=debug\nOPENAI_API_KEY=sesame\nREDIS_URL=redis://:sesame@h:1\n', { mode: 0o644 });
    const env = stand.environment();
    const bad = (await examine({ ...readSources({ QUORUM_ENV_FILE: file }, stand.dir), env })).filter(
      ({ level }) => level !== 'fine',
    );
    expect(bad).toEqual([
      {
        check: 'settings',
        level: 'warning',
        says: expect.stringContaining('Did you mean LOG_LEVEL?'),
        remedy: expect.stringContaining('Mend'),
      },
      {
        check: 'secrets',
        level: 'warning',
        says: `others can read ${file}, which holds OPENAI_API_KEY, REDIS_URL`,
        remedy: `Run: chmod 600 ${file}`,
      },
    ]);
    await chmod(file, 0o600);
    expect(await checkSettingsFile(readSources({ QUORUM_ENV_FILE: file }, stand.dir))).toHaveLength(1);
  });

  test('of a full disk', () => {
    expect(diskFinding(50e9, '/data')).toMatchObject({ level: 'fine', check: 'disk' });
    expect(diskFinding(1e9, '/data')).toMatchObject({ level: 'warning', says: '1.0 GB are free at /data' });
    expect(diskFinding(0.1e9, '/data')).toMatchObject({
      level: 'broken',
      remedy: expect.stringContaining('Make room'),
    });
  });

  test('of the disk of Redis, where that is mounted', async () => {
    const found = await examine(sources({ QUORUM_REDIS_DIR: stand.dir }));
    expect(found.find(({ check }) => check === 'disk')?.says).toMatch(new RegExp(`free at ${stand.dir}$`));
  });
});
