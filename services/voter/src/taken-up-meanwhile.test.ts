/** A vote of ours that was voided arrives and is taken up, while one that is to be made instead waits for the hub. */
import type { JobPayload } from '@quorum/shared/jobs';
import { contentHash } from '@quorum/snapshot/content-hash';
import { expect, test } from 'vitest';
import { aHeldVote, answer, castHold, deliverHold, endRun } from '../test/holds.ts';
import { ballotOf, jobDeps, useStand, type VoteCase } from '../test/stand.ts';
import { sweepJob } from './sweep.ts';

const stand = useStand();
const REFUSED = { status: 400, body: { error: 'client_error', error_description: 'failed vote validation' } };

async function onSequencer(vote: VoteCase, fault: Readonly<Record<string, unknown>>): Promise<void> {
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, ...fault });
}

/** Sends a vote of which nobody hears, and then one that is refused for good. Returns what its sweep looks for. */
async function voidSent(vote: VoteCase, deliver: () => Promise<unknown>): Promise<JobPayload<'sweep'>> {
  await onSequencer(vote, { status: 503, body: '' });
  await expect(deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  await onSequencer(vote, REFUSED);
  await deliver();
  const entry = await vote.ledger();
  expect(entry).toMatchObject({ state: 'voided', sends: 2 });
  const about = { run_id: vote.runId, proposal_id: vote.proposal.id, content_hash: contentHash(vote.proposal) };
  return { ...about, vote_id: entry?.vote_id ?? '' };
}

/** A hub at which it arrives, and is swept, between two answers to the job that is about to make another vote. */
function hubAtWhichItArrives(vote: VoteCase, payload: JobPayload<'sweep'>): VoteCase['deps']['hub'] {
  const { hub } = vote.deps;
  const [bytes] = vote.sends();
  let arriving: Promise<void> | undefined;
  async function arrive(): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const sent = await fetch(stand.sandbox().url, { method: 'POST', headers, body: JSON.stringify(bytes) });
    expect(sent.status).toBe(200);
    const end = await sweepJob(payload, jobDeps(vote.deps), new AbortController().signal);
    expect(end).toEqual({ end: 'settled' });
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: payload.vote_id });
  }
  const looked = Promise.withResolvers<void>();
  return {
    ...hub,
    async votes(...asked) {
      const votes = await hub.votes(...asked);
      looked.resolve();
      return votes;
    },
    async votingPower(...asked) {
      await looked.promise;
      arriving ??= arrive();
      await arriving;
      return hub.votingPower(...asked);
    },
  };
}

const others = { ballot: ballotOf('basic', 2), ballot_from: 'owner' } as const;

async function expectOwnersWord(vote: VoteCase): Promise<void> {
  const stands = await vote.hubVote();
  expect(stands?.choice).toBe(2);
  expect(await vote.ledger()).toMatchObject({ state: 'cast', run_id: vote.runId, vote_id: stands?.id });
}

test('of the same hold: what is cast is the ballot that its owner approved last', async () => {
  const vote = await aHeldVote(stand);
  await answer(vote);
  const payload = await voidSent(vote, () => deliverHold(vote));
  expect(await answer(vote, others)).toEqual({ kind: 'done', state: 'approved' });
  expect(await castHold(vote, { hub: hubAtWhichItArrives(vote, payload) })).toBe('cast');
  await expectOwnersWord(vote);
});

test('of an earlier run: its owner’s answer replaces it', async () => {
  const first = await stand.aVote();
  const payload = await voidSent(first, first.deliver);
  await first.writePreferences({ approval: 'always' });
  const vote = await first.nextRun();
  expect(await vote.vote()).toEqual({ kind: 'held', why: 'approval_always' });
  await endRun(vote);
  await answer(vote, others);
  expect(await castHold(vote, { hub: hubAtWhichItArrives(first, payload) })).toBe('cast');
  await expectOwnersWord(vote);
});

test('of an earlier run, to a run that may not revise it: it stands', async () => {
  const first = await stand.aVote();
  const payload = await voidSent(first, first.deliver);
  const vote = await first.nextRun({ ballot: ballotOf('basic', 2) });
  expect(await vote.vote({ hub: hubAtWhichItArrives(first, payload) })).toEqual({
    kind: 'skipped',
    why: 'already_voted',
  });
  expect(await first.hubVote()).toMatchObject({ id: payload.vote_id, choice: 1 });
});
