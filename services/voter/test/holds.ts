/** Answers holds as the gateway does, and works their jobs as the queue would. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Hold, HoldAnswer, HoldState } from '@quorum/shared/hold';
import { holdIdOf } from '@quorum/shared/ids';
import { PostponeError } from '@quorum/shared/run-worker';
import { sealAnswer } from '@quorum/shared/sealed-answer';
import { expect } from 'vitest';
import { anAnswerTo } from '../../../packages/shared/test/holds.ts';
import { aHash, aResponse } from '../../../packages/shared/test/samples.ts';
import { castHoldJob } from '../src/cast-hold.ts';
import { expireJob } from '../src/expire.ts';
import type { VoteDeps } from '../src/vote-deps.ts';
import { ballotOf, jobDeps, type Given, type Stand, type VoteCase } from './stand.ts';

const SHORTENED_MS = 100;

/** The hold of this run on its proposal. */
export async function holdOf(vote: VoteCase): Promise<Hold> {
  const hold = await vote.deps.records.hold(holdIdOf(vote.runId, vote.proposal.id));
  if (hold === null) throw new Error('there is no hold');
  return hold;
}

/** A vote that its owner is to approve, in a run that has ended. */
export async function aHeldVote(stand: Stand, given: Given = {}): Promise<VoteCase> {
  const vote = await stand.aVote({ preferences: { approval: 'always' }, ...given });
  await vote.vote();
  await endRun(vote);
  return vote;
}

/** A vote that stands, and a later run whose revision of it is held. */
export async function aHeldRevision(stand: Stand): Promise<VoteCase> {
  const vote = await stand.aVote({ preferences: { revise_votes: true, approval: 'when_unsure' } });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  const decision = { inputs_hash: aHash(), executable: true };
  const later = await vote.nextRun({ ballot: ballotOf('basic', 2), decision });
  expect(await later.vote()).toEqual({ kind: 'held', why: 'executable' });
  await endRun(later);
  return later;
}

export async function endRun({ owner, runId, space, deps }: VoteCase): Promise<void> {
  await deps.transitions.finish({ owner, dryRun: false }, aResponse(runId, { space_id: space }), Date.now());
}

/** The owner answers. */
export async function answer(vote: VoteCase, given: Partial<HoldAnswer> = {}) {
  const hold = await holdOf(vote);
  const nowMs = Date.now();
  const sealed = sealAnswer(anAnswerTo(hold.subject, { answered_at: nowMs, ...given }), vote.deps.answerKey);
  return vote.deps.transitions.answerHold(hold, { kind: 'answer', sealed }, nowMs);
}

/** Works the job of the hold's vote until it ends. */
export async function castHold(vote: VoteCase, changed: Partial<VoteDeps> = {}): Promise<HoldState> {
  for (let tries = 1; tries <= 10; tries += 1) {
    try {
      return await deliverHold(vote, changed);
    } catch (error) {
      if (!(error instanceof PostponeError)) throw error;
      await pause(Math.min(error.delayMs, SHORTENED_MS));
    }
  }
  throw new Error('postponed ten times');
}

/** Works it once. */
export async function deliverHold(vote: VoteCase, changed: Partial<VoteDeps> = {}): Promise<HoldState> {
  const payload = { hold_id: holdIdOf(vote.runId, vote.proposal.id) };
  const deps = jobDeps({ ...vote.deps, ...changed });
  return (await castHoldJob(payload, deps, new AbortController().signal)).state;
}

/** Works the job that ends the hold, at its deadline unless it says otherwise. */
export async function expireHold(vote: VoteCase, changed: Partial<VoteDeps> = {}): Promise<HoldState> {
  const hold = await holdOf(vote);
  const deps = jobDeps({ ...vote.deps, now: () => hold.deadlineMs, ...changed });
  return (await expireJob({ hold_id: hold.subject.hold_id }, deps, new AbortController().signal)).state;
}
