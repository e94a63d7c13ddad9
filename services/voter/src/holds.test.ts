/** A hold from its making to its end, on the real Redis and the sandbox: one vote at most, and a clear answer each time. */
import type { Decision } from '@quorum/shared/decision';
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, test } from 'vitest';
import { auditOf } from '../../../packages/shared/test/world.ts';
import { aHeldVote, answer, castHold, deliverHold, endRun, expireHold, holdOf } from '../test/holds.ts';
import { ballotOf, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const inAWeek = (): number => Date.now() + 7 * 24 * 60 * 60 * 1_000;

describe('a vote that is held', () => {
  test('makes a hold that says what was decided, why it waits and until when', async () => {
    const vote = await stand.aVote({ preferences: { approval: 'always' } });
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'approval_always' });
    const { subject, ...rest } = await holdOf(vote);
    expect(rest).toEqual({
      state: 'waiting',
      why: 'approval_always',
      deadlineMs: (vote.proposal.end - 120) * 1_000,
      answer: null,
      end: null,
    });
    expect(subject).toMatchObject({
      owner: vote.owner,
      voter: vote.voter,
      title: vote.proposal.title,
      choices: vote.proposal.choices,
      ballot: ballotOf('basic'),
      confidence: 0.9,
    });
  });

  test('of a dry run makes none', async () => {
    const vote = await stand.aVote({ preferences: { approval: 'always' }, dryRun: true });
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'approval_always' });
    await expect(holdOf(vote)).rejects.toThrow('there is no hold');
  });

  test('has its end and its notices on the queues, once, also where the job is delivered again', async () => {
    const vote = await aHeldVote(stand);
    await vote.vote();
    const { hold_id: id } = (await holdOf(vote)).subject;
    const jobs = await stand.redis().keys(`{quorum}:bull:*${id}`);
    expect(jobs.toSorted()).toEqual([
      `{quorum}:bull:notify:hold_created-${id}`,
      `{quorum}:bull:notify:hold_expiring-${id}`,
      `{quorum}:bull:notify:hold_half_time-${id}`,
      `{quorum}:bull:vote:expire-${id}`,
    ]);
  });

  test('is not lost where the worker dies between the outcome and its jobs', async () => {
    const vote = await stand.aVote({ preferences: { approval: 'always' } });
    const holdJobs = {
      ...vote.deps.holdJobs,
      async keep() {
        throw new Error('killed');
      },
    };
    await expect(vote.deliver({ holdJobs })).rejects.toThrow('killed');
    await vote.vote();
    const { hold_id: id } = (await holdOf(vote)).subject;
    expect(await stand.redis().exists(`{quorum}:bull:vote:expire-${id}`)).toBe(1);
  });
});

/** What the audit of the owner tells of the hold, oldest first. */
async function holdAudit({ owner }: VoteCase): Promise<string[]> {
  const entries = await auditOf(stand.redis(), keys.auditOwner(owner));
  return entries.map(({ kind = '' }) => kind).filter((kind) => kind === 'held' || kind.startsWith('hold_'));
}

describe('a hold that is approved', () => {
  test('is cast after the end of its run, and read back; the outcome of the run stays', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    expect(await castHold(vote)).toBe('cast');
    expect((await vote.hubVote())?.choice).toBe(1);
    const { state, end } = await holdOf(vote);
    expect(state).toBe('cast');
    expect(end?.receipt?.id).toBe((await vote.hubVote())?.id);
    expect((await vote.record())?.outcome).toEqual({ kind: 'held', why: 'approval_always' });
    expect(await vote.audit()).toEqual(['reserved', 'sending', 'accepted', 'cast']);
    expect(await holdAudit(vote)).toEqual(['held', 'hold_approved', 'hold_cast']);
  });

  const asked: readonly [string, Partial<Decision>][] = [
    ['executable', { executable: true }],
    ['injection', { signals: [{ strength: 'hard', kind: 'bidi_override' }] }],
  ];
  test.each(asked)('may be one for which the owner must always be asked: %s', async (why, decision) => {
    const vote = await aHeldVote(stand, { preferences: { approval: 'never' }, decision });
    expect((await holdOf(vote)).why).toBe(why);
    await answer(vote);
    expect(await castHold(vote)).toBe('cast');
  });

  test('with another ballot is cast with that one, in the owner’s name and without the model’s reason', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote, { ballot: ballotOf('basic', 2), ballot_from: 'owner' });
    expect(await castHold(vote)).toBe('cast');
    const cast = await vote.hubVote();
    expect(cast?.choice).toBe(2);
    expect(cast?.reason).toBe('Voted by an AI agent as its owner decided: Against');
    const evidence = new RegExp((await holdOf(vote)).subject.evidence_hash);
    expect(JSON.stringify(cast?.metadata)).not.toMatch(evidence);
    const { evidence: named } = Object(cast?.metadata);
    expect(JSON.parse((await vote.deps.records.evidence(named)) ?? '')).toMatchObject({
      kind: 'owner_decision',
      answer: { ballot: ballotOf('basic', 2) },
      instead_of: (await holdOf(vote)).subject.evidence_hash,
    });
  });

  test.each([
    ['leads elsewhere', 'No, see https://drain.example', {}],
    [
      'has the owner’s words',
      'No million of tokens for anybody who asks for it',
      { instructions: 'No million of tokens for anybody who asks for it, ever.' },
    ],
  ])('names no choice whose label %s', async (_what, label, wishes) => {
    const choices = ['For', label, 'Abstain'];
    const vote = await aHeldVote(stand, { proposal: { choices }, preferences: { approval: 'always', ...wishes } });
    const chosen = { kind: 'single' as const, choice: { index: 2, label } };
    await answer(vote, { ballot: chosen, ballot_from: 'owner' });
    expect(await castHold(vote)).toBe('cast');
    expect(await vote.hubVote()).toMatchObject({ choice: 2, reason: 'Voted by an AI agent as its owner decided.' });
  });

  test('publishes no reason where its owner wants none by now', async () => {
    const vote = await aHeldVote(stand);
    await vote.writePreferences({ approval: 'always', publish_reason: 'none' });
    await answer(vote, { ballot: ballotOf('basic', 2), ballot_from: 'owner' });
    expect(await castHold(vote)).toBe('cast');
    expect((await vote.hubVote())?.reason).toBe('');
  });

  test('twice is one vote, and the second is told what stands', async () => {
    const vote = await aHeldVote(stand);
    expect(await answer(vote)).toEqual({ kind: 'done', state: 'approved' });
    expect(await answer(vote)).toEqual({ kind: 'stands', state: 'approved' });
    expect(await Promise.all([castHold(vote), castHold(vote)])).toEqual(['cast', 'cast']);
    expect(await castHold(vote)).toBe('cast');
    expect(stand.sandbox().world.votes.filter(({ proposal }) => proposal === vote.proposal.id)).toHaveLength(1);
    expect((await holdAudit(vote)).filter((kind) => kind === 'hold_cast')).toHaveLength(1);
  });

  test('while the proposal was changed is not cast, and says so', async () => {
    const vote = await aHeldVote(stand);
    await vote.editProposal({ body: 'The breakwater is sold.' });
    await answer(vote);
    expect(await castHold(vote)).toBe('skipped');
    expect((await holdOf(vote)).end?.outcome).toEqual({ kind: 'skipped', why: 'proposal_changed' });
    expect(vote.sends()).toEqual([]);
  });

  test('after the owner voted by hand leaves that vote', async () => {
    const vote = await aHeldVote(stand);
    await vote.ownerVotes(ballotOf('basic', 2));
    await answer(vote);
    expect(await castHold(vote)).toBe('skipped');
    expect((await holdOf(vote)).end).toMatchObject({ outcome: { why: 'already_voted' }, detail: 'by your own hand' });
    expect((await vote.hubVote())?.choice).toBe(2);
  });

  test('is cast once where the worker dies in the middle and the job comes again', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    await expect(deliverHold(vote, killedAfterSending(vote))).rejects.toThrow();
    expect(vote.sends()).toHaveLength(1);
    expect((await holdOf(vote)).state).toBe('approved');
    await vote.editProposal({ body: 'Changed after it was sent.' });
    expect(await castHold(vote)).toBe('cast');
    expect(vote.sends()).toHaveLength(1);
  });

  test('waits for a hub that is away for longer than a run would', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    const match = { body_contains: vote.proposal.id };
    await stand.fault({ endpoint: 'hub', count: 1, match, status: 503 });
    await expect(deliverHold(vote)).rejects.toMatchObject({ name: 'PostponeError' });
    const later = (): number => Date.now() + 60 * 60 * 1_000;
    await stand.fault({ endpoint: 'hub', count: 1, match, status: 503 });
    await expect(deliverHold(vote, { now: later })).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await castHold(vote)).toBe('cast');
  });

  test('and failed may be approved again once it is mended', async () => {
    const vote = await aHeldVote(stand, { aliasCreated: null });
    await answer(vote);
    expect(await castHold(vote)).toBe('failed');
    expect((await holdOf(vote)).end?.outcome).toEqual({ kind: 'failed', why: 'signing' });
    const { hold_id: id } = (await holdOf(vote)).subject;
    expect(await stand.redis().exists(`{quorum}:bull:notify:hold_not_cast-${id}`)).toBe(1);
    const alias = { id: 'ab', address: vote.voter, alias: vote.signer, created: Math.floor(Date.now() / 1_000) - 60 };
    await stand.control('PATCH', 'world', { aliases: [alias] });
    expect(await answer(vote)).toEqual({ kind: 'done', state: 'approved' });
    expect(await castHold(vote)).toBe('cast');
  });

  test('and rejected while its vote was being signed is not sent', async () => {
    const vote = await aHeldVote(stand);
    const held = await holdOf(vote);
    await answer(vote);
    const key = keys.hold(held.subject.hold_id);
    const licences = signing(vote, () => stand.redis().hset(key, 'state', 'rejected'));
    expect(await castHold(vote, { licences })).toBe('rejected');
    expect(vote.sends()).toEqual([]);
  });
});

describe('a hold that nobody answers', () => {
  test('ends at its deadline and not before, and its owner is told', async () => {
    const vote = await aHeldVote(stand);
    await expect(expireHold(vote, { now: Date.now })).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await expireHold(vote)).toBe('expired');
    const { subject } = await holdOf(vote);
    expect(subject.deadline).toBeLessThan(vote.proposal.end * 1_000);
    const told = `{quorum}:bull:notify:hold_expired-${subject.hold_id}`;
    expect(await stand.redis().exists(told)).toBe(1);
    // As if the job had died before it could tell, and came again.
    await stand.redis().del(told);
    expect(await expireHold(vote)).toBe('expired');
    expect(await stand.redis().exists(told)).toBe(1);
    expect(await castHold(vote)).toBe('expired');
    expect(vote.sends()).toEqual([]);
  });

  test('ends without a word where the owner voted by hand instead', async () => {
    const vote = await aHeldVote(stand);
    await vote.ownerVotes(ballotOf('basic', 2));
    expect(await expireHold(vote)).toBe('skipped');
    const { subject, end } = await holdOf(vote);
    expect(end?.outcome).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect(await stand.redis().exists(`{quorum}:bull:notify:hold_expired-${subject.hold_id}`)).toBe(0);
  });

  test('ends although the hub is away', async () => {
    const vote = await aHeldVote(stand);
    await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
    expect(await expireHold(vote)).toBe('expired');
  });

  test('that was approved too late is not cast: its job finds the deadline behind it', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    expect(await castHold(vote, { now: inAWeek })).toBe('expired');
    expect(vote.sends()).toEqual([]);
  });

  test('is cast where its vote was sent and its answer lost', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    await expect(deliverHold(vote, killedAfterSending(vote))).rejects.toThrow();
    expect(await expireHold(vote)).toBe('cast');
    expect(vote.sends()).toHaveLength(1);
  });

  test('stays until what was sent can no longer arrive, and then is sent no more', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, cut: 'before' });
    await expect(deliverHold(vote)).rejects.toMatchObject({ name: 'PostponeError' });
    await expect(expireHold(vote)).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await expireHold(vote, { now: inAWeek })).toBe('expired');
    expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'its hold has ended' });
  });
});

describe('voting that was paused', () => {
  const pause = (vote: VoteCase) => stand.redis().del(keys.votingOwner(vote.owner));
  const resume = (vote: VoteCase) => stand.redis().set(keys.votingOwner(vote.owner), 'enabled');

  async function aPausedVote(given: Parameters<typeof stand.aVote>[0] = {}): Promise<VoteCase> {
    const vote = await stand.aVote(given);
    await pause(vote);
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'voting_paused' });
    await endRun(vote);
    return vote;
  }

  test('and has resumed casts without asking', async () => {
    const vote = await aPausedVote();
    expect(await castHold(vote)).toBe('waiting');
    await resume(vote);
    expect(await castHold(vote)).toBe('cast');
    expect(vote.sends()).toHaveLength(1);
  });

  test('asks the owner after all where they want to be asked by now', async () => {
    const vote = await aPausedVote({ preferences: { approval: 'when_unsure' } });
    await vote.writePreferences({ approval: 'always' });
    await resume(vote);
    expect(await castHold(vote)).toBe('waiting');
    expect((await holdOf(vote)).why).toBe('approval_always');
    expect(vote.sends()).toEqual([]);
    await answer(vote);
    expect(await castHold(vote)).toBe('cast');
  });

  test('casts nothing of what its owner rejected meanwhile', async () => {
    const vote = await aPausedVote();
    expect(await answer(vote, { answer: 'reject', ballot: null })).toEqual({ kind: 'done', state: 'rejected' });
    await resume(vote);
    expect(await castHold(vote)).toBe('rejected');
    expect(vote.sends()).toEqual([]);
  });

  test('keeps an approved vote that was signed but not sent, and casts it on resumption', async () => {
    const vote = await aHeldVote(stand);
    await answer(vote);
    expect(await castHold(vote, { licences: signing(vote, () => pause(vote)) })).toBe('approved');
    expect(vote.sends()).toEqual([]);
    await resume(vote);
    expect(await castHold(vote)).toBe('cast');
  });

  test('sends the same bytes again after it, where they may be stored', async () => {
    const vote = await stand.aVote();
    await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, cut: 'before' });
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await pause(vote);
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'voting_paused' });
    expect(await answer(vote, { answer: 'reject', ballot: null })).toMatchObject({ kind: 'under_way' });
    await resume(vote);
    expect(await castHold(vote)).toBe('cast');
    const [first, second] = vote.sends();
    expect(second).toEqual(first);
  });

  test('for good ends at the deadline as expired', async () => {
    const vote = await aPausedVote();
    expect(await expireHold(vote)).toBe('expired');
  });
});

/** The worker dies once its vote is stored, before it can say so. */
function killedAfterSending(vote: VoteCase): Partial<VoteCase['deps']> {
  const killed = async (): Promise<never> => {
    throw new Error('killed');
  };
  return { transitions: { ...vote.deps.transitions, keepReceipt: killed, confirm: killed } };
}

/** The licences of this case, with something done at the moment of signing: between `reserve` and `maySend`. */
function signing(vote: VoteCase, strike: () => Promise<unknown>): VoteCase['deps']['licences'] {
  return new Map(
    [...vote.deps.licences].map(([owner, licence]) => [
      owner,
      {
        ...licence,
        signer: {
          address: licence.signer.address,
          async signVote(unsigned: Parameters<typeof licence.signer.signVote>[0]) {
            await strike();
            return licence.signer.signVote(unsigned);
          },
        },
      },
    ]),
  );
}
