/** `npm run keys -- end-chain`, as an operator runs it: only a chain that cannot be gone on with is ended, and nothing of it is lost. */
import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AuditRecord } from '@quorum/shared/audit-record';
import { keys } from '@quorum/shared/redis-keys';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { aChain, COURSES, linesOf, type Cast } from '../packages/shared/test/audit.ts';
import { aHash } from '../packages/shared/test/samples.ts';
import { startTestRedis, type TestRedis } from '../test/redis.ts';
import { ensureSecrets, SECRETS } from './secrets.ts';

const SCRIPT = path.join(import.meta.dirname, 'keys.ts');

let dir: string;
let keyFile: string;
let server: TestRedis;
let redis: Redis;
let cast: Cast;
let records: AuditRecord[];
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-end-chain-'));
  keyFile = path.join(dir, SECRETS.voterMacKey);
  await ensureSecrets({ dir });
  server = await startTestRedis();
  redis = new Redis(server.url);
  ({ cast, records } = await aChain(COURSES));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  await redis.flushall();
  await rm(`${keyFile}.previous`, { force: true });
  await writeFile(keyFile, cast.key.toString('hex'), { mode: 0o600 });
  for (const [at, line] of linesOf(records).entries())
    await redis.xadd(keys.auditChain(cast.voter), `${at + 1}-0`, 'record', line);
});

function end(voter: string): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: process.env['PATH'], QUORUM_ENV_FILE: '', QUORUM_SECRETS_DIR: dir, REDIS_URL: server.url };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, 'end-chain', '--voter', voter], { env }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

const left = (): Promise<number> => redis.xlen(keys.auditChain(cast.voter));

test('one that was sealed with the key that is here, or the one before it, is left as it is', async () => {
  expect(await end(cast.voter)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('goes on') });
  await rename(keyFile, `${keyFile}.previous`);
  await writeFile(keyFile, aHash(), { mode: 0o600 });
  expect(await end(cast.voter)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('goes on') });
  expect(await left()).toBe(records.length);
});

test('one whose key was lost is printed whole and ended', async () => {
  await writeFile(keyFile, aHash(), { mode: 0o600 });
  const { code, out, err } = await end(cast.voter);
  expect([code, out]).toEqual([
    0,
    linesOf(records)
      .map((line) => `${line}\n`)
      .join(''),
  ]);
  expect(err).toContain(`with ${records.length} records`);
  expect(await left()).toBe(0);
  expect(await end(cast.voter)).toMatchObject({ code: 1, err: expect.stringContaining('has no audit chain') });
});

test('no address is told so', async () => {
  expect(await end('anna')).toMatchObject({
    code: 1,
    err: expect.stringContaining('--voter must be an Ethereum address'),
  });
});
