/** What a run left unsettled: found later, told, and never guessed. */
import { jobIds, type JobPayload, MAX_PRIORITY } from '@quorum/shared/jobs';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { connectPatient } from '@quorum/shared/redis';
import { contentHash } from '@quorum/snapshot/content-hash';
import { Queue } from 'bullmq';
import { afterEach, describe, expect, test } from 'vitest';
import { aHash, quiet } from '../../../packages/shared/test/samples.ts';
import { decryptionKeyOf, EON_PUBLIC_KEY } from '../../../packages/sandbox/src/sequencer/shutter-keys.ts';
import { ballotOf, DAY_S, type Given, jobDeps, nowS, until, useStand, type VoteCase } from '../test/stand.ts';
import { sweepJob } from './sweep.ts';
import type { VoteDeps } from './vote-deps.ts';
import { startVoter } from './worker.ts';

const stand = useStand();
afterEach(() => stand.control('POST', 'clock', { now: null }));

const WEEK_S = 7 * DAY_S;

async function payloadOf(vote: VoteCase): Promise<JobPayload<'sweep'>> {
  const entry = await vote.ledger();
  if (entry === null) throw new Error('there is no ledger entry');
  const content_hash = contentHash(vote.proposal);
  return { run_id: vote.runId, proposal_id: vote.proposal.id, content_hash, vote_id: entry.vote_id };
}

/** One look, so many seconds after the proposal's end by everybody's clock; without, now. */
async function sweep(vote: VoteCase, afterEndS?: number, given: Partial<VoteDeps> = {}) {
  const atS = afterEndS === undefined ? null : vote.proposal.end + afterEndS;
  await stand.control('POST', 'clock', { now: atS });
  const now = atS === null ? Date.now : () => atS * 1_000;
  return sweepJob(await payloadOf(vote), jobDeps({ ...vote.deps, now, ...given }), new AbortController().signal);
}

const postponed = (why: RegExp) => ({ name: 'PostponeError', message: expect.stringMatching(why) });
const laterOf = async (vote: VoteCase) => (await vote.deps.records.run(vote.runId))?.later.get(vote.proposal.id);
const isQueued = async (queue: string, id: string): Promise<boolean> =>
  (await stand.redis().exists(`${BULL_PREFIX}:${queue}:${id}`)) === 1;
const isTold = (vote: VoteCase, event: JobPayload<'notify'>['event']): Promise<boolean> =>
  isQueued('notify', `${event}-${vote.owner}-${vote.proposal.id}-${vote.runId}`);

/** A vote that was sent and whose run ended as failed: nobody knew whether it had arrived. */
async function aFailedVote(given: Given = {}): Promise<VoteCase> {
  const vote = await stand.aVote(given);
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  const match = { body_contains: vote.proposal.id };
  await stand.fault({ endpoint: 'hub', count: 1, match, status: 503 });
  const late = (): number => Date.now() + 901_000;
  expect(await vote.deliver({ now: late })).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
  return vote;
}

/** The bytes that were sent arrive after all. */
async function arrive(vote: VoteCase): Promise<void> {
  const [body] = vote.sends();
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${stand.sandbox().url}/`, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(response.status).toBe(200);
}

describe('a vote that was sent in vain, as far as its run knew', () => {
  test('has a sweep waiting from the moment that its outcome is recorded', async () => {
    const vote = await aFailedVote();
    expect(await isQueued('vote', jobIds.sweep(await payloadOf(vote)))).toBe(true);
  });

  test('and is found on the hub later, is cast: beside the outcome, and told', async () => {
    const vote = await aFailedVote();
    await expect(sweep(vote)).rejects.toMatchObject(postponed(/not on the hub/));
    expect(await laterOf(vote)).toBeUndefined();
    await arrive(vote);
    expect(await sweep(vote)).toEqual({ end: 'settled' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast' } });
    expect((await vote.record())?.outcome).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
    expect(await vote.ledger()).toMatchObject({ state: 'cast' });
    expect((await vote.audit()).at(-1)).toBe('cast');
    expect(await isTold(vote, 'settled_later')).toBe(true);
    expect(await sweep(vote)).toEqual({ end: 'settled' });
  });

  test('and was settled by a later run, is told to its own run too', async () => {
    const vote = await aFailedVote();
    const next = await vote.nextRun();
    expect(await next.vote()).toEqual({ kind: 'cast' });
    expect(await sweep(vote)).toEqual({ end: 'settled' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast' } });
  });

  test('and never arrives, is voided after the close, not before', async () => {
    const vote = await aFailedVote();
    await expect(sweep(vote, -10)).rejects.toMatchObject({ ...postponed(/not on the hub/), delayMs: 70_000 });
    expect(await sweep(vote, 61)).toEqual({ end: 'voided' });
    expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'the proposal closed without this vote' });
    expect(await laterOf(vote)).toBeUndefined();
  });

  test('and whose owner voted instead, is theirs', async () => {
    const vote = await aFailedVote();
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    expect(await sweep(vote)).toEqual({ end: 'settled' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'skipped', why: 'already_voted' } });
    expect(await vote.ledger()).toMatchObject({ state: 'voided' });
  });

  test('and shows with another choice, is told as such', async () => {
    const vote = await aFailedVote();
    const { voter, space, proposal } = vote;
    const entry = await vote.ledger();
    const row = { id: entry?.vote_id, voter, created: entry?.created, space, proposal: proposal.id, choice: 3 };
    await stand.control('PATCH', 'world', { votes: [row] });
    expect(await sweep(vote)).toEqual({ end: 'settled' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'failed', why: 'vote_rejected' } });
    expect(await vote.security()).toEqual({ vote_differs: 1 });
  });

  test('and whose hub is away, waits; for a week after the close, no longer', async () => {
    const vote = await aFailedVote();
    const fault = { endpoint: 'hub', count: 1, match: { body_contains: vote.proposal.id }, status: 503 };
    await stand.fault(fault);
    await expect(sweep(vote, 3_600)).rejects.toMatchObject(postponed(/no usable answer/));
    await stand.fault(fault);
    expect(await sweep(vote, WEEK_S)).toEqual({ end: 'given_up' });
    expect(await vote.ledger()).toMatchObject({ state: 'reserved' });
  });

  test('and that a newer one has replaced, is nobody’s matter any more', async () => {
    const vote = await aFailedVote();
    const old = await payloadOf(vote);
    expect(await (await vote.nextRun({ ballot: ballotOf('basic', 2) })).vote()).toEqual({ kind: 'cast' });
    const deps = jobDeps(vote.deps);
    expect(await sweepJob(old, deps, new AbortController().signal)).toEqual({ end: 'nothing' });
  });

  test('and whose intent was altered in Redis, is named and left', async () => {
    const vote = await aFailedVote();
    await stand.redis().hset(keys.ledger(vote.voter, vote.space, vote.proposal.id), { intent: '{}' });
    expect(await sweep(vote)).toEqual({ end: 'nothing' });
    expect(await vote.security()).toEqual({ intent_refused: 1 });
  });
});

test('a vote that was sent, and whose job then finds voting paused, is swept too', async () => {
  const vote = await stand.aVote();
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  await stand.redis().del(keys.votingOwner(vote.owner));
  expect(await vote.deliver()).toEqual({ kind: 'held', why: 'voting_paused' });
  expect(await isQueued('vote', jobIds.sweep(await payloadOf(vote)))).toBe(true);
});

test('a run that is kept no more is not swept for ever', async () => {
  const vote = await aFailedVote();
  await stand.redis().del(keys.run(vote.runId));
  expect(await sweep(vote)).toEqual({ end: 'given_up' });
  expect(await stand.redis().exists(keys.run(vote.runId))).toBe(0);
});

test('a vote that is cast, or that was never sent, leaves no sweep', async () => {
  const [cast, refused] = [await stand.aVote(), await stand.aVote({ power: 0 })];
  await cast.vote();
  await refused.vote();
  expect(await isQueued('vote', jobIds.sweep(await payloadOf(cast)))).toBe(false);
  expect(await refused.ledger()).toBeNull();
});

async function aSecretVote(given: Readonly<Record<string, unknown>> = {}): Promise<VoteCase> {
  const vote = await stand.aVote({ type: 'weighted', proposal: { privacy: 'shutter', ...given } });
  expect(await vote.vote()).toEqual({ kind: 'cast', counted: 'unknown' });
  return vote;
}

/** The keypers give the key of this proposal out, a minute after its end. */
async function reveal(vote: VoteCase): Promise<void> {
  await stand.control('POST', 'clock', { now: vote.proposal.end + 60 });
  await stand.control('POST', 'shutter', { proposal: vote.proposal.id });
}

describe('a secret vote', () => {
  test('is looked at when its vote has ended, and again until its choice is revealed', async () => {
    const vote = await aSecretVote();
    expect(await isQueued('vote', jobIds.sweep(await payloadOf(vote)))).toBe(true);
    await expect(sweep(vote, -1_000)).rejects.toMatchObject({ ...postponed(/secret/), delayMs: 1_060_000 });
    await expect(sweep(vote, 120)).rejects.toMatchObject({ ...postponed(/not revealed/), delayMs: 30_000 });
    await expect(sweep(vote, 86_400)).rejects.toMatchObject({ ...postponed(/not revealed/), delayMs: 600_000 });
    expect(await laterOf(vote)).toBeUndefined();
  });

  test('that counted as cast is said to have, once, however often it is looked at', async () => {
    const vote = await aSecretVote();
    await reveal(vote);
    expect(await sweep(vote, 120)).toEqual({ end: 'counted' });
    expect(await sweep(vote, 180)).toEqual({ end: 'counted' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'as_cast' } });
    expect((await vote.record())?.outcome).toEqual({ kind: 'cast', counted: 'unknown' });
    expect(await vote.ledger()).toMatchObject({ state: 'cast', counted: 'as_cast' });
    expect((await vote.audit()).filter((kind) => kind === 'counted')).toHaveLength(1);
    expect(await isTold(vote, 'settled_later')).toBe(false);
  });

  test('that counted as another is a security event, and told', async () => {
    const vote = await aSecretVote();
    await reveal(vote);
    const { voter, space, proposal } = vote;
    const entry = await vote.ledger();
    const row = { id: entry?.vote_id, voter, created: entry?.created, space, proposal: proposal.id, choice: { 2: 1 } };
    await stand.control('PATCH', 'world', { votes: [row] });
    expect(await sweep(vote, 120)).toEqual({ end: 'counted' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'different' } });
    expect(await vote.ledger()).toMatchObject({ counted: 'different' });
    expect(await vote.security()).toEqual({ vote_counted_differently: 1 });
    expect(await isTold(vote, 'counted_differently')).toBe(true);
  });

  test('that nobody could decrypt did not count, and the setting is named', async () => {
    // The keypers hold the key of another proposal: to them ours is garbage.
    const shutter = { eon_public_key: EON_PUBLIC_KEY, decryption_key: decryptionKeyOf(`0x${'5f'.repeat(32)}`) };
    const vote = await aSecretVote({ shutter });
    await reveal(vote);
    expect(await sweep(vote, 120)).toEqual({ end: 'counted' });
    expect(await laterOf(vote)).toMatchObject({
      outcome: { kind: 'cast', counted: 'different' },
      detail: expect.stringMatching(/SHUTTER_EON_PUBLIC_KEY/),
    });
    expect(await isTold(vote, 'counted_differently')).toBe(true);
  });

  test('in whose place the owner voted is not compared', async () => {
    const vote = await aSecretVote();
    expect(await vote.ownerVotes(ballotOf('weighted', 2))).toMatch(/^200/);
    await reveal(vote);
    expect(await sweep(vote, 120)).toEqual({ end: 'settled' });
    expect(await laterOf(vote)).toMatchObject({
      outcome: { kind: 'cast', counted: 'unknown' },
      detail: expect.stringMatching(/took its place/),
    });
    expect(await vote.security()).toEqual({});
  });

  test('that is not revealed within a week is given up on, and told', async () => {
    const vote = await aSecretVote();
    expect(await sweep(vote, WEEK_S)).toEqual({ end: 'given_up' });
    expect(await laterOf(vote)).toMatchObject({
      outcome: { counted: 'unknown' },
      detail: 'its choice is not revealed yet',
    });
    expect(await isTold(vote, 'not_revealed')).toBe(true);
  });

  test('whose count somebody wrote into the ledger beforehand is named, and told as the hub shows it', async () => {
    const vote = await aSecretVote();
    await stand.redis().hset(keys.ledger(vote.voter, vote.space, vote.proposal.id), 'counted', 'different');
    await reveal(vote);
    expect(await sweep(vote, 120)).toEqual({ end: 'counted' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'as_cast' } });
    expect(await vote.security()).toEqual({ ledger_altered: 1 });
  });

  test('is compared also where a revision of it came to nothing', async () => {
    const vote = await stand.aVote({ proposal: { privacy: 'shutter' }, preferences: { revise_votes: true } });
    expect(await vote.vote()).toEqual({ kind: 'cast', counted: 'unknown' });
    const payload = await payloadOf(vote);
    const revision = await vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
    await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
    await expect(revision.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await reveal(vote);
    const now = (): number => (vote.proposal.end + 120) * 1_000;
    const look = () => sweepJob(payload, jobDeps({ ...vote.deps, now }), new AbortController().signal);
    await expect(look()).rejects.toMatchObject(postponed(/revision/));
    expect(await sweep(revision, 120)).toEqual({ end: 'voided' });
    expect(await look()).toEqual({ end: 'counted' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'as_cast' } });
  });

  test('that was sent in vain is settled first and compared later', async () => {
    const vote = await aFailedVote({ proposal: { privacy: 'shutter' } });
    await arrive(vote);
    await expect(sweep(vote)).rejects.toMatchObject(postponed(/secret/));
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'unknown' } });
    await reveal(vote);
    expect(await sweep(vote, 120)).toEqual({ end: 'counted' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'as_cast' } });
    expect(await isTold(vote, 'settled_later')).toBe(true);
  });
});

test('a sweep is worked by the voter’s worker, and waits there until there is an end', async () => {
  const vote = await aSecretVote({ end: nowS() + 600 });
  const payload = await payloadOf(vote);
  const connection = connectPatient(stand.server().url, quiet);
  const queue = new Queue('vote', { connection, prefix: BULL_PREFIX });
  const worker = startVoter({ connection, concurrency: 1, lockS: 5, deps: jobDeps(vote.deps) });
  try {
    await (await queue.getJob(jobIds.sweep(payload)))?.promote();
    const job = await until('the sweep to wait again', async () => {
      const found = await queue.getJob(jobIds.sweep(payload));
      // One reading: asked apart, it may be put off between being read and being asked whether it is.
      return found !== undefined && found.attemptsStarted > 0 && found.delay > 0 ? found : null;
    });
    expect(job.delay).toBeGreaterThan(500_000);
    expect(job.priority).toBe(MAX_PRIORITY);
    expect(job.attemptsMade).toBe(0);
  } finally {
    await worker.close(1_000);
    await queue.close();
    connection.disconnect();
  }
});
