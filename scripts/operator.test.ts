/** What the operator's commands stand on: which folders, which Redis, and what they say when there is none. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readSecretFile } from '@quorum/shared/secret-file';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestRedis } from '../test/redis.ts';
import { operatorOf, OperatorError, withRedis, type Operator } from './operator.ts';
import { freePort } from './ports.ts';
import { startRedis } from './redis-server.ts';
import { ensureSecrets, SECRETS } from './secrets.ts';
import { SettingsError } from './start-settings.ts';

let dir: string;
const closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-operator-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await rm(dir, { recursive: true, force: true });
});

const LIVE = {
  SNAPSHOT_HUB_URL: 'https://hub.snapshot.org/graphql',
  SNAPSHOT_SEQUENCER_URL: 'https://seq.snapshot.org',
};
const pong = (operator: Operator): Promise<string> => withRedis(operator, (redis) => redis.ping());

describe('the folders of an operator', () => {
  test('are those of npm start: the sandbox has its own, apart from the live ones', () => {
    const data = { QUORUM_DATA_DIR: dir };
    expect(operatorOf(data)).toMatchObject({ live: false, secrets: path.join(dir, 'sandbox/secrets') });
    expect(operatorOf({ ...data, ...LIVE })).toMatchObject({ live: true, secrets: path.join(dir, 'secrets') });
  });

  test('are below QUORUM_SECRETS_DIR where that is set, as in compose, whose voter knows of no model', () => {
    const env = { QUORUM_SECRETS_DIR: '/var/lib/quorum/secrets', ...LIVE };
    expect(operatorOf(env).secrets).toBe('/var/lib/quorum/secrets');
  });

  test('settings that are wrong are told', () => {
    expect(() => operatorOf({ REDIS_URL: 'http://x' })).toThrow(SettingsError);
  });
});

describe('the Redis of an operator', () => {
  test('is the one of REDIS_URL, with the password of REDIS_PASSWORD_FILE', async () => {
    const redis = await startTestRedis({ password: 'p@ss/w%rd' });
    closers.push(() => redis.stop());
    const { host } = new URL(redis.url);
    const REDIS_PASSWORD_FILE = path.join(dir, 'password');
    await writeFile(REDIS_PASSWORD_FILE, 'p@ss/w%rd\n', { mode: 0o600 });
    expect(await pong(operatorOf({ REDIS_URL: redis.url }))).toBe('PONG');
    expect(await pong(operatorOf({ REDIS_URL: `redis://${host}`, REDIS_PASSWORD_FILE }))).toBe('PONG');

    const refused = pong(operatorOf({ REDIS_URL: `redis://${host}` }));
    await expect(refused).rejects.toThrow(/NOAUTH.*\n→ .*REDIS_PASSWORD_FILE/s);
    const wrong = pong(operatorOf({ REDIS_URL: `redis://:hunter2@${host}` }));
    await expect(wrong).rejects.toThrow(/WRONGPASS/);
    await expect(wrong).rejects.not.toThrow(/hunter2/);
  });

  test('is the private one of a running npm start', async () => {
    const operator = operatorOf({ QUORUM_DATA_DIR: dir });
    await expect(pong(operator)).rejects.toThrow(OperatorError);
    await expect(pong(operator)).rejects.toThrow(/npm start/);

    await ensureSecrets({ dir: operator.secrets });
    await expect(pong(operator)).rejects.toThrow(/npm start/);
    const running = await startRedis({
      dir: operator.settings.folders.redis,
      appendonly: false,
      password: readSecretFile(path.join(operator.secrets, SECRETS.redisPassword)),
      logFile: path.join(dir, 'redis.log'),
    });
    closers.push(() => running.stop());
    expect(await pong(operator)).toBe('PONG');
    // The live one does not run: nothing of the sandbox is taken for it.
    await expect(pong(operatorOf({ QUORUM_DATA_DIR: dir, ...LIVE }))).rejects.toThrow(/npm start/);
  });

  test('that does not answer is told within seconds, with where it was looked for', async () => {
    const port = await freePort();
    await expect(pong(operatorOf({ REDIS_URL: `redis://127.0.0.1:${port}` }))).rejects.toThrow(
      new RegExp(`127.0.0.1:${port} is of no use: .*ECONNREFUSED`),
    );
  });

  test('what the work throws is thrown as it is, and the connection is closed', async () => {
    const redis = await startTestRedis();
    closers.push(() => redis.stop());
    const operator = operatorOf({ REDIS_URL: redis.url });
    await expect(withRedis(operator, () => Promise.reject(new TypeError('mine')))).rejects.toThrow(TypeError);
    const clients = await withRedis(operator, async (own) => String(await own.client('LIST')));
    expect(clients.trim().split('\n')).toHaveLength(1);
  });
});

test('a command ends with 1 and says why in words, without a stack', async () => {
  const script = path.join(dir, 'command.ts');
  const operator = path.join(import.meta.dirname, 'operator.ts');
  await writeFile(
    script,
    `import { runCommand } from ${JSON.stringify(operator)};
     await runCommand(async ([word]) => { throw new Error('no ' + word); });`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, 'luck'], { encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: '✗ no luck\n' });
});
