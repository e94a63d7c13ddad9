/** Holds as transitions see them: made with the outcome, answered once, ended once. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aHold, anAnswerTo, aSubject, MINUTE_MS, type HoldCase } from '../test/holds.ts';
import { aProposalId, aReceipt, aResponse } from '../test/samples.ts';
import { aCase, aRunningRun, auditOf, accept, useRedis, vote } from '../test/world.ts';
import { isOpen, type HoldEnd } from './hold.ts';
import { newRunId } from './ids.ts';
import { createRecords, OutcomeRecord } from './records.ts';
import { keys, RETENTION_S } from './redis-keys.ts';
import { sealAnswer } from './sealed-answer.ts';
import { enableVoting } from './voting.ts';

const { redis } = useRedis();
const KEY = randomBytes(32);

type Word = 'approve' | 'reject';
function say(hold: HoldCase, word: Word, nowMs = Date.now()) {
  const answer = anAnswerTo(hold.subject, { answer: word, answered_at: nowMs });
  return hold.transitions.answerHold(hold, { kind: 'answer', sealed: sealAnswer(answer, KEY) }, nowMs);
}
const expire = (hold: HoldCase, nowMs = hold.subject.deadline) =>
  hold.transitions.answerHold(hold, { kind: 'expire' }, nowMs);
const ended = (kind: 'cast' | 'failed'): HoldEnd => ({
  outcome: kind === 'cast' ? { kind } : { kind, why: 'signing' },
  settled_at: Date.now(),
});
const openIds = async (): Promise<string[]> => redis().zrange(keys.openHolds(), '0', '-1');
const kinds = async (hold: HoldCase): Promise<string[]> =>
  (await auditOf(redis(), keys.auditOwner(hold.owner)))
    .map(({ kind = '' }) => kind)
    .filter((kind) => kind === 'held' || kind.startsWith('hold_'));

describe('a proposal that is held', () => {
  test('has its hold with the outcome, and is found among the open ones and by its owner', async () => {
    const hold = await aHold(redis());
    expect(await hold.read()).toEqual({
      subject: hold.subject,
      state: 'waiting',
      why: 'below_confidence',
      deadlineMs: hold.subject.deadline,
      answer: null,
      end: null,
    });
    const records = createRecords(redis());
    expect((await records.run(hold.runId))?.outcomes.get(hold.proposal)?.outcome).toMatchObject({ kind: 'held' });
    expect(await redis().zrange(keys.holdsOf(hold.owner), '0', '-1')).toEqual([hold.subject.hold_id]);
    expect(await redis().zscore(keys.holds(), hold.subject.hold_id)).toBe(String(hold.subject.deadline));
    expect(await openIds()).toContain(hold.subject.hold_id);
    expect(await kinds(hold)).toEqual(['held']);
  });

  test('is held once: whoever comes second is told what stands, and no hold is made of what they say', async () => {
    const one = await aRunningRun(redis());
    const record = { outcome: { kind: 'failed', why: 'internal' } as const, settled_at: 1 };
    const first = await one.transitions.settle({ ...one, record, held: null, nowMs: 1 });
    const subject = aSubject(one);
    const held = { outcome: { kind: 'held', why: 'risk' } as const, settled_at: 2 };
    const second = await one.transitions.settle({ ...one, record: held, held: { subject, why: 'risk' }, nowMs: 2 });
    expect([first, second].map((text) => OutcomeRecord.parse(text))).toEqual([record, record]);
    expect(await createRecords(redis()).hold(subject.hold_id)).toBeNull();
  });

  test('keeps run, text and evidence for as long as itself, also over the end of the run', async () => {
    const nowMs = Date.now();
    const one = await aRunningRun(redis());
    const subject = aSubject(one, { nowMs, subject: { deadline: nowMs + 90 * 24 * 60 * MINUTE_MS } });
    await redis().set(keys.proposal(subject.content_hash), 'text', 'EX', 60);
    await redis().set(keys.evidence(subject.evidence_hash), 'evidence', 'EX', 60);
    const record = { outcome: { kind: 'held', why: 'risk' } as const, settled_at: nowMs };
    await one.transitions.settle({ ...one, record, held: { subject, why: 'risk' }, nowMs });
    const response = aResponse(one.runId, { space_id: one.space });
    await one.transitions.finish({ owner: one.owner, dryRun: false }, response, nowMs);
    const keepS = (subject.deadline - nowMs) / 1_000 + RETENTION_S.hold;
    for (const key of [
      keys.run(one.runId),
      keys.hold(subject.hold_id),
      keys.proposal(subject.content_hash),
      keys.evidence(subject.evidence_hash),
    ]) {
      expect(Math.abs((await redis().ttl(key)) - keepS)).toBeLessThan(60);
    }
  });
});

describe('a later run', () => {
  const laterRun = async (hold: HoldCase) => {
    const { owner, voter, space, proposal, transitions } = hold;
    const one = { owner, voter, space, proposal, transitions, runId: newRunId() };
    await redis().del(keys.active(hold.owner, hold.space));
    await accept(one);
    await one.transitions.start(one.runId, Date.now());
    return one;
  };

  test('that holds the proposal anew takes the place of a hold that waits', async () => {
    const hold = await aHold(redis());
    const later = await aHold(redis(), { ...(await laterRun(hold)), why: 'risk' });
    expect((await hold.read()).state).toBe('superseded');
    expect((await later.read()).state).toBe('waiting');
    expect(await openIds()).not.toContain(hold.subject.hold_id);
    expect(await say(hold, 'approve')).toEqual({ kind: 'stands', state: 'superseded' });
    expect(await kinds(hold)).toEqual(['held', 'hold_superseded', 'held']);
  });

  test.each([
    [{ kind: 'cast' } as const, 'superseded'],
    [{ kind: 'skipped', why: 'already_voted' } as const, 'superseded'],
    [{ kind: 'failed', why: 'internal' } as const, 'waiting'],
  ])('that ends with %o leaves the hold %s', async (outcome, state) => {
    const hold = await aHold(redis());
    const one = await laterRun(hold);
    await one.transitions.settle({ ...one, record: { outcome, settled_at: 1 }, held: null, nowMs: Date.now() });
    expect((await hold.read()).state).toBe(state);
  });

  test('does not touch what its owner approved', async () => {
    const hold = await aHold(redis());
    await say(hold, 'approve');
    const one = await laterRun(hold);
    await one.transitions.settle({
      ...one,
      record: { outcome: { kind: 'cast' }, settled_at: 1 },
      held: null,
      nowMs: Date.now(),
    });
    expect((await hold.read()).state).toBe('approved');
  });
});

describe('an answer', () => {
  test('is kept with its code, and said in the audit', async () => {
    const hold = await aHold(redis());
    expect(await say(hold, 'approve')).toEqual({ kind: 'done', state: 'approved' });
    expect((await hold.read()).answer?.answer).toMatchObject({ answer: 'approve', by: 'file' });
    expect(await kinds(hold)).toEqual(['held', 'hold_approved']);
    expect(await openIds()).toContain(hold.subject.hold_id);
  });

  test('that comes second changes nothing', async () => {
    const hold = await aHold(redis());
    await say(hold, 'reject');
    expect(await say(hold, 'approve')).toEqual({ kind: 'stands', state: 'rejected' });
    expect(await say(hold, 'reject')).toEqual({ kind: 'stands', state: 'rejected' });
    expect((await hold.read()).answer?.answer.answer).toBe('reject');
    expect(await openIds()).not.toContain(hold.subject.hold_id);
  });

  test('after the deadline is too late, whether or not the hold was ended yet', async () => {
    const hold = await aHold(redis());
    expect(await say(hold, 'approve', hold.subject.deadline)).toEqual({ kind: 'late', state: 'waiting' });
    expect(await expire(hold)).toEqual({ kind: 'done', state: 'expired' });
    expect(await say(hold, 'approve', hold.subject.deadline)).toEqual({ kind: 'stands', state: 'expired' });
  });

  test('of nobody ends it at its deadline and not before; what was approved and not cast by then too', async () => {
    const [hold, approved] = [await aHold(redis()), await aHold(redis())];
    expect(await expire(hold, hold.subject.deadline - 1)).toEqual({ kind: 'early', state: 'waiting' });
    await say(approved, 'approve');
    expect(await expire(approved)).toEqual({ kind: 'done', state: 'expired' });
  });

  test('no cannot take back what was sent; what is reserved alone it can, and then it is not sent', async () => {
    const hold = await aHold(redis(), { why: 'voting_paused' });
    await enableVoting(redis(), hold.owner);
    const made = vote(hold, { hold: hold.subject.hold_id, nowMs: Date.now() });
    expect(await hold.transitions.reserve(made)).toBe('reserved');
    const other = await aHold(redis(), { why: 'voting_paused' });
    await enableVoting(redis(), other.owner);
    const sent = vote(other, { hold: other.subject.hold_id, nowMs: Date.now() });
    await other.transitions.reserve(sent);
    expect(await other.transitions.maySend(sent)).toBe('yes');
    expect(await say(other, 'reject')).toEqual({ kind: 'under_way', state: 'waiting' });
    expect(await say(hold, 'reject')).toEqual({ kind: 'done', state: 'rejected' });
    expect(await hold.transitions.maySend(made)).toBe('settled');
  });

  test('no cannot take back what was sent and then voided either: it may arrive yet', async () => {
    const hold = await aHold(redis(), { why: 'voting_paused' });
    await enableVoting(redis(), hold.owner);
    const [first, second] = ['first', 'second'].map((voteId) =>
      vote(hold, { voteId, hold: hold.subject.hold_id, nowMs: Date.now() }),
    );
    if (first === undefined || second === undefined) throw new Error('two votes');
    await hold.transitions.reserve(first);
    await hold.transitions.maySend(first);
    await hold.transitions.confirm(first, { state: 'voided', why: 'maintenance' });
    expect(await say(hold, 'reject')).toEqual({ kind: 'under_way', state: 'waiting' });
    await hold.transitions.reserve(second);
    expect(await say(hold, 'reject')).toEqual({ kind: 'under_way', state: 'waiting' });
    await hold.transitions.confirm(second, { state: 'voided', why: 'it was never sent' });
    expect(await say(hold, 'reject')).toEqual({ kind: 'under_way', state: 'waiting' });
  });

  test('no to a revision that was sent and then voided is too late too; to one that was never sent it is not', async () => {
    for (const isSent of [true, false]) {
      const hold = await aHold(redis(), { why: 'voting_paused' });
      await enableVoting(redis(), hold.owner);
      const asked = { hold: hold.subject.hold_id, nowMs: Date.now() };
      const stands = vote(hold, { ...asked, runId: newRunId(), voteId: 'stands' });
      expect(await hold.transitions.reserve(stands)).toBe('reserved');
      await hold.transitions.confirm(stands, { state: 'cast', receipt: null });
      const revision = vote(hold, { ...asked, voteId: 'revision', replaces: 'stands' });
      expect(await hold.transitions.reserve(revision)).toBe('reserved');
      if (isSent) await hold.transitions.maySend(revision);
      await hold.transitions.confirm(revision, { state: 'voided', why: 'maintenance' });
      const said = isSent ? { kind: 'under_way', state: 'waiting' } : { kind: 'done', state: 'rejected' };
      expect(await say(hold, 'reject')).toEqual(said);
    }
  });

  test('yes can be given again to a vote that failed', async () => {
    const hold = await aHold(redis());
    await say(hold, 'approve');
    await hold.transitions.settleHold(hold, 'failed', ended('failed'), Date.now());
    expect(await openIds()).not.toContain(hold.subject.hold_id);
    expect(await say(hold, 'reject')).toEqual({ kind: 'stands', state: 'failed' });
    expect(await say(hold, 'approve')).toEqual({ kind: 'done', state: 'approved' });
    expect(await hold.read()).toMatchObject({ state: 'approved', end: null });
    expect(await openIds()).toContain(hold.subject.hold_id);
  });

  test('of many at once is one, and the others are told it', async () => {
    const hold = await aHold(redis());
    const words = Array.from({ length: 20 }, (_, at): Word => (at % 2 === 0 ? 'approve' : 'reject'));
    const told = await Promise.all(words.map((word) => say(hold, word)));
    expect(told.filter(({ kind }) => kind === 'done')).toHaveLength(1);
    const { state } = await hold.read();
    for (const one of told) expect(one.state).toBe(state);
  });
});

describe('the vote of a hold', () => {
  const asked = (hold: HoldCase, nowMs = Date.now()) => vote(hold, { hold: hold.subject.hold_id, nowMs });

  test('passes by the hold alone: the run has ended', async () => {
    const hold = await aHold(redis());
    await enableVoting(redis(), hold.owner);
    await redis().hset(keys.run(hold.runId), 'state', 'completed');
    expect(await hold.transitions.reserve(asked(hold))).toBe('cancelled');
    await say(hold, 'approve');
    expect(await hold.transitions.reserve(vote(hold))).toBe('settled');
    expect(await hold.transitions.reserve(asked(hold, hold.subject.deadline))).toBe('expired');
    expect(await hold.transitions.reserve(asked(hold))).toBe('reserved');
  });

  test('waits while voting is paused, like any other', async () => {
    const hold = await aHold(redis());
    await say(hold, 'approve');
    expect(await hold.transitions.reserve(asked(hold))).toBe('voting_paused');
  });

  test('of another hold’s id, which there is none of, is not reserved', async () => {
    const [hold, none] = [await aHold(redis()), aSubject(aCase(redis()))];
    await enableVoting(redis(), hold.owner);
    await say(hold, 'approve');
    expect(await hold.transitions.reserve(vote(hold, { hold: none.hold_id, nowMs: Date.now() }))).toBe('cancelled');
  });

  test('that was read back is cast, whatever was said before', async () => {
    const hold = await aHold(redis());
    await expire(hold);
    const end = { ...ended('cast'), receipt: aReceipt() };
    expect(await hold.transitions.settleHold(hold, 'failed', ended('failed'), 1)).toBe('expired');
    expect(await hold.transitions.settleHold(hold, 'cast', end, 1)).toBe('cast');
    expect(await hold.transitions.settleHold(hold, 'failed', ended('failed'), 1)).toBe('cast');
    expect(await hold.read()).toMatchObject({ state: 'cast', end });
  });
});

test('whatever is said to a hold in whatever order: it is open or not, one answer stands, and cast is the end', async () => {
  const words = ['approve', 'reject', 'expire', 'late approve', 'cast', 'failed', 'ask'] as const;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...words), { maxLength: 8 }), async (said) => {
      const hold = await aHold(redis(), { proposal: aProposalId(), why: 'voting_paused' });
      let before = await hold.read();
      for (const word of said) {
        if (word === 'approve' || word === 'reject') await say(hold, word);
        else if (word === 'late approve') await say(hold, 'approve', hold.subject.deadline + 1);
        else if (word === 'expire') await expire(hold);
        else if (word === 'ask') await hold.transitions.askAfterAll(hold, 'risk', 1);
        else await hold.transitions.settleHold(hold, word, ended(word), 1);
        const now = await hold.read();
        expect((await openIds()).includes(hold.subject.hold_id)).toBe(isOpen(now));
        if (before.state === 'cast') expect(now).toEqual(before);
        if (['rejected', 'expired'].includes(before.state)) expect([before.state, 'cast']).toContain(now.state);
        if (now.state === 'approved') expect(now.answer?.answer.answer).toBe('approve');
        before = now;
      }
    }),
    { numRuns: 60 },
  );
});
