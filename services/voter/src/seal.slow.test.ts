/**
 * Sealers that die, really: two processes that seal one chain at once, killed with -9 at random moments again and again while votes
 * go on, and Redis killed under them. Each entry is sealed once, and the chain verifies.
 */
import { fileURLToPath } from 'node:url';
import { devNull } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { createAuditChain } from '@quorum/shared/audit-chain';
import { keys } from '@quorum/shared/redis-keys';
import { connectPatient } from '@quorum/shared/redis';
import { createRecords } from '@quorum/shared/records';
import { createTransitions } from '@quorum/shared/transitions';
import { buildVote } from '@quorum/snapshot/envelope';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aHash, ballotFor, quiet } from '../../../packages/shared/test/samples.ts';
import { aRunningRun, type Case } from '../../../packages/shared/test/world.ts';
import { aProposal } from '../../../packages/snapshot/test/samples.ts';
import { startChild, type Child } from '../../../scripts/child.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { recordsOf, verdictOn } from '../test/audit.ts';
import { until } from '../test/stand.ts';
import { Intent, intentVoteId, sealIntent, voteMetadata } from './intent.ts';

const KEY = Buffer.from(aHash(), 'hex');
const ROUNDS = 16;
/** Each round starts a process, which takes seconds on a busy machine. */
const TIMEOUT_MS = 240_000;
const SEALER = fileURLToPath(new URL('../test/sealing-process.ts', import.meta.url));

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis({ appendonly: true });
  redis = connectPatient(server.url, quiet);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** One more vote on the proposal of this case, as the voter service would reserve it. */
async function anotherVote({ owner, voter, space, proposal: id, runId }: Case) {
  const proposal = aProposal({ id, space });
  const [nowMs, evidence] = [Date.now(), aHash()];
  const { hash: auditHead } = await createAuditChain(redis).head(voter, [KEY]);
  const mark = { voter, space, proposal: id, evidence, auditHead, castAtMs: nowMs };
  const { message } = buildVote({
    voter,
    space,
    proposal,
    ballot: ballotFor(1),
    reason: '',
    app: 'quorum',
    metadata: voteMetadata(mark, KEY),
    timestamp: Math.floor(nowMs / 1_000),
  });
  const intent = Intent.parse({ message, ballot: ballotFor(1), inputs_hash: aHash() });
  return {
    owner,
    voter,
    space,
    proposal: id,
    runId,
    nowMs,
    evidenceHash: evidence,
    preferencesVersion: aHash(),
    replaces: null,
    votesPerDay: 1_000_000,
    voteId: intentVoteId(intent, proposal),
    intent: sealIntent(intent, KEY),
    created: message.timestamp,
  };
}

async function startSealer({ voter }: Case): Promise<Child> {
  const child = startChild({
    name: 'sealer',
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    args: [SEALER, server.url, voter, KEY.toString('hex')],
    env: process.env,
    logFile: devNull,
    onLine: () => undefined,
  });
  await child.ready;
  return child;
}

test('each entry is sealed once, whoever is killed when', { timeout: TIMEOUT_MS }, async () => {
  const one = await aRunningRun(redis);
  const [transitions, records] = [createTransitions(redis, KEY), createRecords(redis)];
  const told: string[] = [];
  const stop = new AbortController();

  /** Votes that are reserved and voided, one after another: entries that are told of while sealers seal. */
  async function writeOn(): Promise<void> {
    while (!stop.signal.aborted) {
      const vote = await anotherVote(one);
      // What a Redis that was killed did not answer is asked again, and may be adopted then: told of all the same.
      const reserved = await transitions.reserve(vote);
      const standing = (await records.ledger(one.voter, one.space, one.proposal))?.vote_id ?? '';
      if (reserved === 'reserved') told.push(`reserved ${standing}`);
      await transitions.confirm({ ...vote, voteId: standing }, { state: 'voided', why: 'a test' });
      told.push(`voided ${standing}`);
    }
  }

  const writing = writeOn();
  let sealers = await Promise.all([startSealer(one), startSealer(one)]);
  for (let round = 0; round < ROUNDS; round += 1) {
    await pause(Math.random() * 120);
    const [first, second] = sealers;
    if (first === undefined || second === undefined) throw new Error('two sealers');
    if (round === ROUNDS / 2) await server.restart();
    first.kill();
    await first.ended;
    sealers = [second, await startSealer(one)];
  }
  stop.abort();
  await writing;
  await until('the rest to be sealed', async () => (await redis.xlen(keys.auditVoter(one.voter))) === 0);
  for (const sealer of sealers) {
    sealer.kill();
    await sealer.ended;
  }

  const chain = await recordsOf(redis, one.voter);
  const sealed = chain.map((record) => ('vote' in record ? `${record.kind} ${record.vote}` : 'refused'));
  expect(told.length).toBeGreaterThan(200);
  expect(new Set(chain.map(({ source }) => source)).size, 'no entry twice').toBe(chain.length);
  expect(sealed.filter((what) => told.includes(what))).toEqual(told);
  expect((await verdictOn(redis, one.voter, { keys: [KEY] })).faults).toEqual([]);
});
