/** What the tests of limits stand on: gateways on one real Redis that is emptied before each test, and keys of owners. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys, type Role } from '@quorum/shared/api-keys';
import { OwnerId } from '@quorum/shared/ids';
import { connectPatient } from '@quorum/shared/redis';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, log, openGateway, postRun, type Answer, type Gateway } from './stand.ts';

/** Long enough that no window ends within a test. */
const LONG = { RATE_LIMIT_WINDOW_S: '3600' };
const MAC_KEY = randomBytes(32);
export const FILE_KEY = randomBytes(32).toString('hex');
export const ADA = OwnerId.parse('ada');
export const BEN = OwnerId.parse('ben');

export function useLimits() {
  let server: TestRedis;
  let redis: Redis;
  let folder: string;
  let files: { readonly API_KEY_FILE: string; readonly GATEWAY_MAC_KEY_FILE: string };
  const open: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectPatient(server.url, log);
    folder = await mkdtemp(join(tmpdir(), 'quorum-limits-'));
    files = { API_KEY_FILE: join(folder, 'api.key'), GATEWAY_MAC_KEY_FILE: join(folder, 'mac.key') };
    await writeFile(files.API_KEY_FILE, FILE_KEY, { mode: 0o600 });
    await writeFile(files.GATEWAY_MAC_KEY_FILE, MAC_KEY.toString('hex'), { mode: 0o600 });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => redis.flushall());
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close();
  });

  return {
    redis: () => redis,
    url: () => server.url,
    folder: () => folder,
    /** Is closed after the test, the last one first. */
    closing: (close: () => Promise<void>): void => void open.push(close),
    async gateway(env: Record<string, string>, url = server.url): Promise<Gateway> {
      const opened = await openGateway(url, { ...files, ...LONG, ...env });
      open.push(() => opened.stop());
      return opened;
    },
    async keyOf(owner: OwnerId, role: Role = 'user'): Promise<Record<string, string>> {
      const { text } = await createApiKeys(redis, MAC_KEY).create({ owner, role, name: '', nowMs: Date.now() });
      return { authorization: `Bearer ${text}` };
    },
  };
}

export const read = ({ url }: Gateway, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(`${url}/holds`, { headers });
export const start = (at: Gateway, headers: Record<string, string> = {}): Promise<Answer> =>
  postRun(at, { space_id: 'limits.eth' }, headers);

/** How many of so many requests at once were answered with each status. */
export async function count(requests: readonly (() => Promise<Answer>)[]): Promise<Record<string, number>> {
  const answers = await Promise.all(requests.map((request) => request()));
  const byStatus = Map.groupBy(answers, ({ status }) => String(status));
  return Object.fromEntries([...byStatus].map(([status, all]) => [status, all.length]));
}
export const times = <T>(n: number, one: T): T[] => Array.from({ length: n }, () => one);
