/** A voter service's key that is gone is told of where an audit chain needs it, and only there. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AuditRecord } from '@quorum/shared/audit-record';
import { keys } from '@quorum/shared/redis-keys';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { aChain, COURSES, linesOf, type Cast } from '../packages/shared/test/audit.ts';
import { startTestRedis, type TestRedis } from '../test/redis.ts';
import { refuseLostKey } from './lost-key.ts';
import { SECRETS } from './secrets.ts';
import { SettingsError } from './start-settings.ts';

let dir: string;
let server: TestRedis;
let redis: Redis;
let cast: Cast;
let records: AuditRecord[];
beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.url);
  ({ cast, records } = await aChain(COURSES));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-lost-key-'));
  return () => rm(dir, { recursive: true });
});

async function seal(): Promise<void> {
  for (const [at, line] of linesOf(records).entries())
    await redis.xadd(keys.auditChain(cast.voter), `${at + 1}-0`, 'record', line);
}

test('where nothing is sealed, the first one can be made', async () => {
  await refuseLostKey(dir, redis);
});

test('where a chain was sealed with it, no other is made, and both ways out are named', async () => {
  await seal();
  const refused = refuseLostKey(dir, redis);
  await expect(refused).rejects.toThrow(SettingsError);
  await expect(refused).rejects.toThrow(path.join(dir, SECRETS.voterMacKey));
  await expect(refused).rejects.toThrow(cast.voter);
  await expect(refused).rejects.toThrow(/Put it back.*\n.*lost for good: npm run setup.*audit\.md/);
});

test('where it was replaced, and kept as the previous one, the chain goes on', async () => {
  await seal();
  const file = path.join(dir, `${SECRETS.voterMacKey}.previous`);
  await mkdir(path.dirname(file), { mode: 0o700 });
  await writeFile(file, cast.key.toString('hex'), { mode: 0o600 });
  await refuseLostKey(dir, redis);
});
