/** The kill switch over HTTP: who may switch what, and what resuming offers. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys, type Role } from '@quorum/shared/api-keys';
import { OwnerId } from '@quorum/shared/ids';
import { connectPatient } from '@quorum/shared/redis';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { aHold, anAnswerTo, MINUTE_MS, type HoldCase } from '../../../../packages/shared/test/holds.ts';
import { aProposalId } from '../../../../packages/shared/test/samples.ts';
import { auditOf, vote } from '../../../../packages/shared/test/world.ts';
import { sealAnswer } from '@quorum/shared/sealed-answer';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, log, openGateway, type Answer, type Gateway } from '../../test/stand.ts';

const [ALICE, BOB, ROOT] = ['alice', 'bob', 'root'].map((name) => OwnerId.parse(name));
if (ALICE === undefined || BOB === undefined || ROOT === undefined) throw new Error('three owners');

let server: TestRedis;
let redis: Redis;
let folder: string;
let gateway: Gateway;
let texts: Record<'alice' | 'bob' | 'root', string>;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  folder = await mkdtemp(join(tmpdir(), 'quorum-voting-'));
  const GATEWAY_MAC_KEY_FILE = join(folder, 'mac.key');
  const macKey = randomBytes(32);
  await writeFile(GATEWAY_MAC_KEY_FILE, macKey.toString('hex'), { mode: 0o600 });
  gateway = await openGateway(server.url, { GATEWAY_MAC_KEY_FILE, ALLOW_ANONYMOUS: '0' });
  const apiKeys = createApiKeys(redis, macKey);
  const make = async (owner: OwnerId, role: Role): Promise<string> =>
    (await apiKeys.create({ owner, role, name: '', nowMs: Date.now() })).text;
  texts = { alice: await make(ALICE, 'user'), bob: await make(BOB, 'user'), root: await make(ROOT, 'admin') };
});
afterAll(async () => {
  await gateway.stop();
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true });
});
beforeEach(async () => void (await redis.del(keys.votingGlobal(), ...[ALICE, BOB, ROOT].map(keys.votingOwner))));

function turn(who: keyof typeof texts, way: 'pause' | 'resume', scope?: string): Promise<Answer> {
  return ask(`${gateway.url}/voting/${way}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${texts[who]}` },
    body: JSON.stringify(scope === undefined ? {} : { scope }),
  });
}
const state = async (who: keyof typeof texts): Promise<unknown> =>
  (await ask(`${gateway.url}/voting`, { headers: { authorization: `Bearer ${texts[who]}` } })).json;
const isOffered = async ({ subject }: HoldCase): Promise<boolean> =>
  (await redis.exists(`${BULL_PREFIX}:vote:cast-hold-${subject.hold_id}`)) === 1;

test('voting is paused until an admin resumes it for all, and each owner for themselves', async () => {
  expect(await state('alice')).toEqual({ votes: false, owner: false, all: false });
  expect((await turn('alice', 'resume')).json).toEqual({ votes: false, owner: true, all: false });
  expect((await turn('root', 'resume', 'all')).status).toBe(200);
  expect(await state('alice')).toEqual({ votes: true, owner: true, all: true });
  expect(await state('bob')).toEqual({ votes: false, owner: false, all: true });
  expect((await turn('bob', 'resume', 'owner')).json).toEqual({ votes: true, owner: true, all: true });
});

test('an owner pauses their own votes, an admin those of all; nobody those of another owner', async () => {
  await turn('root', 'resume', 'all');
  await turn('alice', 'resume');
  await turn('bob', 'resume');
  await turn('bob', 'pause');
  expect(await state('alice')).toMatchObject({ votes: true });
  expect(await state('bob')).toMatchObject({ votes: false });
  const tried = await turn('alice', 'pause', 'all');
  expect([tried.status, tried.json]).toMatchObject([403, { type: '/problems/role-too-low' }]);
  expect(await state('alice')).toMatchObject({ votes: true });
  await turn('root', 'pause');
  expect(await state('alice')).toMatchObject({ votes: true });
  await turn('root', 'pause', 'all');
  expect(await state('alice')).toEqual({ votes: false, owner: true, all: false });
});

const RUNBOOKS = globSync(join(import.meta.dirname, '../../../../docs/operations/runbooks/*.md'));
const PAUSING = RUNBOOKS.filter((file) => readFileSync(file, 'utf8').includes('/voting/pause'));

test('some runbooks pause', () => expect(PAUSING.length).toBeGreaterThan(2));

test.each(PAUSING)('what %s says to type pauses the votes of all', async (file) => {
  const blocks = [...readFileSync(file, 'utf8').matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block ?? '');
  const typed = blocks.filter((block) => block.includes('/voting/pause'));
  expect(typed).toHaveLength(1);
  await mkdir(join(folder, '.data/secrets/gateway'), { recursive: true });
  await writeFile(join(folder, '.data/secrets/gateway/api.key'), `${texts.root}\n`);
  await turn('root', 'resume', 'all');
  await turn('alice', 'resume');

  const script = typed.join('').replaceAll('http://127.0.0.1:3000', gateway.url);
  const [code] = await once(spawn('sh', ['-euc', script], { cwd: folder, stdio: 'ignore' }), 'close');
  expect(code).toBe(0);
  expect(await state('alice')).toEqual({ votes: false, owner: true, all: false });
});

test('each switch is in the audit of whoever made it, with the key by which', async () => {
  await turn('root', 'pause', 'all');
  const [id] = /(?<=qk_)[0-9a-f]{16}/.exec(texts.root) ?? [];
  expect((await auditOf(redis, keys.auditOwner(ROOT))).at(-1)).toMatchObject({
    kind: 'voting_paused',
    scope: 'all',
    by: id,
  });
});

test('the next question of a voter is answered by it: nothing more is reserved or sent', async () => {
  await turn('root', 'resume', 'all');
  await turn('alice', 'resume');
  const [one, other] = [await aHold(redis, { owner: ALICE }), await aHold(redis, { owner: ALICE })];
  // On proposals that they have no outcome of.
  const [ours, others] = [vote(one, { proposal: aProposalId() }), vote(other, { proposal: aProposalId() })];
  expect(await one.transitions.reserve(ours)).toBe('reserved');
  await turn('alice', 'pause');
  expect(await one.transitions.maySend(ours)).toBe('voting_paused');
  expect(await other.transitions.reserve(others)).toBe('voting_paused');
});

test('resuming offers what was held for the pause and what was approved, and asks for the rest as before', async () => {
  const paused = await aHold(redis, { owner: ALICE, why: 'voting_paused' });
  const approved = await aHold(redis, { owner: ALICE });
  const sealed = sealAnswer(anAnswerTo(approved.subject), randomBytes(32));
  await approved.transitions.answerHold(approved, { kind: 'answer', sealed }, Date.now());
  const waiting = await aHold(redis, { owner: ALICE });
  const late = await aHold(redis, { owner: ALICE, why: 'voting_paused', nowMs: Date.now() - 61 * MINUTE_MS });
  const bobs = await aHold(redis, { owner: BOB, why: 'voting_paused' });
  const all = [paused, approved, waiting, late, bobs];
  await turn('alice', 'resume');
  expect(await Promise.all(all.map(isOffered))).toEqual([false, false, false, false, false]);
  await turn('root', 'resume', 'all');
  expect(await Promise.all(all.map(isOffered))).toEqual([true, true, false, false, false]);
  await turn('bob', 'resume');
  expect(await isOffered(bobs)).toBe(true);
});
