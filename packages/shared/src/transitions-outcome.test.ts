/** Once a run has an outcome of a proposal, it makes and sends no vote there; what is held there, its hold does. */
import { expect, test } from 'vitest';
import { aHold } from '../test/holds.ts';
import { aProposalId } from '../test/samples.ts';
import { aRunningRun, auditOf, type Case, NOW_MS, useRedis, vote } from '../test/world.ts';
import { createRecords } from './records.ts';
import { keys } from './redis-keys.ts';
import { enableVoting } from './voting.ts';

const { redis } = useRedis();
const record = { outcome: { kind: 'skipped', why: 'preferences' }, settled_at: NOW_MS } as const;

const ways: readonly [string, (one: Case) => Promise<unknown>][] = [
  ['that was settled', (one) => one.transitions.settle({ ...vote(one), record, held: null })],
  ['that failed for good', (one) => createRecords(redis()).settle(one.runId, one.proposal, record)],
  ['that was packed since', (one) => redis().hset(keys.run(one.runId), 'packed', 'all of it')],
];

test.each(ways)('nothing is reserved for a proposal %s, and nothing noted', async (_what, end) => {
  const one = await aRunningRun(redis());
  await end(one);
  expect(await one.transitions.reserve(vote(one))).toBe('settled');
  expect(await redis().exists(keys.ledger(one.voter, one.space, one.proposal))).toBe(0);
  expect(await redis().exists(keys.cap(one.voter, '2026-11-20'))).toBe(0);
  expect(await auditOf(redis(), keys.auditVoter(one.voter))).toEqual([]);
});

test.each(ways)('what is reserved for a proposal %s is not taken up, and not sent', async (_what, end) => {
  const one = await aRunningRun(redis());
  await one.transitions.reserve(vote(one));
  await end(one);
  expect(await one.transitions.reserve(vote(one))).toBe('settled');
  expect(await one.transitions.maySend(vote(one))).toBe('settled');
  expect((await createRecords(redis()).ledger(one.voter, one.space, one.proposal))?.sends).toBe(0);
  const audit = await auditOf(redis(), keys.auditVoter(one.voter));
  expect(audit.map(({ kind }) => kind)).toEqual(['reserved']);
});

test('an outcome of another proposal is in no way', async () => {
  const one = await aRunningRun(redis());
  await one.transitions.settle({ ...vote(one), proposal: aProposalId(), record, held: null });
  expect(await one.transitions.reserve(vote(one))).toBe('reserved');
  expect(await one.transitions.maySend(vote(one))).toBe('yes');
});

test('a hold is not refused by the outcome that it came of', async () => {
  const hold = await aHold(redis(), { why: 'voting_paused' });
  await enableVoting(redis(), hold.owner);
  const asked = vote(hold, { hold: hold.subject.hold_id, nowMs: Date.now() });
  expect(await hold.transitions.reserve(asked)).toBe('reserved');
  expect(await hold.transitions.maySend(vote(hold))).toBe('settled');
  expect(await hold.transitions.maySend(asked)).toBe('yes');
});

test('a hold that waits for its owner after all says so once', async () => {
  const hold = await aHold(redis(), { why: 'voting_paused' });
  for (let times = 0; times < 2; times += 1) {
    expect(await hold.transitions.askAfterAll(hold, 'below_confidence', NOW_MS)).toBe('waiting');
  }
  const audit = await auditOf(redis(), keys.auditOwner(hold.owner));
  expect(audit.map(({ kind }) => kind).filter((kind) => kind === 'hold_waiting')).toHaveLength(1);
});
