/** Backup and restore of what `npm start` keeps in its data folder: its private Redis is started for the moment, and no start runs meanwhile. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claimMode } from '@quorum/shared/mode';
import { keys } from '@quorum/shared/redis-keys';
import { readSecretFile } from '@quorum/shared/secret-file';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findRunningRedis, startRedis, type RunningRedis } from './redis-server.ts';
import { runFiles } from './run-files.ts';
import { ensureSecrets, SECRETS } from './secrets.ts';
import { readCommonSettings } from './start-settings.ts';

let here: string;
beforeEach(async () => {
  here = await mkdtemp(path.join(tmpdir(), 'quorum-private-'));
  await ensureSecrets({ dir: secrets() });
});
afterEach(() => rm(here, { recursive: true, force: true }));

const folders = () => readCommonSettings({}, here).folders;
const secrets = (): string => folders().secrets;
const password = (): string => readSecretFile(path.join(secrets(), SECRETS.redisPassword));
const files = () => runFiles(folders().run);

function run(script: string, ...args: readonly string[]): Promise<{ code: number; err: string }> {
  const env = { PATH: process.env['PATH'], QUORUM_ENV_FILE: '', QUORUM_DATA_DIR: here };
  return new Promise((resolve) => {
    const file = path.join(import.meta.dirname, `${script}.ts`);
    const child = execFile(process.execPath, [file, ...args], { env, cwd: here }, (_error, _out, err) =>
      resolve({ code: child.exitCode ?? -1, err }),
    );
  });
}

function start(): Promise<RunningRedis> {
  const { redis: dir } = folders();
  return startRedis({ dir, password: password(), appendonly: true, logFile: path.join(here, 'redis.log') });
}

/** Does something with the private Redis, as a start would. */
async function meanwhile<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
  const server = await start();
  const redis = new Redis(server.url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

test('while nothing runs, and while Quorum does; it is left as it was found', async () => {
  await meanwhile(async (redis) => {
    await claimMode(redis, 'sandbox');
    await redis.set(keys.evidence('a'), 'x');
    expect(await files().claim()).toBeUndefined();
    expect(await run('backup', 'running.backup')).toMatchObject({ code: 0, err: expect.stringContaining('2 keys') });
    expect(await redis.ping()).toBe('PONG');
    await files().release();
  });
  expect(await run('backup', 'stopped.backup')).toMatchObject({ code: 0, err: expect.stringContaining('2 keys') });
  expect(await findRunningRedis({ dir: folders().redis, password: password() })).toBeUndefined();
  expect(await files().claim()).toBeUndefined();
});

test('a restore is refused while Quorum runs, and is there for the next start', async () => {
  await meanwhile((redis) => redis.set(keys.evidence('a'), 'x'));
  expect(await run('backup', 'one.backup')).toMatchObject({ code: 0 });
  await rm(folders().redis, { recursive: true });

  await files().claim();
  expect(await run('restore', 'one.backup')).toMatchObject({
    code: 1,
    err: expect.stringContaining(`Quorum is running (process ${process.pid})`),
  });
  await files().release();
  expect(await run('restore', 'one.backup')).toMatchObject({ code: 0 });
  expect(await meanwhile((redis) => redis.mget(keys.evidence('a'), keys.votingGlobal()))).toEqual(['x', 'paused']);
});

test('where nothing was ever started there is nothing to keep, and without a password no Redis to put it into', async () => {
  expect(await run('backup', 'one.backup')).toMatchObject({
    code: 1,
    err: expect.stringContaining('never started here'),
  });
  await meanwhile((redis) => redis.set(keys.evidence('a'), 'x'));
  expect(await run('backup', 'one.backup')).toMatchObject({ code: 0 });
  await rm(secrets(), { recursive: true });
  expect(await run('restore', 'one.backup', '--replace', 'old.backup')).toMatchObject({
    code: 1,
    err: expect.stringContaining('npm run setup'),
  });
});
