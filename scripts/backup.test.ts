/** `npm run backup` and `npm run restore`, as an operator runs them: on a Redis by its URL, with folders of preferences and evidence. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { keys } from '@quorum/shared/redis-keys';
import { claimMode } from '@quorum/shared/mode';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aHash, anOwner } from '../packages/shared/test/samples.ts';
import { startTestRedis, type TestRedis } from '../test/redis.ts';
import { ensureSecrets, SECRETS } from './secrets.ts';
import { unpackBackup } from './backup-file.ts';

const OWNER = anOwner();
const DAY = '2026-11-20.ndjson';

let server: TestRedis;
let redis: Redis;
/** What is backed up; and a machine to restore on, with the same secrets. */
let here: string;
let backup: string;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  here = await mkdtemp(path.join(tmpdir(), 'quorum-backup-'));
  backup = path.join(here, 'kept', 'one.backup');
  await ensureSecrets({ dir: path.join(here, 'secrets') });
  redis = new Redis(server.url);
  await redis.flushall();
});
afterEach(async () => {
  redis.disconnect();
  await rm(here, { recursive: true, force: true });
});

type Run = { readonly code: number; readonly out: Buffer; readonly err: string };

function run(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const given = {
    PATH: process.env['PATH'],
    QUORUM_ENV_FILE: '',
    QUORUM_SECRETS_DIR: path.join(here, 'secrets'),
    QUORUM_DATA_DIR: path.join(here, 'data'),
    REDIS_URL: server.url,
    ...env,
  };
  const options = { env: given, encoding: 'buffer', cwd: here, maxBuffer: 1e8 } as const;
  return new Promise((resolve) => {
    const file = path.join(import.meta.dirname, `${script}.ts`);
    const child = execFile(process.execPath, [file, ...args], options, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err: err.toString() }),
    );
    child.stdin?.end();
  });
}

/** A restore is refused while anybody else is connected, ourselves too. */
async function restore(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  redis.disconnect();
  const done = await run('restore', args, env);
  redis = new Redis(server.url);
  return done;
}

const folder = (...names: readonly string[]): string => path.join(here, 'data/sandbox', ...names);

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, text, { mode: 0o600 });
}

/** A Quorum with a little of everything. */
async function fill(): Promise<void> {
  await claimMode(redis, 'sandbox');
  await redis.set(keys.evidence('a'), 'evidence a');
  await redis.set('another:program', 'its own');
  await write(folder('owners', OWNER, 'user_preferences.txt'), '{"voting_strategy":"balanced"}');
  await write(folder('owners', OWNER, 'user_preferences.last_good.txt'), '{"voting_strategy":"conservative"}');
  await write(folder('owners', OWNER, '.lock'), '');
  await write(folder('evidence', DAY), 'one\ntwo\nhalf of a li');
}

describe('npm run backup', () => {
  beforeEach(fill);

  test('keeps Redis, preferences and evidence, in a file that only its owner reads', async () => {
    const { code, err } = await run('backup', [backup]);
    expect([code, err]).toEqual([0, expect.stringMatching(/2 keys of Redis, 2 preference files, 1 days of evidence/)]);
    expect((await stat(backup)).mode & 0o777).toBe(0o600);
    const { manifest, keys: copied, preferences, evidence } = unpackBackup(await readFile(backup));
    expect(manifest).toMatchObject({ serves: 'sandbox', preferences: 'file', redis_keys: 2 });
    expect(copied.map(({ name }) => name).toSorted()).toEqual([keys.evidence('a'), keys.mode()]);
    expect(preferences.map(({ owner, file }) => `${owner} ${file}`)).toEqual([
      `${OWNER} user_preferences.txt`,
      `${OWNER} user_preferences.last_good.txt`,
    ]);
    // A line that the decider was writing is not there: its decision does not count yet.
    expect(evidence.map(({ bytes }) => bytes.toString())).toEqual(['one\ntwo\n']);
  });

  test('keeps no secret', async () => {
    await run('backup', [backup]);
    const { manifest, ...contents } = unpackBackup(await readFile(backup));
    const text = [
      JSON.stringify(manifest),
      ...contents.keys.map(({ dump }) => dump.toString('latin1')),
      ...[...contents.preferences, ...contents.evidence].map(({ bytes }) => bytes.toString('latin1')),
    ].join('\n');
    for (const name of Object.values(SECRETS)) {
      expect(text).not.toContain(await readFile(path.join(here, 'secrets', name), 'utf8'));
    }
    expect(Object.keys(manifest.fingerprints)).toHaveLength(5);
  });

  test('names its file by the time in a folder, writes over none, and to stdout', async () => {
    await mkdir(path.dirname(backup));
    expect((await run('backup', [path.dirname(backup)])).code).toBe(0);
    expect(await readdir(path.dirname(backup))).toEqual([
      expect.stringMatching(/^quorum-2\d{3}-\d\d-\d\dT\d+Z\.backup$/),
    ]);
    await write(backup, 'mine');
    expect(await run('backup', [backup])).toMatchObject({ code: 1, err: expect.stringContaining('is there already') });
    expect(await readFile(backup, 'utf8')).toBe('mine');
    const { out } = await run('backup', ['-']);
    expect(unpackBackup(out).manifest.redis_keys).toBe(2);
    expect(await run('backup', [])).toMatchObject({ code: 1, err: expect.stringContaining('Name one file') });
  });
});

describe('npm run restore', () => {
  beforeEach(async () => {
    await fill();
    await run('backup', [backup]);
  });
  const forget = async (): Promise<void> => {
    await redis.flushall();
    await rm(path.join(here, 'data'), { recursive: true });
  };

  test('puts all of it back into a Quorum that has nothing, with voting paused', async () => {
    await redis.set(keys.votingGlobal(), 'enabled');
    await rm(backup);
    await run('backup', [backup]);
    await forget();
    const { code, err } = await restore([backup]);
    expect([code, err]).toEqual([0, expect.stringMatching(/✓ Restored[^]*Voting is paused/)]);
    expect(await redis.mget(keys.evidence('a'), keys.mode(), keys.votingGlobal(), 'another:program')).toEqual([
      'evidence a',
      'sandbox',
      'paused',
      null,
    ]);
    const file = folder('owners', OWNER, 'user_preferences.txt');
    expect(await readFile(file, 'utf8')).toBe('{"voting_strategy":"balanced"}');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(folder('owners', OWNER))).mode & 0o777).toBe(0o700);
    expect(await readFile(folder('evidence', DAY), 'utf8')).toBe('one\ntwo\n');
  });

  test('refuses where there is something, unless told to replace it: then that is kept, and evidence only grows', async () => {
    await redis.set(keys.evidence('since'), 'x');
    await write(folder('owners', OWNER, 'user_preferences.txt'), '{"voting_strategy":"aggressive"}');
    await write(folder('evidence', DAY), 'one\nsince\n');
    expect(await restore([backup])).toMatchObject({ code: 1, err: expect.stringContaining('has something already') });
    expect(await redis.exists(keys.evidence('since'))).toBe(1);

    const old = path.join(here, 'old.backup');
    const { code, err } = await restore([backup, '--replace', old]);
    expect([code, err]).toEqual([0, expect.stringMatching(/What was there before is in .*old\.backup/)]);
    expect(await redis.mget(keys.evidence('a'), keys.evidence('since'))).toEqual(['evidence a', null]);
    expect(await readFile(folder('owners', OWNER, 'user_preferences.txt'), 'utf8')).toContain('balanced');
    const [former] = (await readdir(folder())).filter((name) => name.startsWith('owners.before-'));
    expect(await readFile(folder(former ?? '', OWNER, 'user_preferences.txt'), 'utf8')).toContain('aggressive');
    expect(await readFile(folder('evidence', DAY), 'utf8')).toBe('one\nsince\ntwo\n');
    expect(unpackBackup(await readFile(old)).keys.map(({ name }) => name)).toContain(keys.evidence('since'));
    // And back.
    expect((await restore([old, '--replace', path.join(here, 'older.backup')])).code).toBe(0);
    expect(await redis.exists(keys.evidence('since'))).toBe(1);
  });

  test('refuses while anybody else is connected, and says who', async () => {
    await forget();
    const { code, err } = await run('restore', [backup]);
    expect([code, err]).toEqual([1, expect.stringMatching(/in use: 1 other connections, from 127\.0\.0\.1:\d+/)]);
    expect(await redis.dbsize()).toBe(0);
  });

  test('refuses a file of which any byte is another, and one that is cut or longer, and changes nothing', async () => {
    await forget();
    const good = await readFile(backup);
    const places = Array.from({ length: 60 }, (_, at) => Math.floor((at * (good.length - 1)) / 59));
    for (const at of places) {
      const spoilt = Buffer.from(good);
      spoilt[at] = (good[at] ?? 0) ^ 1;
      expect(() => unpackBackup(spoilt)).toThrow(/damaged/);
    }
    for (const bytes of [good.subarray(0, -1), Buffer.concat([good, Buffer.from('x')]), Buffer.alloc(0)]) {
      await writeFile(backup, bytes);
      expect(await restore([backup])).toMatchObject({
        code: 1,
        err: expect.stringMatching(/damaged: .* Nothing was changed/),
      });
    }
    expect(await redis.dbsize()).toBe(0);
  });

  test('refuses what is for other settings', async () => {
    await forget();
    const live = { SNAPSHOT_HUB_URL: 'https://hub.example/graphql', SNAPSHOT_SEQUENCER_URL: 'https://seq.example' };
    expect(await restore([backup], live)).toMatchObject({ code: 1, err: expect.stringContaining('sandbox votes') });
    expect(await restore([backup], { PREFERENCES_STORE: 'redis' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('PREFERENCES_STORE=file'),
    });
    expect(await restore(['none.backup'])).toMatchObject({ code: 1, err: expect.stringContaining('cannot be read') });
  });

  test('says which keys are not those that were there, and what that means', async () => {
    await forget();
    await writeFile(path.join(here, 'secrets', SECRETS.deciderMacKey), aHash(), { mode: 0o600 });
    await rm(path.join(here, 'secrets', SECRETS.voterMacKey));
    const { code, err } = await restore([backup]);
    expect(code).toBe(0);
    expect(err).toMatch(/voter\/mac\.key is not here: the audit chain cannot be gone on with/);
    expect(err).toMatch(/decider\/mac\.key is not the one that was there: decisions that wait/);
    expect(err).not.toMatch(/gateway\/mac\.key/);
  });

  test('that was cut short is done again with --replace, and no half state is ever kept as a backup', async () => {
    await redis.set(keys.mode(), 'restoring');
    expect(await run('backup', [path.join(here, 'half')])).toMatchObject({
      code: 1,
      err: expect.stringContaining('did not end'),
    });
    const { code, err } = await restore([backup, '--replace', path.join(here, 'old.backup')]);
    expect([code, err]).toEqual([0, expect.stringContaining('A restore that did not end was replaced')]);
    expect(await redis.get(keys.mode())).toBe('sandbox');
  });
});

test('a part of a backup is compressed, and its manifest can be read with head -1', async () => {
  await fill();
  await run('backup', [backup]);
  const file = await readFile(backup);
  const [first = ''] = file.toString('latin1').split('\n', 1);
  const manifest = JSON.parse(first.slice(65));
  const part = file.subarray(first.length + 1, first.length + 1 + manifest.parts[0].bytes);
  expect(gunzipSync(part).toString().trim().split('\n')).toHaveLength(2);
});
