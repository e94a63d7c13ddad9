/** `npm run keys`, as an operator runs it: against a Redis, with the secrets that setup makes. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import { keys } from '@quorum/shared/redis-keys';
import { readKeyFile } from '@quorum/shared/secret-file';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../test/redis.ts';
import { ensureSecrets, SECRETS } from './secrets.ts';

const SCRIPT = path.join(import.meta.dirname, 'keys.ts');

let dir: string;
let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-keys-'));
  await ensureSecrets({ dir });
  server = await startTestRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => redis.flushall());

type Run = { readonly code: number; readonly out: string; readonly err: string };

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const given = {
    PATH: process.env['PATH'],
    QUORUM_ENV_FILE: '',
    QUORUM_SECRETS_DIR: dir,
    REDIS_URL: server.url,
    ...env,
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env: given }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

const apiKeys = () => createApiKeys(redis, readKeyFile(path.join(dir, SECRETS.gatewayMacKey)));

describe('npm run keys', () => {
  test('makes a key, prints it alone and once, lists it without its secret, and revokes it', async () => {
    const made = await run(['create', '--owner', 'alice', '--role', 'viewer', '--name', 'the laptop']);
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining('acts for alice as viewer') });
    expect(made.out).toMatch(/^qk_[0-9a-f]{16}_[0-9a-f]{64}\n$/);
    const text = made.out.trim();
    const id = text.slice(3, 19);
    expect(await apiKeys().verify(text)).toMatchObject({ kind: 'good', key: { owner: 'alice', role: 'viewer' } });

    const list = await run(['list']);
    expect(list).toMatchObject({ code: 0, err: '' });
    expect(list.out).toMatch(new RegExp(`^${id}  alice  viewer  …${text.slice(-4)} .* the laptop$`, 'm'));
    for (const { out, err } of [{ out: '', err: made.err }, list]) expect(out + err).not.toContain(text.slice(20, -4));

    expect(await run(['revoke', id])).toMatchObject({ code: 0, out: `Key ${id} is revoked.\n` });
    expect(await apiKeys().verify(text)).toEqual({ kind: 'refused', why: 'unknown' });
    expect(await run(['revoke', id])).toMatchObject({ code: 1, err: expect.stringContaining('There is no key') });
    expect((await run(['list'])).out.trim().split('\n')).toHaveLength(1);
  });

  test('names a record that is not ours, without its control characters', async () => {
    await redis.hset(keys.apiKeys(), 'x\u001b[31m', JSON.stringify({ role: 'admin' }));
    const { code, out, err } = await run(['list']);
    expect(code).toBe(0);
    expect(out).toMatch(/forged/);
    expect(out).not.toContain('\u001b');
    expect(err).toMatch(/somebody else can write to your Redis/);
  });

  test.each([
    [[], /Which of these\?[^]*create --owner[^]*list[^]*revoke ID/],
    [['make'], /There is no "make"\.[^]*create --owner/],
    [['constructor'], /There is no "constructor"/],
    [['create'], /--owner must be/],
    [['create', '--owner', 'Alice', '--role', 'user'], /--owner must be/],
    [['create', '--owner', 'alice'], /--role must be one of viewer, user, admin/],
    [['create', '--owner', 'alice', '--role', 'root'], /--role must be one of/],
    [['create', '--owner', 'alice', '--role', 'user', '--name', 'a\nb'], /name of the key must hold no control/],
    [['create', '--owner', 'alice', '--role', 'user', '--admin'], /Unknown option '--admin'[^]*→ create --owner/],
    [['list', 'all'], /Unexpected argument/],
    [['revoke'], /ID is what stands in the first column/],
    [['revoke', 'a', 'b'], /ID is what stands in the first column/],
  ])('%j is told what is wrong, and makes nothing', async (args, words) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(words);
    expect(err).not.toMatch(/^ {4}at /m);
    expect(await redis.dbsize()).toBe(0);
  });

  test('a whole key that is to be revoked is not repeated', async () => {
    const text = `qk_${'ab'.repeat(8)}_${randomBytes(32).toString('hex')}`;
    const { code, out, err } = await run(['revoke', text]);
    expect(code).toBe(1);
    expect(out + err).not.toContain(text.slice(20));
  });

  test('says what to do where Redis, the MAC key or its mode is not right', async () => {
    const QUORUM_DATA_DIR = path.join(dir, 'nothing');
    expect(await run(['list'], { REDIS_URL: '', QUORUM_DATA_DIR })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/not running.*\n→ .*npm start/),
    });
    expect(await run(['list'], { QUORUM_SECRETS_DIR: QUORUM_DATA_DIR })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/gateway\/mac\.key cannot be read.*npm run setup/),
    });
    const open = path.join(dir, 'open');
    await ensureSecrets({ dir: open });
    const file = path.join(open, SECRETS.gatewayMacKey);
    await rm(file);
    await writeFile(file, randomBytes(32).toString('hex'), { mode: 0o644 });
    expect(await run(['list'], { QUORUM_SECRETS_DIR: open })).toMatchObject({
      code: 1,
      err: expect.stringContaining(`chmod 600 ${file}`),
    });
  });
});
