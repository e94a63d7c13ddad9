import { describe, expect, it } from 'vitest';
import { aHash, anAddress, aReceipt, aResponse } from '../test/samples.ts';
import { accept, aCase, aRunningRun, auditOf, NOW_MS, useRedis, vote } from '../test/world.ts';
import { newRunId } from './ids.ts';
import { createRecords } from './records.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const SIGNED = { address: anAddress(), sig: '0x01' };

describe('reserve', () => {
  const ledger = (one: ReturnType<typeof aCase>) => createRecords(redis()).ledger(one.voter, one.space, one.proposal);

  it('stores the intent, with its audit record', async () => {
    const one = await aRunningRun(redis());
    const evidenceHash = aHash();
    expect(await one.transitions.reserve(vote(one, { evidenceHash }))).toBe('reserved');
    expect(await ledger(one)).toEqual({
      state: 'reserved',
      run_id: one.runId,
      vote_id: 'vote-1',
      intent: '{"envelope":"sealed"}',
      created: NOW_MS / 1_000,
      reserved_at: NOW_MS,
      sends: 0,
      preferences_version: 'version-1',
    });
    expect(await auditOf(redis(), keys.auditVoter(one.voter))).toEqual([
      {
        kind: 'reserved',
        time: String(NOW_MS),
        run: one.runId,
        proposal: one.proposal,
        vote: 'vote-1',
        evidence: evidenceHash,
        intent: '{"envelope":"sealed"}',
      },
    ]);
  });

  it('reserves one of fifty that come at once; the others adopt it', async () => {
    const one = await aRunningRun(redis());
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, at) => one.transitions.reserve(vote(one, { voteId: `vote-${at}` }))),
    );
    expect(all.filter((answer) => answer === 'reserved')).toHaveLength(1);
    expect(all.filter((answer) => answer === 'adopted')).toHaveLength(49);
    expect((await ledger(one))?.vote_id).toBe(`vote-${all.indexOf('reserved')}`);
    expect(await auditOf(redis(), keys.auditVoter(one.voter))).toHaveLength(1);
  });

  it('adopts what is reserved or cast, even where a new vote would be refused', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    await one.transitions.cancel(one, NOW_MS);
    await redis().del(keys.votingOwner(one.owner));
    expect(await one.transitions.reserve(vote(one, { voteId: 'vote-2' }))).toBe('adopted');
    await one.transitions.confirm(vote(one), { state: 'cast', receipt: null });
    expect(await one.transitions.reserve(vote(one, { voteId: 'vote-2' }))).toBe('adopted');
    expect((await ledger(one))?.vote_id).toBe('vote-1');
  });

  it('remembers that a voided vote was sent, until one that is dated after it is cast', async () => {
    const one = await aRunningRun(redis());
    const [first, second, third] = ['first', 'second', 'third'].map((voteId) => vote(one, { voteId }));
    if (first === undefined || second === undefined || third === undefined) throw new Error('three votes');
    await one.transitions.reserve(first);
    await one.transitions.maySend(first);
    await one.transitions.confirm(first, { state: 'voided', why: 'maintenance' });
    expect((await ledger(one))?.sent_before).toBeUndefined();
    await one.transitions.reserve(second);
    expect(await ledger(one)).toMatchObject({ vote_id: 'second', sends: 0, sent_before: true });
    await one.transitions.confirm(second, { state: 'voided', why: 'it was never sent', onlyUnsent: true });
    await one.transitions.reserve(third);
    expect(await ledger(one)).toMatchObject({ vote_id: 'third', sends: 0, sent_before: true });
    await one.transitions.confirm(third, { state: 'cast', receipt: null });
    expect((await ledger(one))?.sent_before).toBeUndefined();
  });

  it('is refused in a run that was cancelled', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.cancel(one, NOW_MS);
    expect(await one.transitions.reserve(vote(one))).toBe('cancelled');
    expect(await ledger(one)).toBeNull();
  });

  it('is refused in a run that has not started, has ended or was never accepted', async () => {
    const queued = aCase(redis());
    await accept(queued);
    expect(await queued.transitions.reserve(vote(queued))).toBe('cancelled');
    const ended = await aRunningRun(redis());
    await ended.transitions.finish({ owner: ended.owner, dryRun: false }, aResponse(ended.runId), NOW_MS);
    expect(await ended.transitions.reserve(vote(ended))).toBe('cancelled');
    const unknown = { ...ended, runId: newRunId() };
    expect(await unknown.transitions.reserve(vote(unknown))).toBe('cancelled');
  });

  it("is refused while the owner's switch is not on", async () => {
    const one = await aRunningRun(redis());
    await redis().del(keys.votingOwner(one.owner));
    expect(await one.transitions.reserve(vote(one))).toBe('voting_paused');
    await redis().set(keys.votingOwner(one.owner), 'paused');
    expect(await one.transitions.reserve(vote(one))).toBe('voting_paused');
    expect(await ledger(one)).toBeNull();
    expect(await auditOf(redis(), keys.auditVoter(one.voter))).toEqual([]);
  });

  it('is refused above the votes of a day, and allowed on the next', async () => {
    const one = await aRunningRun(redis());
    const votes = Array.from({ length: 3 }, () => ({ ...one, proposal: aCase(redis()).proposal }));
    const answers = [];
    for (const other of votes) answers.push(await one.transitions.reserve(vote(other, { votesPerDay: 2 })));
    expect(answers).toEqual(['reserved', 'reserved', 'vote_cap']);
    const last = votes.at(-1) ?? one;
    const tomorrow = vote(last, { votesPerDay: 2, nowMs: NOW_MS + 24 * 60 * 60 * 1_000 });
    expect(await one.transitions.reserve(tomorrow)).toBe('reserved');
  });

  it('counts only what it reserved', async () => {
    const one = await aRunningRun(redis());
    for (let times = 0; times < 5; times += 1) await one.transitions.reserve(vote(one));
    expect(await redis().get(keys.cap(one.voter, '2026-11-20'))).toBe('1');
    expect(await redis().ttl(keys.cap(one.voter, '2026-11-20'))).toBeGreaterThan(0);
  });

  it('takes a new intent where the old one was voided, and keeps nothing of the old', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    await one.transitions.maySend(vote(one));
    await one.transitions.confirm(vote(one), { state: 'voided', why: 'superseded by a newer decision' });
    expect((await ledger(one))?.why).toBe('superseded by a newer decision');
    expect(await one.transitions.reserve(vote(one, { voteId: 'vote-2', created: 7 }))).toBe('reserved');
    const entry = await ledger(one);
    expect(entry).toMatchObject({ state: 'reserved', vote_id: 'vote-2', created: 7, sends: 0 });
    expect(entry).not.toHaveProperty('why');
    expect(await redis().hexists(keys.ledger(one.voter, one.space, one.proposal), 'settled_at')).toBe(0);
  });
});

describe('maySend', () => {
  it('says yes to the intent that is reserved, every time it is asked, and records each', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    expect(await one.transitions.maySend(vote(one, { nowMs: NOW_MS + 1 }))).toBe('yes');
    expect(await one.transitions.maySend(vote(one, { nowMs: NOW_MS + 2 }))).toBe('yes');
    const audit = await auditOf(redis(), keys.auditVoter(one.voter));
    expect(audit.map(({ kind, time }) => [kind, time])).toEqual([
      ['reserved', String(NOW_MS)],
      ['sending', String(NOW_MS + 1)],
      ['sending', String(NOW_MS + 2)],
    ]);
    expect(audit[1]).toMatchObject({ run: one.runId, proposal: one.proposal, vote: 'vote-1' });
    expect((await createRecords(redis()).ledger(one.voter, one.space, one.proposal))?.sends).toBe(2);
  });

  it('keeps when it was first sent, until it is settled', async () => {
    const one = await aRunningRun(redis());
    const sentAt = async () => (await createRecords(redis()).ledger(one.voter, one.space, one.proposal))?.sent_at;
    await one.transitions.reserve(vote(one));
    expect(await sentAt()).toBeUndefined();
    await one.transitions.maySend(vote(one, { nowMs: NOW_MS + 1 }));
    await one.transitions.maySend(vote(one, { nowMs: NOW_MS + 2 }));
    expect(await sentAt()).toBe(NOW_MS + 1);
    await one.transitions.confirm(vote(one), { state: 'voided', why: 'given up' });
    await one.transitions.reserve(vote(one, { voteId: 'vote-2' }));
    expect(await sentAt()).toBeUndefined();
  });

  it('says settled to any other intent, to one that is settled, and where there is none', async () => {
    const one = await aRunningRun(redis());
    expect(await one.transitions.maySend(vote(one))).toBe('settled');
    await one.transitions.reserve(vote(one));
    expect(await one.transitions.maySend(vote(one, { voteId: 'vote-2' }))).toBe('settled');
    await one.transitions.confirm(vote(one), { state: 'cast', receipt: null });
    expect(await one.transitions.maySend(vote(one))).toBe('settled');
  });

  it('says paused at once after the switch is off, and records no sending', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    await redis().del(keys.votingOwner(one.owner));
    expect(await one.transitions.maySend(vote(one))).toBe('voting_paused');
    expect(await auditOf(redis(), keys.auditVoter(one.voter))).toHaveLength(1);
  });
});

describe('confirm', () => {
  it('settles a cast vote with its receipt', async () => {
    const one = await aRunningRun(redis());
    const receipt = aReceipt();
    await one.transitions.reserve(vote(one));
    expect(await one.transitions.confirm(vote(one), { state: 'cast', receipt })).toBe('cast');
    const entry = await createRecords(redis()).ledger(one.voter, one.space, one.proposal);
    expect(entry).toMatchObject({ state: 'cast', receipt });
    const audit = await auditOf(redis(), keys.auditVoter(one.voter));
    expect(audit.at(-1)).toEqual({
      kind: 'cast',
      time: String(NOW_MS),
      run: one.runId,
      proposal: one.proposal,
      vote: 'vote-1',
      receipt: JSON.stringify(receipt),
    });
  });

  it('keeps the receipt that was noted before the vote was read back', async () => {
    const one = await aRunningRun(redis());
    const records = createRecords(redis());
    const receipt = aReceipt();
    await one.transitions.reserve(vote(one));
    expect(await one.transitions.keepReceipt(vote(one), receipt, SIGNED)).toBe(true);
    expect(await records.ledger(one.voter, one.space, one.proposal)).toMatchObject({ state: 'reserved', receipt });
    await one.transitions.confirm(vote(one), { state: 'cast', receipt: null });
    expect(await records.ledger(one.voter, one.space, one.proposal)).toMatchObject({ state: 'cast', receipt });
  });

  it('keeps no receipt of a vote that it does not wait for', async () => {
    const one = await aRunningRun(redis());
    const ledger = () => createRecords(redis()).ledger(one.voter, one.space, one.proposal);
    expect(await one.transitions.keepReceipt(vote(one), aReceipt(), SIGNED)).toBe(false);
    expect(await ledger()).toBeNull();
    await one.transitions.reserve(vote(one));
    expect(await one.transitions.keepReceipt({ ...vote(one), voteId: 'another' }, aReceipt(), SIGNED)).toBe(false);
    expect(await ledger()).not.toHaveProperty('receipt');
  });

  it('settles a vote that was read back without a receipt', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    expect(await one.transitions.confirm(vote(one), { state: 'cast', receipt: null })).toBe('cast');
    const entry = await createRecords(redis()).ledger(one.voter, one.space, one.proposal);
    expect(entry).not.toHaveProperty('receipt');
  });

  it.for([
    ['cast', 'voided'],
    ['voided', 'cast'],
  ] as const)('lets the first word stand: %s, then %s', async ([first, second]) => {
    const words = {
      cast: { state: 'cast', receipt: null },
      voided: { state: 'voided', why: 'refused' },
    } as const;
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    expect(await one.transitions.confirm(vote(one), words[first])).toBe(first);
    expect(await one.transitions.confirm(vote(one), words[second])).toBe(first);
    expect(await auditOf(redis(), keys.auditVoter(one.voter))).toHaveLength(2);
    expect((await createRecords(redis()).ledger(one.voter, one.space, one.proposal))?.state).toBe(first);
  });

  it.for([
    ['voids what was never sent', false, 'voided'],
    ['leaves what was sent meanwhile', true, 'reserved'],
  ] as const)('%s, where asked to void it only unsent', async ([, isSent, stands]) => {
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    if (isSent) await one.transitions.maySend(vote(one));
    const word = { state: 'voided', why: 'it was never sent', onlyUnsent: true } as const;
    expect(await one.transitions.confirm(vote(one), word)).toBe(stands);
    expect((await createRecords(redis()).ledger(one.voter, one.space, one.proposal))?.state).toBe(stands);
    expect((await auditOf(redis(), keys.auditVoter(one.voter))).map(({ kind }) => kind).at(-1)).toBe(
      isSent ? 'sending' : 'voided',
    );
  });

  it('says superseded of an intent that the ledger no longer holds, and changes nothing', async () => {
    const one = await aRunningRun(redis());
    expect(await one.transitions.confirm(vote(one), { state: 'cast', receipt: null })).toBe('superseded');
    await one.transitions.reserve(vote(one));
    await one.transitions.confirm(vote(one), { state: 'voided', why: 'old' });
    await one.transitions.reserve(vote(one, { voteId: 'vote-2' }));
    expect(await one.transitions.confirm(vote(one), { state: 'cast', receipt: aReceipt() })).toBe('superseded');
    expect(await createRecords(redis()).ledger(one.voter, one.space, one.proposal)).toMatchObject({
      state: 'reserved',
      vote_id: 'vote-2',
    });
  });
});
