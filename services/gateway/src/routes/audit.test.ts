/** `GET /audit`: the chain as it is in Redis, for whom it concerns. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys, type Role } from '@quorum/shared/api-keys';
import { lineOf, type AuditRecord } from '@quorum/shared/audit-record';
import { verifyAudit } from '@quorum/shared/audit-verify';
import { OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { connectPatient } from '@quorum/shared/redis';
import type { Address } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aChain, chainOf, COURSES } from '../../../../packages/shared/test/audit.ts';
import { anAddress } from '../../../../packages/shared/test/samples.ts';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, log, openGateway, openLine, type Answer, type Gateway } from '../../test/stand.ts';

const MAC_KEY = randomBytes(32);
const ANNA = OwnerId.parse('anna');
const BERT = OwnerId.parse('bert');
const CARL = OwnerId.parse('carl');

let server: TestRedis;
let redis: Redis;
let folder: string;
let gateway: Gateway;
let files: Record<string, string>;
let annas: AuditRecord[];

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  folder = await mkdtemp(join(tmpdir(), 'quorum-audit-'));
  const file = join(folder, 'mac.key');
  await writeFile(file, MAC_KEY.toString('hex'), { mode: 0o600 });
  files = { GATEWAY_MAC_KEY_FILE: file, ALLOW_ANONYMOUS: '0' };
  gateway = await openGateway(server.url, files);
  annas = (await aChain(COURSES)).records;
  await store(ANNA, annas);
  await announce(BERT, anAddress());
});
afterAll(async () => {
  await gateway.stop();
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true });
});

const announce = (owner: OwnerId, voter: Address): Promise<void> =>
  createRecords(redis).announceSigner(owner, { voter, kind: 'own_key', allowed_spaces: [] });

async function store(owner: OwnerId, records: readonly AuditRecord[]): Promise<void> {
  const [first] = records;
  if (first === undefined) throw new Error('a chain has records');
  await announce(owner, first.voter);
  for (const record of records) {
    await redis.xadd(keys.auditChain(first.voter), `${record.seq}-0`, 'record', lineOf(record));
  }
}

async function read(owner: OwnerId, role: Role, query = '', from = gateway): Promise<Answer> {
  const { text } = await createApiKeys(redis, MAC_KEY).create({ owner, role, name: '', nowMs: Date.now() });
  return ask(`${from.url}/audit${query}`, { headers: { authorization: `Bearer ${text}` } });
}

const linesOf = ({ text }: Answer): string[] => text.split('\n').slice(0, -1);

test('an owner, a viewer too, has their chain, which verifies as it came', async () => {
  const answer = await read(ANNA, 'viewer');
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/x-ndjson' } });
  expect(linesOf(answer)).toEqual(annas.map(lineOf));
  const { faults } = verifyAudit(linesOf(answer), { heads: [annas.at(-1)?.hash ?? ''], votes: [], keys: [] });
  expect(faults).toEqual([]);
});

test('what came before may be left out', async () => {
  expect(linesOf(await read(ANNA, 'user', '?after=3'))).toEqual(annas.slice(3).map(lineOf));
  expect(await read(ANNA, 'user', `?after=${annas.length}`)).toMatchObject({ status: 200, text: '' });
});

test.for(['-1', '1.5', 'x', '1&after=2'])('after %s is a 400', async (after) => {
  expect(await read(ANNA, 'user', `?after=${after}`)).toMatchObject({ status: 400 });
});

test('a voter of whom nothing was told has an empty chain', async () => {
  expect(await read(BERT, 'viewer')).toMatchObject({ status: 200, text: '' });
});

test('an owner without a signer has an empty one, and an admin who asks for theirs is told that there is none', async () => {
  expect(await read(CARL, 'user')).toMatchObject({ status: 200, text: '' });
  expect(await read(ANNA, 'admin', '?owner=carl')).toMatchObject({ status: 404 });
});

test('an admin reads that of any owner; for others a foreign one is none', async () => {
  expect(linesOf(await read(CARL, 'admin', '?owner=anna'))).toEqual(annas.map(lineOf));
  expect(await read(BERT, 'user', '?owner=anna')).toMatchObject({
    status: 404,
    json: { detail: 'There is no such audit chain.' },
  });
  expect(linesOf(await read(ANNA, 'viewer', '?owner=anna'))).toHaveLength(annas.length);
  expect(await read(CARL, 'admin', '?owner=No')).toMatchObject({ status: 400 });
});

test('the chain of a voter that votes for another owner too is for admins alone, and stays so once it does no more', async () => {
  const [ada, bo] = [OwnerId.parse('ada'), OwnerId.parse('bo')];
  const { records } = await aChain(COURSES);
  await store(ada, records);
  expect(linesOf(await read(ada, 'viewer'))).toHaveLength(records.length);
  const [first] = records;
  await announce(bo, first?.voter ?? anAddress());
  const askers = [
    [ada, 'viewer'],
    [ada, 'user'],
    [bo, 'viewer'],
  ] as const;
  for (const [owner, role] of askers) {
    expect(await read(owner, role)).toMatchObject({ status: 403, json: { type: '/problems/role-too-low' } });
  }
  expect(linesOf(await read(ada, 'admin'))).toEqual(records.map(lineOf));
  expect(linesOf(await read(CARL, 'admin', '?owner=bo'))).toEqual(records.map(lineOf));
  // The voter moves on: what it did for ada is in the chain still, and what it does for bo will be.
  await announce(ada, anAddress());
  expect(await read(bo, 'viewer')).toMatchObject({ status: 403 });
  expect(await read(ada, 'viewer')).toMatchObject({ status: 200, text: '' });
  await announce(ada, first?.voter ?? anAddress());
  await createRecords(redis).withdrawSigners(new Set([ada, ANNA, BERT]));
  expect(await read(ada, 'viewer')).toMatchObject({ status: 403 });
});

test('a long one comes whole', async () => {
  const { cast } = await aChain([['reserved']]);
  const records = chainOf(
    Array.from({ length: 1_001 }, (_, at) => ({ kind: 'refused', entry: { at: String(at) }, why: 'a test' }) as const),
    cast,
  );
  const owner = OwnerId.parse('dora');
  await store(owner, records);
  expect(linesOf(await read(owner, 'viewer'))).toEqual(records.map(lineOf));
  // As somebody would who can write to Redis: what is left comes once, and the gap is in it.
  await redis.xdel(keys.auditChain(cast.voter), ...Array.from({ length: 300 }, (_, at) => `${at + 100}-0`));
  const left = records.filter(({ seq }) => seq < 100 || seq >= 400).map(lineOf);
  expect(linesOf(await read(owner, 'viewer'))).toEqual(left);
});

test('a Redis that is away is a 503 before the first line', async () => {
  const line = await openLine(server.url);
  const behind = await openGateway(line.url, { ...files, ENQUEUE_TIMEOUT_MS: '800' });
  try {
    expect(await read(ANNA, 'viewer', '', behind)).toMatchObject({ status: 200 });
    line.freeze(true);
    expect(await read(ANNA, 'viewer', '', behind)).toMatchObject({ status: 503 });
  } finally {
    await behind.stop();
    await line.close();
  }
});

test('another method is a 405', async () => {
  const answer = await ask(`${gateway.url}/audit`, {
    method: 'DELETE',
    headers: { 'content-type': 'application/json' },
  });
  expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
});
