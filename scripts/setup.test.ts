/** `npm run setup`, as an operator runs it. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSandbox } from '@quorum/sandbox/start-sandbox';
import { OwnerId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { readSecretFile } from '@quorum/shared/secret-file';
import { VOTING_ENABLED } from '@quorum/shared/voting';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestRedis } from '../test/redis.ts';
import { SECRETS, SIGNERS_FILE } from './secrets.ts';

const SCRIPT = path.join(import.meta.dirname, 'setup.ts');
const LIVE = {
  SNAPSHOT_HUB_URL: 'https://hub.snapshot.org/graphql',
  SNAPSHOT_SEQUENCER_URL: 'https://seq.snapshot.org',
};

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-setup-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function setup(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const given = { PATH: process.env['PATH'], QUORUM_ENV_FILE: '', QUORUM_DATA_DIR: dir, ...env };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env: given }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

test('makes every secret once, where npm start looks, and says where and never what', async () => {
  const folder = path.join(dir, 'sandbox/secrets');
  const first = await setup([]);
  expect(first).toMatchObject({ code: 0, err: '' });
  for (const name of Object.values(SECRETS)) {
    expect(first.out).toContain(path.join(folder, name));
    expect(first.out).not.toContain(readSecretFile(path.join(folder, name)));
  }
  expect(await readFile(path.join(folder, SIGNERS_FILE), 'utf8')).toBe('{}\n');
  const again = await setup([]);
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining(`Every secret is in ${folder}`) });
});

test('tells of a new key of the voter service where there was one before', async () => {
  const key = path.join(dir, 'sandbox/secrets', SECRETS.voterMacKey);
  const told = `! ${key} is new. If you have the one of before, put it back`;
  expect((await setup([])).out).not.toContain('! ');
  await rm(key);
  expect((await setup([])).out).toContain(told);
  // As it is replaced: the chain goes on.
  await rename(key, `${key}.previous`);
  expect((await setup([])).out).not.toContain('! ');

  await rm(path.join(dir, 'sandbox/secrets'), { recursive: true });
  await mkdir(path.join(dir, 'sandbox/redis-data'));
  expect((await setup([])).out).toContain(told);
});

test('for a live hub makes secrets of their own, and in compose where it is told', async () => {
  expect((await setup([], LIVE)).out).toContain('They are for the live Snapshot');
  expect((await readdir(path.join(dir, 'secrets'))).toSorted()).toEqual([
    'decider',
    'gateway',
    'grafana',
    'holds',
    'preferences',
    'redis',
    'voter',
  ]);
  const QUORUM_SECRETS_DIR = path.join(dir, 'volume');
  expect((await setup([], { QUORUM_SECRETS_DIR })).code).toBe(0);
  expect((await readdir(QUORUM_SECRETS_DIR)).toSorted()).toEqual([
    'decider',
    'gateway',
    'grafana',
    'holds',
    'preferences',
    'redis',
    'voter',
  ]);
});

test('reports a secret that others can read with the chmod that mends it, and does not mend it', async () => {
  await setup([]);
  const file = path.join(dir, 'sandbox/secrets', SECRETS.apiKey);
  await chmod(file, 0o644);
  const refused = await setup([]);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining(`chmod 600 ${file}`) });
  expect(refused.err).not.toMatch(/^ {4}at /m);
  await chmod(file, 0o600);
  expect((await setup([])).code).toBe(0);
});

test.each([
  [['--what'], {}, /Unknown option/],
  [['--enable-voting'], {}, /use it with --demo/],
  [['--demo'], {}, /set its SNAPSHOT_HUB_URL/],
  [['--demo'], LIVE, /is not the sandbox/],
  [[], { OWNER_ID: 'Me' }, /OWNER_ID/],
] as const)('%j %j is refused', async (args, env, words) => {
  const { code, err } = await setup(args, env);
  expect(code).toBe(1);
  expect(err).toMatch(words);
});

test('tells the sandbox of the demo signer and enables voting, as compose has it do', async () => {
  const sandbox = await startSandbox();
  const redis = await startTestRedis({ password: 'p@ss/w%rd' });
  try {
    const REDIS_PASSWORD_FILE = path.join(dir, 'password');
    await writeFile(REDIS_PASSWORD_FILE, 'p@ss/w%rd\n', { mode: 0o600 });
    const env = {
      SNAPSHOT_HUB_URL: `${sandbox.url}/graphql`,
      SNAPSHOT_SEQUENCER_URL: `${sandbox.url}/`,
      REDIS_URL: `redis://${new URL(redis.url).host}`,
      REDIS_PASSWORD_FILE,
      QUORUM_SECRETS_DIR: path.join(dir, 'secrets'),
      PREFERENCES_STORE: 'redis',
      OWNER_ID: 'ada',
    };
    expect(await setup(['--demo', '--enable-voting'], env)).toMatchObject({ code: 0, err: '' });
    expect(sandbox.world.messages).toHaveLength(1);
    const client = new Redis(redis.url);
    expect(await client.get(keys.votingOwner(OwnerId.parse('ada')))).toBe(VOTING_ENABLED);
    expect(await client.get(keys.preferences(OwnerId.parse('ada')))).toContain('when_unsure');
    client.disconnect();
  } finally {
    await sandbox.close();
    await redis.stop();
  }
});
