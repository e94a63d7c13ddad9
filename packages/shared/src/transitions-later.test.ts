/** What is settled after a run has ended: beside its outcome, and once. */
import { describe, expect, it } from 'vitest';
import { aRunningRun, auditOf, NOW_MS, useRedis, vote } from '../test/world.ts';
import { createRecords, type OutcomeRecord } from './records.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();

const said = (counted?: 'unknown' | 'as_cast' | 'different'): OutcomeRecord => ({
  outcome: { kind: 'cast', ...(counted === undefined ? {} : { counted }) },
  settled_at: NOW_MS,
});

/** A run with a vote that is cast. */
async function aCastVote() {
  const one = await aRunningRun(redis());
  const key = vote(one);
  await one.transitions.reserve(key);
  await one.transitions.confirm(key, { state: 'cast', receipt: null });
  const counted = async () =>
    (await auditOf(redis(), keys.auditVoter(one.voter))).filter(({ kind }) => kind === 'counted');
  const records = createRecords(redis());
  const ledger = () => records.ledger(one.voter, one.space, one.proposal);
  const later = async () => (await records.run(one.runId))?.later.get(one.proposal);
  return { ...one, key, counted, ledger, later };
}

describe('settleLater', () => {
  it('notes beside the outcome what became of the vote; the newest word stands there', async () => {
    const one = await aCastVote();
    expect(await one.transitions.settleLater(one.key, said())).toBe('unknown');
    expect(await one.later()).toEqual(said());
    await one.transitions.settleLater(one.key, said('as_cast'));
    expect(await one.later()).toEqual(said('as_cast'));
  });

  it('keeps in the ledger how a secret vote counted: the first word stands, with one audit record', async () => {
    const one = await aCastVote();
    expect(await one.transitions.settleLater(one.key, said('unknown'))).toBe('unknown');
    expect(await one.counted()).toEqual([]);
    expect(await one.transitions.settleLater(one.key, said('as_cast'))).toBe('as_cast');
    expect(await one.transitions.settleLater(one.key, said('different'))).toBe('as_cast');
    expect(await one.ledger()).toMatchObject({ state: 'cast', counted: 'as_cast' });
    expect(await one.counted()).toEqual([
      {
        kind: 'counted',
        time: String(NOW_MS),
        run: one.runId,
        proposal: one.proposal,
        vote: 'vote-1',
        counted: 'as_cast',
      },
    ]);
  });

  it('says nothing of another vote than the one that the ledger has', async () => {
    const one = await aCastVote();
    expect(await one.transitions.settleLater({ ...one.key, voteId: 'vote-0' }, said('different'))).toBe('unknown');
    expect((await one.ledger())?.counted).toBeUndefined();
    expect(await one.counted()).toEqual([]);
  });

  it('makes no run anew that is kept no more', async () => {
    const one = await aCastVote();
    await redis().del(keys.run(one.runId));
    expect(await one.transitions.settleLater(one.key, said('as_cast'))).toBe('as_cast');
    expect(await redis().exists(keys.run(one.runId))).toBe(0);
  });

  it('is forgotten where the proposal is voted on anew', async () => {
    const one = await aCastVote();
    await one.transitions.settleLater(one.key, said('as_cast'));
    await redis().hset(keys.ledger(one.voter, one.space, one.proposal), { state: 'voided' });
    await one.transitions.reserve(vote(one, { voteId: 'vote-2' }));
    expect((await one.ledger())?.counted).toBeUndefined();
  });
});
