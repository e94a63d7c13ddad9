/**
 * The doctor against real parts, each broken in one way: it names the fault and the remedy, within its time, and neither tells a
 * secret nor changes anything.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import { OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { createWatches, watchOf } from '@quorum/shared/watches';
import { enableVoting } from '@quorum/shared/voting';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestRedis, type TestRedis } from '../test/redis.ts';
import { demoStore, ensureDemoPreferences } from './demo-preferences.ts';
import { ensureDemoSigner } from './demo-signer.ts';
import { examine, examinePatient } from './doctor/examine.ts';
import { checkSettingsFile, diskFinding } from './doctor/files.ts';
import { bounded, type Finding } from './doctor/finding.ts';
import { readPatient } from './doctor/patient.ts';
import { freePort } from './ports.ts';
import { ensureSecrets, SECRETS, SIGNERS_FILE } from './secrets.ts';
import { readSources } from './settings-file.ts';
import type { SettingSources } from './start-settings.ts';

const DAY_S = 24 * 60 * 60;
const PASSWORD = 'a password of Redis';
const HUB_KEY = 'a-key-of-the-hub';
const MODEL_KEY = 'a-key-of-the-model';
const OWNER = OwnerId.parse('owner');
const SPACE = SpaceId.parse('harbour.eth');
const nowS = (): number => Math.floor(Date.now() / 1_000);

let server: TestRedis;
let redis: Redis;
let sandbox: Sandbox;
beforeAll(async () => {
  server = await startTestRedis({ appendonly: true, password: PASSWORD });
  redis = new Redis(server.url);
  sandbox = await startSandbox();
});
afterAll(async () => {
  redis.disconnect();
  await sandbox.close();
  await server.stop();
});

let dir: string;
let voter: Address;
let alias: Address;
/** A whole Quorum on the sandbox, with nothing wrong. */
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-doctor-'));
  await redis.flushall();
  await control('DELETE', 'faults');
  await control('PUT', 'world', {
    spaces: [{ id: SPACE, name: 'Harbour' }],
    voting_power: [{ space: SPACE, default: true, vp: 12 }],
    api_keys: [{ key: HUB_KEY, monthly_limit: 1_000 }],
  });
  await ensureSecrets({ dir: secret('') });
  const urls = { sequencerUrl: `${sandbox.url}/`, hubUrl: `${sandbox.url}/graphql` };
  await ensureDemoSigner({ dir: secret(''), owner: OWNER, space: SPACE, ...urls });
  await ensureDemoPreferences(demoStore({ PREFERENCES_DIR: path.join(dir, 'sandbox/owners') }, redis), OWNER);
  const entries = z.record(z.string(), z.object({ voter: Address })).parse(await json(secret(SIGNERS_FILE)));
  const [entry] = Object.values(entries);
  const [known] = z.array(z.object({ alias: Address })).parse(await aliases());
  if (entry === undefined || known === undefined) throw new Error('the demo signer is not there');
  ({ voter } = entry);
  ({ alias } = known);
  await enableVoting(redis, OWNER);
  await redis.set(keys.mode(), 'sandbox');
  await createRecords(redis).announceSigner(OWNER, { voter, kind: 'alias', alias, allowed_spaces: [SPACE] });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const secret = (name: string): string => path.join(dir, 'sandbox/secrets', name);
const json = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'));

async function aliases(): Promise<unknown> {
  const query = '{ aliases { alias } }';
  const answer = await fetch(`${sandbox.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return z.object({ data: z.object({ aliases: z.unknown() }) }).parse(await answer.json()).data.aliases;
}

async function control(method: string, command: string, body?: unknown): Promise<void> {
  const answer = await fetch(`${sandbox.url}/_sandbox/${command}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.ok, await answer.text()).toBe(true);
}

type Env = Readonly<Record<string, string>>;

const environment = (more: Env = {}): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  QUORUM_ENV_FILE: '',
  QUORUM_DATA_DIR: dir,
  REDIS_URL: server.url,
  SNAPSHOT_HUB_URL: `${sandbox.url}/graphql`,
  SNAPSHOT_SEQUENCER_URL: `${sandbox.url}/`,
  SNAPSHOT_API_KEY: HUB_KEY,
  OPENAI_BASE_URL: `${sandbox.url}/v1`,
  OPENAI_API_KEY: MODEL_KEY,
  DECIDER_MODELS: 'careful',
  ...more,
});

/** Settings of the environment, and none of a file. */
const sources = (env: Env): SettingSources => ({ env, file: {}, path: null });

/** What is not fine. None of it may hold a secret. */
async function ailments(more: Env = {}): Promise<readonly Finding[]> {
  const findings = await examine(sources(environment(more)));
  const secrets = await Promise.all(
    [...Object.values(SECRETS), 'voter/alias.key'].map((name) =>
      readFile(secret(name), 'utf8').catch(() => 'x'.repeat(64)),
    ),
  );
  const told = JSON.stringify(findings);
  for (const text of [...secrets, PASSWORD, encodeURIComponent(PASSWORD), HUB_KEY, MODEL_KEY])
    expect(told).not.toContain(text.trim());
  return findings.filter(({ level }) => level !== 'fine');
}

test('finds nothing wrong where nothing is', async () => {
  expect(await ailments()).toEqual([]);
});

type Case = {
  readonly state: string;
  readonly make?: () => Promise<unknown>;
  readonly env?: () => Env | Promise<Env>;
  /** Puts right what the next test would inherit. */
  readonly mend?: () => Promise<unknown>;
  readonly level: 'broken' | 'warning';
  readonly check: string;
  readonly says: RegExp;
  readonly remedy: RegExp;
  /** What cannot be looked at for that, or is also found for that. */
  readonly also?: readonly string[];
};

const setting = (name: string, wrong: string, right: string): Pick<Case, 'make' | 'mend'> => ({
  make: () => redis.config('SET', name, wrong),
  mend: () => redis.config('SET', name, right),
});
const aliasMade = (agoS: number) => () =>
  control('PATCH', 'world', { aliases: [{ address: voter, alias, created: nowS() - agoS }] });
const nowhere = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;
const preferences = (): string => path.join(dir, 'sandbox/owners/owner/user_preferences.txt');
const OF_HUB = ['clock', 'alias of owner', 'roles of owner', `owner in ${SPACE}`];

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
    env: () => ({ REDIS_URL: server.url.replace(/:[^/]*@/, '') }),
    level: 'warning',
    check: 'redis durability',
    says: /asks for no password/,
    remedy: /requirepass/,
  },
  {
    state: 'a wrong password of Redis',
    env: () => ({ REDIS_URL: server.url.replace(/:[^/]*@/, ':another@') }),
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
    make: () => redis.set(keys.mode(), 'live'),
    level: 'broken',
    check: 'redis mode',
    says: /serves the real Snapshot, and sandbox votes/,
    remedy: /REDIS_URL to another Redis/,
  },
  {
    state: 'voting paused',
    make: () => redis.del(keys.votingOwner(OWNER)),
    level: 'warning',
    check: 'voting',
    says: /paused for owner/,
    remedy: /npm start/,
  },
  {
    state: 'a watch of a space where nobody may vote',
    make: () =>
      createWatches(redis).put(watchOf(OWNER, SpaceId.parse('elsewhere.eth'), { every_s: 60, dry_run: false })),
    level: 'warning',
    check: 'watch of owner',
    says: /no signer of owner may vote in elsewhere\.eth/,
    remedy: /DELETE \/watches\/elsewhere\.eth/,
  },
  {
    state: 'a watch that cannot be read',
    make: () => redis.hset(keys.watches(), 'owner:harbour.eth', '{}'),
    level: 'broken',
    check: 'watch',
    says: /cannot be read/,
    remedy: /PUT \/watches/,
  },
  {
    state: 'a voter service that knows an earlier signer',
    make: () => createRecords(redis).announceSigner(OWNER, { voter, kind: 'own_key', allowed_spaces: [SPACE] }),
    level: 'warning',
    check: 'announcement',
    says: /another signer of owner/,
    remedy: /start it anew/,
  },
  {
    state: 'a voter service that signs with an earlier key',
    make: () =>
      createRecords(redis).announceSigner(OWNER, { voter, kind: 'alias', alias: voter, allowed_spaces: [SPACE] }),
    level: 'warning',
    check: 'announcement',
    says: /another signer of owner/,
    remedy: /start it anew/,
  },
  {
    state: 'the hub down',
    env: async () => ({ SNAPSHOT_HUB_URL: await nowhere() }),
    level: 'broken',
    check: 'hub',
    says: /cannot be reached/,
    remedy: /npm start/,
    also: OF_HUB,
  },
  {
    state: 'a bad key of the hub',
    env: () => ({ SNAPSHOT_API_KEY: 'bad' }),
    level: 'broken',
    check: 'hub',
    says: /refuses the key of SNAPSHOT_API_KEY \(HTTP 401\)/,
    remedy: /Mend SNAPSHOT_API_KEY/,
    also: OF_HUB.slice(1),
  },
  {
    state: 'a hub that is none',
    env: () => ({ SNAPSHOT_HUB_URL: `${sandbox.url}/v1/models` }),
    level: 'broken',
    check: 'hub',
    says: /does not answer as a hub does/,
    remedy: /SNAPSHOT_HUB_URL/,
    also: OF_HUB.slice(1),
  },
  {
    state: 'a clock that is 90 s ahead',
    make: () => control('POST', 'clock', { now: nowS() - 90 }),
    mend: () => control('POST', 'clock', { now: null }),
    level: 'broken',
    check: 'clock',
    says: /(8[89]|9\d) s ahead of the hub/,
    remedy: /NTP/,
  },
  {
    state: 'a clock that is 90 s behind',
    make: () => control('POST', 'clock', { now: nowS() + 100 }),
    mend: () => control('POST', 'clock', { now: null }),
    level: 'broken',
    check: 'clock',
    says: /(8\d|9\d|100) s behind the hub/,
    remedy: /NTP/,
  },
  {
    state: 'a clock that is 30 s ahead',
    make: () => control('POST', 'clock', { now: nowS() - 30 }),
    mend: () => control('POST', 'clock', { now: null }),
    level: 'warning',
    check: 'clock',
    says: /ahead of the hub/,
    remedy: /NTP/,
  },
  {
    state: 'the sequencer down',
    env: async () => ({ SNAPSHOT_SEQUENCER_URL: await nowhere() }),
    level: 'broken',
    check: 'sequencer',
    says: /cannot be reached/,
    remedy: /SNAPSHOT_SEQUENCER_URL/,
  },
  {
    state: 'the hub in the place of the sequencer',
    env: () => ({ SNAPSHOT_SEQUENCER_URL: `${sandbox.url}/graphql` }),
    level: 'broken',
    check: 'sequencer',
    says: /does not answer as a sequencer does/,
    remedy: /SNAPSHOT_SEQUENCER_URL/,
  },
  {
    state: 'the model down',
    env: async () => ({ OPENAI_BASE_URL: await nowhere() }),
    level: 'broken',
    check: 'model',
    says: /cannot be reached/,
    remedy: /OPENAI_BASE_URL/,
  },
  {
    state: 'a bad key of the model',
    make: () =>
      control('POST', 'faults', {
        endpoint: 'model',
        count: 1,
        status: 401,
        body: { error: { message: 'Incorrect API key provided: a-key-of-the-model' } },
      }),
    level: 'broken',
    check: 'model',
    says: /refuses the key of OPENAI_API_KEY/,
    remedy: /Mend OPENAI_API_KEY/,
  },
  {
    state: 'an unknown model',
    env: () => ({ DECIDER_MODELS: 'careful,gpt-9' }),
    level: 'broken',
    check: 'model',
    says: /knows no model gpt-9/,
    remedy: /DECIDER_MODELS.*careful/,
  },
  {
    state: 'a model without a list',
    env: () => ({ OPENAI_BASE_URL: `${sandbox.url}/nothing` }),
    level: 'warning',
    check: 'model',
    says: /does not list its models/,
    remedy: /OPENAI_BASE_URL/,
  },
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
    also: ['model'],
  },
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
      control('PUT', 'world', {
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
    make: () => control('PATCH', 'world', { spaces: [{ id: 'other.eth', admins: [voter] }] }),
    level: 'broken',
    check: 'roles of owner',
    says: /admin of other\.eth.*cannot be revoked/,
    remedy: /an address that has no such role/,
  },
  {
    state: 'a voter who is a moderator',
    make: () => control('PATCH', 'world', { spaces: [{ id: SPACE, moderators: [voter] }] }),
    level: 'broken',
    check: 'roles of owner',
    says: /moderator of harbour\.eth/,
    remedy: /settings of the space/,
  },
  {
    state: 'no voting power',
    make: () => control('PATCH', 'world', { voting_power: [{ space: SPACE, voter, vp: 0 }] }),
    level: 'warning',
    check: `owner in ${SPACE}`,
    says: /no voting power/,
    remedy: /delegation/,
  },
  {
    state: 'an allowed space that there is not',
    make: async () =>
      writeFile(secret(SIGNERS_FILE), (await readFile(secret(SIGNERS_FILE), 'utf8')).replace(SPACE, 'harbor.eth')),
    level: 'broken',
    check: 'owner in harbor.eth',
    says: /knows no space harbor\.eth/,
    remedy: /Mend its name/,
    also: ['announcement'],
  },
  {
    state: 'a signing key that others can read',
    make: () => chmod(secret('voter/alias.key'), 0o644),
    level: 'broken',
    check: 'signer of owner',
    says: /Others can read.*alias\.key.*chmod 600/,
    remedy: /Mend/,
    also: ['alias of owner', 'secrets'],
  },
  {
    state: 'a signing key that is gone',
    make: () => rm(secret('voter/alias.key')),
    level: 'broken',
    check: 'signer of owner',
    says: /alias\.key cannot be read/,
    remedy: /Mend/,
    also: ['alias of owner'],
  },
  {
    state: 'the key of another',
    make: () => writeFile(secret('voter/alias.key'), '11'.repeat(32)),
    level: 'broken',
    check: 'alias of owner',
    says: /has not made 0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A its alias/,
    remedy: /Sign it/,
    also: ['announcement'],
  },
  {
    state: 'signers.json that others can write',
    make: () => chmod(secret(SIGNERS_FILE), 0o664),
    level: 'broken',
    check: 'signers',
    says: /Others can write.*chmod go-w/,
    remedy: /Mend/,
    also: ['secrets'],
  },
  {
    state: 'signers.json that is no JSON',
    make: () => writeFile(secret(SIGNERS_FILE), '{'),
    level: 'broken',
    check: 'signers',
    says: /signers\.json:1:2: is not JSON/,
    remedy: /Mend/,
  },
  {
    state: 'nobody in signers.json',
    make: () => writeFile(secret(SIGNERS_FILE), '{}'),
    level: 'warning',
    check: 'signers',
    says: /nobody has a signer/,
    remedy: /keys -- keystore/,
  },
  {
    state: 'a secret that others can read',
    make: () => chmod(secret(SECRETS.voterMacKey), 0o640),
    level: 'broken',
    check: 'secrets',
    says: /Others can read.*chmod 600/,
    remedy: /Do what it says/,
  },
  {
    state: 'a secret that is missing',
    make: () => rm(secret(SECRETS.deciderMacKey)),
    level: 'broken',
    check: 'secrets',
    says: /mac\.key cannot be read.*npm run setup/,
    remedy: /Do what it says/,
  },
  {
    state: 'a folder of secrets that others can write',
    make: () => chmod(secret('voter'), 0o777),
    level: 'broken',
    check: 'secrets',
    says: /Others can enter the folder.*chmod 700/,
    remedy: /Do what it says/,
  },
  {
    // As npm start and setup refuse it.
    state: 'a folder of secrets that others can only enter',
    make: () => chmod(secret('gateway'), 0o755),
    level: 'broken',
    check: 'secrets',
    says: /Others can enter the folder.*chmod 700/,
    remedy: /Do what it says/,
  },
  {
    state: 'a key that is none',
    make: () => writeFile(secret(SECRETS.deciderMacKey), 'sesame'),
    level: 'broken',
    check: 'secrets',
    says: /does not hold 64 hex digits/,
    remedy: /Do what it says/,
  },
  {
    state: 'preferences that do not fit',
    make: () => writeFile(preferences(), '{"confidence_threshold": 7}'),
    level: 'broken',
    check: 'preferences of owner',
    says: /confidence_threshold/,
    remedy: /Mend them/,
  },
  {
    state: 'no preferences',
    make: async () => {
      await rm(path.dirname(preferences()), { recursive: true });
      await redis.del(keys.preferencesVersion(OWNER));
    },
    level: 'warning',
    check: 'preferences of owner',
    says: /the defaults apply/,
    remedy: /Say what you want/,
  },
  {
    state: 'preferences that are gone',
    make: () => rm(preferences()),
    level: 'broken',
    check: 'preferences of owner',
    says: /was there before and is gone/,
    remedy: /Mend them/,
  },
];

describe('names the fault and the remedy', () => {
  test.each(cases)('of $state', async ({ make, env, mend, level, check, says, remedy, also = [] }) => {
    try {
      await make?.();
      const found = await ailments(await env?.());
      expect(found).toContainEqual({
        level,
        check,
        says: expect.stringMatching(says),
        remedy: expect.stringMatching(remedy),
      });
      expect(found.map((finding) => finding.check).toSorted(), 'and nothing else is wrong').toEqual(
        [check, ...also].toSorted(),
      );
    } finally {
      await mend?.();
    }
  });

  test('of settings that contradict each other', async () => {
    const [only, ...others] = await examine(sources(environment({ SNAPSHOT_SEQUENCER_URL: '' })));
    expect(only).toMatchObject({ level: 'broken', check: 'settings', says: expect.stringContaining('Set both') });
    expect(others).toEqual([]);
  });

  test('of voting that is paused for another owner, whom nothing enables it for yet', async () => {
    const signers = z.record(z.string(), z.unknown()).parse(await json(secret(SIGNERS_FILE)));
    const another = '0x52908400098527886E0F7030069857D2E4169EE7';
    const entry = z.looseObject({}).parse(signers['owner']);
    await writeFile(secret(SIGNERS_FILE), JSON.stringify({ ...signers, ada: { ...entry, voter: another } }));
    const found = (await ailments()).filter(({ check }) => check === 'voting');
    expect(found).toEqual([
      {
        check: 'voting',
        level: 'warning',
        says: expect.stringContaining('paused for ada'),
        remedy: expect.stringContaining('OWNER_ID alone, who is owner'),
      },
    ]);
  });

  test('of a settings file with a misspelt name, and with a key that others can read', async () => {
    const file = path.join(dir, '.env');
    await writeFile(file, 'LOG_LEVLE=debug\nOPENAI_API_KEY=sesame\nREDIS_URL=redis://:sesame@h:1\n', { mode: 0o644 });
    const env = environment();
    const bad = (await examine({ ...readSources({ QUORUM_ENV_FILE: file }, dir), env })).filter(
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
    expect(await checkSettingsFile(readSources({ QUORUM_ENV_FILE: file }, dir))).toHaveLength(1);
  });

  test('of a full disk', () => {
    expect(diskFinding(50e9, '/data')).toMatchObject({ level: 'fine', check: 'disk' });
    expect(diskFinding(1e9, '/data')).toMatchObject({ level: 'warning', says: '1.0 GB are free at /data' });
    expect(diskFinding(0.1e9, '/data')).toMatchObject({
      level: 'broken',
      remedy: expect.stringContaining('Make room'),
    });
  });
});

describe('where votes are real', () => {
  test('a Redis that may forget is broken, unless that is accepted; a paused vote is as it should be', async () => {
    await redis.config('SET', 'appendfsync', 'everysec');
    await redis.set(keys.mode(), 'live');
    await redis.del(keys.votingGlobal());
    try {
      const { patient } = await readPatient(environment());
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
      const accepting = await readPatient(environment({ ALLOW_LOSSY_REDIS: '1' }));
      expect(await of({ ...accepting.patient, live: true }, 'redis durability')).toMatchObject({ level: 'warning' });
    } finally {
      await redis.config('SET', 'appendfsync', 'always');
    }
  });
});

describe('npm run doctor', () => {
  function run(args: readonly string[], env: Env): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const script = path.join(import.meta.dirname, 'doctor.ts');
      const child = execFile(process.execPath, [script, ...args], { env: environment(env) }, (_error, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });
  }

  test('prints a line a finding with the remedy under it, and ends with 0 where nothing is broken', async () => {
    await redis.del(keys.votingOwner(OWNER));
    const { code, out } = await run([], {});
    expect(code).toBe(0);
    expect(out).toMatch(/^✓ redis +Redis \d/m);
    expect(out).toMatch(/^! voting +it is paused for owner.*\n +→ npm start enables it/m);
    expect(out).toMatch(/\n0 broken, 1 warning, \d+ fine\n$/);
  });

  test('ends in time where everything is silent, with 1, and says so in one line of JSON', async () => {
    const silent: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = z.object({ port: z.number() }).parse(silent.address());
    const at = `http://127.0.0.1:${port}`;
    const began = performance.now();
    try {
      const { code, out } = await run(['--json'], {
        REDIS_URL: `redis://127.0.0.1:${port}`,
        SNAPSHOT_HUB_URL: at,
        SNAPSHOT_SEQUENCER_URL: at,
        OPENAI_BASE_URL: at,
      });
      expect(code).toBe(1);
      expect(out.trimEnd()).not.toContain('\n');
      const { healthy, findings } = z
        .object({
          healthy: z.boolean(),
          findings: z.array(z.object({ check: z.string(), level: z.string(), says: z.string() })),
        })
        .parse(JSON.parse(out));
      expect(healthy).toBe(false);
      for (const check of ['redis', 'hub', 'sequencer', 'model']) {
        expect(findings).toContainEqual({ check, level: 'broken', says: expect.stringMatching(/no answer within/) });
      }
      // Ten seconds a check and what starting a process takes on a busy machine.
      expect(performance.now() - began).toBeLessThan(45_000);
    } finally {
      silent.close();
    }
  });

  test('changes nothing, in Redis or on the disk', async () => {
    await redis.del(keys.mode());
    const seen = async () => {
      const names = (await readdir(dir, { recursive: true })).toSorted();
      const files = await Promise.all(names.map(async (name) => [name, (await stat(path.join(dir, name))).mtimeMs]));
      return { files, keys: (await redis.keys('*')).toSorted() };
    };
    const before = await seen();
    await examine(sources(environment()));
    expect(await seen()).toEqual(before);
  });

  test('says what it knows when it does not understand', async () => {
    const { code, err } = await run(['--jsn'], {});
    expect(code).toBe(1);
    expect(err).toMatch(/--jsn.*\n→ npm run doctor -- \[--json\]/);
  });

  test('cuts off a check that does not end', async () => {
    const [only] = await bounded('that', () => new Promise(() => undefined), 10);
    expect(only).toMatchObject({ level: 'broken', check: 'that', says: 'no answer within 0.01 s' });
  });
});
