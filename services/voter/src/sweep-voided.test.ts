/** A vote that was sent and then voided may be stored all the same: it is found and told, and the ledger says what stands. */
import { upstreamId } from '@quorum/shared/ids';
import { jobIds, type JobPayload } from '@quorum/shared/jobs';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { createSendAllowance } from '@quorum/shared/send-allowance';
import { contentHash } from '@quorum/snapshot/content-hash';
import { afterEach, describe, expect, test } from 'vitest';
import { aHash } from '../../../packages/shared/test/samples.ts';
import { verdictOn } from '../test/audit.ts';
import { aHeldRevision, aHeldVote, answer, deliverHold, expireHold } from '../test/holds.ts';
import { ballotOf, DAY_S, type Given, jobDeps, nowS, useStand, type VoteCase } from '../test/stand.ts';
import { createSealer } from './seal.ts';
import { sweepJob } from './sweep.ts';

const stand = useStand();
afterEach(() => stand.control('POST', 'clock', { now: null }));

const never = new AbortController().signal;
const anHourOn = (): number => Date.now() + 3_600_000;
const MAINTENANCE = {
  status: 503,
  body: { error: 'client_error', error_description: 'update in progress, try later' },
};
const REFUSED = { status: 400, body: { error: 'client_error', error_description: 'failed vote validation' } };

async function onSequencer(vote: VoteCase, fault: Readonly<Record<string, unknown>>): Promise<void> {
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, ...fault });
}

/** An allowance of which the last send was taken between the look and the taking. */
async function spent({ proposal, deps }: VoteCase): Promise<VoteCase['deps']['allowance']> {
  const last = createSendAllowance(stand.redis(), upstreamId(`last ${proposal.id}`, undefined), () => 1);
  await last.take();
  return { ...deps.allowance, take: last.take };
}

/** It is sent in vain, and nobody knows that. */
async function lose(vote: VoteCase): Promise<void> {
  await onSequencer(vote, { status: 503, body: '' });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
}

/** Its sequencer is in maintenance at the last try that it has. */
async function aVoteVoidedAtLast(given: Given = {}): Promise<VoteCase> {
  const vote = await stand.aVote(given);
  await lose(vote);
  await onSequencer(vote, MAINTENANCE);
  expect(await vote.deliver({ now: anHourOn })).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
  return vote;
}

/** The sweep of the vote that was voided last. */
async function payloadOf(vote: VoteCase): Promise<JobPayload<'sweep'>> {
  const entry = await vote.ledger();
  const vote_id = entry?.state === 'voided' ? entry.vote_id : entry?.voided_vote;
  if (vote_id === undefined) throw new Error('no vote was voided there');
  return { run_id: vote.runId, proposal_id: vote.proposal.id, content_hash: contentHash(vote.proposal), vote_id };
}

const isQueued = async (payload: JobPayload<'sweep'>): Promise<boolean> =>
  (await stand.redis().exists(`${BULL_PREFIX}:vote:${jobIds.sweep(payload)}`)) === 1;
const isSwept = async (vote: VoteCase): Promise<boolean> => isQueued(await payloadOf(vote));

/** One look, so many seconds after the proposal's end by everybody's clock; without, now. */
async function look(vote: VoteCase, payload: JobPayload<'sweep'>, afterEndS?: number) {
  const atS = afterEndS === undefined ? null : vote.proposal.end + afterEndS;
  await stand.control('POST', 'clock', { now: atS });
  const now = atS === null ? Date.now : () => atS * 1_000;
  return sweepJob(payload, jobDeps({ ...vote.deps, now }), never);
}

/** What was sent arrives after all: the first, or another. */
async function arrive(vote: VoteCase, at = 0): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify(vote.sends()[at]);
  expect((await fetch(`${stand.sandbox().url}/`, { method: 'POST', headers, body })).status).toBe(200);
}

const waits = { name: 'PostponeError', message: 'it is not on the hub' };
const laterOf = async (vote: VoteCase) => (await vote.deps.records.run(vote.runId))?.later.get(vote.proposal.id);
const isTold = async (vote: VoteCase): Promise<boolean> =>
  (await stand
    .redis()
    .exists(`${BULL_PREFIX}:notify:settled_later-${vote.owner}-${vote.proposal.id}-${vote.runId}`)) === 1;

const byAnEarlierRun = { outcome: { kind: 'skipped', why: 'already_voted' }, detail: 'by an earlier run' };

/** What the verifier finds wrong with the chain, held against what stands. */
async function faultsOf(vote: VoteCase) {
  await createSealer([vote.voter], vote.deps)(never);
  const stands = await vote.hubVote();
  const votes = stands === null ? [] : [stands];
  return (await verdictOn(stand.redis(), vote.voter, { votes, keys: [vote.deps.voterKey] })).faults;
}

async function expectFound(vote: VoteCase, later: object = { outcome: { kind: 'cast' } }): Promise<void> {
  expect(await laterOf(vote)).toMatchObject(later);
  expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: (await vote.hubVote())?.id });
  expect(await isTold(vote)).toBe(true);
  expect(await vote.security()).toEqual({});
  expect(await faultsOf(vote)).toEqual([]);
}

type Voided = { readonly what: string; readonly prepare: () => Promise<VoteCase> };

const VOIDED: readonly Voided[] = [
  { what: 'at its last try', prepare: aVoteVoidedAtLast },
  {
    what: 'since it was refused for good after a try of which nobody knows',
    async prepare() {
      const vote = await stand.aVote();
      await lose(vote);
      await onSequencer(vote, REFUSED);
      expect(await vote.deliver()).toEqual({ kind: 'failed', why: 'vote_rejected' });
      return vote;
    },
  },
  {
    what: 'since its alias lapsed',
    async prepare() {
      const vote = await stand.aVote();
      await lose(vote);
      const alias = { id: 'lapsed', address: vote.voter, alias: vote.signer, created: nowS() - 31 * DAY_S };
      await stand.control('PATCH', 'world', { aliases: [alias] });
      expect(await vote.deliver()).toEqual({ kind: 'failed', why: 'signing' });
      await vote.renewAlias();
      return vote;
    },
  },
  {
    what: 'as a revision',
    async prepare() {
      const stood = await stand.aVote({ preferences: { revise_votes: true } });
      expect(await stood.vote()).toEqual({ kind: 'cast' });
      const vote = await stood.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
      await lose(vote);
      await onSequencer(vote, REFUSED);
      expect(await vote.deliver()).toEqual({ kind: 'failed', why: 'vote_rejected' });
      return vote;
    },
  },
];

describe.each(VOIDED)('a vote that was sent and then voided $what', ({ prepare }) => {
  test('is looked for, and cast where it stands after all', async () => {
    const vote = await prepare();
    expect(await isSwept(vote)).toBe(true);
    const payload = await payloadOf(vote);
    const before = await vote.ledger();
    await expect(look(vote, payload)).rejects.toMatchObject(waits);
    expect(await vote.ledger()).toEqual(before);
    await arrive(vote, before?.state === 'cast' ? 1 : 0);
    expect(await look(vote, payload)).toEqual({ end: 'settled' });
    await expectFound(vote);
    const { vote_id: found } = payload;
    if (before?.state === 'voided')
      expect(await look(vote, { ...payload, vote_id: found })).toEqual({ end: 'settled' });
  });

  test('stays as it was where it never arrives', async () => {
    const vote = await prepare();
    const payload = await payloadOf(vote);
    const before = await vote.ledger();
    await expect(look(vote, payload, -10)).rejects.toMatchObject(waits);
    expect(await look(vote, payload, 61)).toEqual({ end: 'voided' });
    expect(await vote.ledger()).toEqual(before);
    expect(await laterOf(vote)).toBeUndefined();
    expect(await isTold(vote)).toBe(false);
    expect(await faultsOf(vote)).toEqual([]);
  });
});

describe('a vote that was sent and then voided', () => {
  test('and in whose place the owner voted is theirs', async () => {
    const vote = await aVoteVoidedAtLast();
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    expect(await look(vote, await payloadOf(vote))).toEqual({ end: 'voided' });
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
    expect(await laterOf(vote)).toBeUndefined();
  });

  test('and that a later run makes anew, is nobody’s matter any more', async () => {
    const vote = await aVoteVoidedAtLast();
    const payload = await payloadOf(vote);
    expect(await (await vote.nextRun({ ballot: ballotOf('basic', 2) })).vote()).toEqual({ kind: 'cast' });
    expect(await look(vote, payload)).toEqual({ end: 'nothing' });
    expect(await vote.hubVote()).toMatchObject({ choice: 2 });
  });

  test('and that is made anew at the moment when it is found, is not taken up', async () => {
    const vote = await aVoteVoidedAtLast();
    const payload = await payloadOf(vote);
    await arrive(vote);
    const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
    const { hub } = vote.deps;
    const slow = {
      ...hub,
      async votes(...asked: Parameters<typeof hub.votes>) {
        const votes = await hub.votes(...asked);
        expect(await next.vote()).toEqual({ kind: 'cast' });
        return votes;
      },
    };
    const looking = sweepJob(payload, jobDeps({ ...vote.deps, hub: slow }), never);
    await expect(looking).rejects.toMatchObject({ name: 'PostponeError', message: /in its place/ });
    expect(await vote.ledger()).toMatchObject({ state: 'cast', run_id: next.runId });
    expect(await look(vote, payload)).toEqual({ end: 'nothing' });
  });

  test('and shows with another choice is told as such, and is not called cast', async () => {
    const vote = await aVoteVoidedAtLast();
    const { voter, space, proposal } = vote;
    const entry = await vote.ledger();
    const row = { id: entry?.vote_id, voter, created: entry?.created, space, proposal: proposal.id, choice: 3 };
    await stand.control('PATCH', 'world', { votes: [row] });
    expect(await look(vote, await payloadOf(vote))).toEqual({ end: 'settled' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'failed', why: 'vote_rejected' } });
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
    expect(await vote.security()).toEqual({ vote_differs: 1 });
  });

  test('and is secret, is compared at its reveal', async () => {
    const vote = await aVoteVoidedAtLast({ proposal: { privacy: 'shutter' } });
    const payload = await payloadOf(vote);
    await arrive(vote);
    await expect(look(vote, payload)).rejects.toMatchObject({ name: 'PostponeError', message: /secret/ });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'unknown' } });
    await stand.control('POST', 'clock', { now: vote.proposal.end + 60 });
    await stand.control('POST', 'shutter', { proposal: vote.proposal.id });
    expect(await look(vote, payload, 120)).toEqual({ end: 'counted' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'as_cast' } });
  });

  describe.each([
    ['a first vote', aHeldVote],
    ['a revision', aHeldRevision],
  ])('for a hold that then ran out is looked for too: %s', (_what, aHold) => {
    async function aVoidedHold(): Promise<VoteCase> {
      const vote = await aHold(stand);
      await answer(vote);
      await onSequencer(vote, MAINTENANCE);
      await expect(deliverHold(vote)).rejects.toMatchObject({ name: 'PostponeError' });
      return vote;
    }

    test('while none was made after it', async () => {
      const vote = await aVoidedHold();
      expect(await expireHold(vote)).toBe('expired');
      expect(await isSwept(vote)).toBe(true);
    });

    test('when the one that was made after it was not sent', async () => {
      const vote = await aVoidedHold();
      await expect(deliverHold(vote, { allowance: await spent(vote) })).rejects.toMatchObject({
        name: 'PostponeError',
      });
      expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 0 });
      expect(await expireHold(vote)).toBe('expired');
      expect(await vote.ledger()).not.toMatchObject({ state: 'reserved' });
      expect(await isSwept(vote)).toBe(true);
    });
  });
});

describe('where a vote that was voided stands when the proposal has closed, and not the one made after it', () => {
  /** Sent, voided, made anew and sent: both in vain, as far as anybody knew. */
  async function twoLostVotes(first: VoteCase, second: VoteCase): Promise<JobPayload<'sweep'>> {
    await onSequencer(first, MAINTENANCE);
    await expect(first.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await lose(second);
    const entry = await second.ledger();
    expect(entry).toMatchObject({ state: 'reserved', sends: 1 });
    const { proposal, runId } = second;
    return {
      run_id: runId,
      proposal_id: proposal.id,
      content_hash: contentHash(proposal),
      vote_id: entry?.vote_id ?? '',
    };
  }

  test('it is taken up, and is its run’s own', async () => {
    const vote = await stand.aVote();
    const payload = await twoLostVotes(vote, vote);
    await arrive(vote);
    await expect(look(vote, payload, -10)).rejects.toMatchObject(waits);
    expect(await look(vote, payload, 61)).toEqual({ end: 'settled' });
    await expectFound(vote);
  });

  type Transitions = VoteCase['deps']['transitions'];
  type Death = (transitions: Transitions) => Partial<Transitions>;
  const deaths: readonly [string, Death][] = [
    ['before it is noted', () => ({ settleLater: died })],
    ['before it is taken up', () => ({ adopt: died })],
    ['once it is taken up', ({ adopt }) => ({ adopt: async (vote) => (await adopt(vote), died()) })],
  ];
  const died = async (): Promise<never> => {
    throw new Error('the worker died');
  };

  /** The worker dies in the middle of it, and the job is delivered again. */
  async function lookTwice(vote: VoteCase, payload: JobPayload<'sweep'>, death: Death): Promise<void> {
    const { transitions } = vote.deps;
    const dying = { ...vote, deps: { ...vote.deps, transitions: { ...transitions, ...death(transitions) } } };
    await expect(look(dying, payload, 61)).rejects.toMatchObject({ cause: { message: 'the worker died' } });
    await look(vote, payload, 61);
  }

  test.each(deaths)('it is told although the worker dies %s', async (_when, death) => {
    const vote = await stand.aVote();
    const payload = await twoLostVotes(vote, vote);
    await arrive(vote);
    await lookTwice(vote, payload, death);
    await expectFound(vote);
  });

  test.each(deaths)('a secret one is compared at its reveal although the worker dies %s', async (_when, death) => {
    const vote = await stand.aVote({ proposal: { privacy: 'shutter' } });
    const payload = await twoLostVotes(vote, vote);
    await arrive(vote);
    await lookTwice(vote, payload, death);
    await stand.control('POST', 'shutter', { proposal: vote.proposal.id });
    const atReveal = { ...payload, vote_id: (await vote.hubVote())?.id ?? '' };
    expect(await isQueued(atReveal)).toBe(true);
    expect(await look(vote, atReveal, 120)).toEqual({ end: 'counted' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'as_cast' } });
    expect(await isTold(vote)).toBe(true);
  });

  test('to a run that decided otherwise it is an earlier one', async () => {
    const vote = await stand.aVote();
    const decision = { evidence_hash: aHash() };
    await onSequencer(vote, { status: 503, body: '' });
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    const next = await vote.nextRun({ ballot: ballotOf('basic', 2), decision });
    await lose(next);
    const entry = await next.ledger();
    const about = { run_id: next.runId, proposal_id: next.proposal.id, content_hash: contentHash(next.proposal) };
    const payload = { ...about, vote_id: entry?.vote_id ?? '' };
    await arrive(vote);
    expect(await look(next, payload, 61)).toEqual({ end: 'settled' });
    await expectFound(next, byAnEarlierRun);
  });
});

describe('where the vote that was made after a sent one is taken back unsent, the sent one is looked for', () => {
  /** The next vote is reserved, and cannot be sent yet. */
  async function reserveOnly(vote: VoteCase): Promise<void> {
    await expect(vote.deliver({ allowance: await spent(vote) })).rejects.toMatchObject({ name: 'PostponeError' });
    expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 0 });
  }

  /** It is found once the proposal has closed: until then the one after it could still be made. */
  async function expectFoundAtLast(vote: VoteCase, at: number, later?: object): Promise<void> {
    expect(await isSwept(vote)).toBe(true);
    const payload = await payloadOf(vote);
    await expect(look(vote, payload, -10)).rejects.toMatchObject(waits);
    await stand.control('POST', 'clock', { now: null });
    await arrive(vote, at);
    expect(await look(vote, payload, 61)).toEqual({ end: 'settled' });
    await expectFound(vote, later);
  }

  test('by the same run', async () => {
    const vote = await stand.aVote();
    await onSequencer(vote, MAINTENANCE);
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await reserveOnly(vote);
    await vote.writePreferences({ approval: 'always' });
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'approval_always' });
    expect(await vote.ledger()).toMatchObject({ state: 'voided', sends: 0 });
    await expectFoundAtLast(vote, 0);
  });

  test('as a revision', async () => {
    const stood = await stand.aVote({ preferences: { revise_votes: true } });
    expect(await stood.vote()).toEqual({ kind: 'cast' });
    const vote = await stood.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
    await onSequencer(vote, MAINTENANCE);
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await reserveOnly(vote);
    await vote.writePreferences({ approval: 'always', revise_votes: true });
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'approval_always' });
    expect(await vote.ledger()).toMatchObject({ state: 'cast', run_id: stood.runId });
    await expectFoundAtLast(vote, 1);
  });

  test('by another run, whose sweep it is then', async () => {
    const vote = await aVoteVoidedAtLast();
    const payload = await payloadOf(vote);
    const next = await vote.nextRun();
    await reserveOnly(next);
    expect(await look(vote, payload)).toEqual({ end: 'nothing' });
    await next.writePreferences({ approval: 'always' });
    expect(await next.vote()).toEqual({ kind: 'held', why: 'approval_always' });
    await expectFoundAtLast(next, 0, byAnEarlierRun);
  });
});
