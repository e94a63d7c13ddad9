/**
 * What a vote leaves open when its run has ended, looked at again until it is settled:
 *
 *   sent, and nobody knew whether it arrived    read back until the proposal closes, and a last time after that; then voided
 *   sent and then voided                        the same: where its bytes arrived all the same it is taken up as cast
 *   cast, and its run says that it was not      told; where its run says that another vote stands, and one does, it is no news
 *   a secret vote that is cast                  read back after the close, until its choice is revealed; then compared
 *
 * What comes of it stands beside the outcome (`settleLater`), and the owner is told. A sweep is a job that waits between two looks;
 * it ends at the latest a week after the close, and where its run is kept no more (30 days). It sends and signs nothing.
 */
import { toQuorumError } from '@quorum/shared/errors';
import type { JobPayload, JobResult } from '@quorum/shared/jobs';
import type { OutcomeRecord, RunRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { tellSecurity } from '@quorum/shared/security-events';
import type { HubVote } from '@quorum/snapshot/hub';
import type { Proposal } from '@quorum/snapshot/proposal';
import { recognise } from './adopt.ts';
import { evidenceOf } from './intent.ts';
import { isBefore, isVoided } from './late.ts';
import { type Found, openVote } from './open-vote.ts';
import { voidIntent } from './preflight.ts';
import { readBack } from './read-back.ts';
import { type SentVote, settle } from './send.ts';
import { skipped, wasCast } from './step.ts';
import { payloadOf, SHORTEST_MS } from './sweep-later.ts';
import type { VoteDeps, VoteJobDeps, VoteRef } from './vote-deps.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** After the close nothing can arrive any more, but what was taken just before may not be shown yet. */
const LAST_LOOK_MS = MINUTE_MS;
/** Keypers take minutes. What is not revealed by then never is. */
const GIVE_UP_MS = 7 * 24 * 60 * MINUTE_MS;
const LONGEST_MS = 10 * MINUTE_MS;
const ABSENT = 'it is not on the hub';

export type SweepEnd = JobResult<'sweep'>['end'];
type Told = 'settled_later' | 'counted_differently' | 'not_revealed';

/** One look. Throws a `PostponeError` until there is an end. */
export async function sweepJob(
  payload: JobPayload<'sweep'>,
  given: VoteJobDeps,
  signal: AbortSignal,
): Promise<JobResult<'sweep'>> {
  const run = await given.records.run(payload.run_id);
  if (run === null) {
    given.log.warn('a vote is left unsettled: no record');
    return { end: 'given_up' };
  }
  const all = { ...given, ...(await given.termsOf(run)), log: given.log.child({ owner: run.owner }) };
  const found = await openVote(run, payload, GIVE_UP_MS, all);
  if (found === null) return { end: 'nothing' };
  try {
    return { end: await look(found, run, all, signal) };
  } catch (thrown) {
    if (thrown instanceof PostponeError || signal.aborted) throw thrown;
    const error = toQuorumError(thrown);
    if (error.category !== 'upstream_unavailable' && error.category !== 'rate_limited') throw error;
    return { end: await lookAgain(found, run, error.message, all) };
  }
}

async function look(found: Found, run: RunRecord, deps: VoteDeps, signal: AbortSignal): Promise<SweepEnd> {
  const { vote, entry } = found;
  const { ref, licence, proposal } = vote;
  const isSecret = proposal.privacy === 'shutter';
  const endMs = proposal.end * SECOND_MS;
  if (entry.state === 'cast' && entry.sends > 0 && saysAnother(run, ref)) {
    const [shown] = await deps.hub.votes({ voter: licence.voter, proposals: [ref.proposal] }, signal);
    if (isReplaced(shown, vote, deps)) return 'settled';
  }
  if (entry.state === 'cast' && isSecret && deps.now() < endMs + LAST_LOOK_MS) {
    await note(found, run, wasCast(vote.voteId, entry.receipt, deps.now(), 'unknown'), deps);
    throw new PostponeError(endMs + LAST_LOOK_MS - deps.now(), 'its choice is secret until the vote ends');
  }
  // The count before the vote: once that is final, what the vote then says has been counted.
  const count = entry.state === 'cast' && isSecret ? await deps.hub.proposal(ref.proposal, signal) : null;
  const [row] = await deps.hub.votes({ voter: licence.voter, proposals: [ref.proposal] }, signal);
  if (entry.state === 'cast') {
    return isSecret ? compare(found, run, row, count, deps) : alreadyCast(found, run, row, deps);
  }
  if (row === undefined || isNotYetThis(row, found, deps)) {
    return deps.now() < endMs + LAST_LOOK_MS ? lookAgain(found, run, ABSENT, deps) : closed(found, run, row, deps);
  }
  if (entry.state === 'voided') {
    // It can arrive no more: what is dated later stands.
    if (row.id !== vote.voteId) return 'voided';
    await takeUp(found, row, deps);
  }
  const record = await settle(vote, row, deps);
  await note(found, run, record, deps);
  if (record.outcome.kind !== 'cast' || record.outcome.counted !== 'unknown') return 'settled';
  throw new PostponeError(SHORTEST_MS, 'its choice is still secret');
}

/** A vote that was voided stands all the same: it is cast, unless the hub shows another ballot than was signed. */
async function takeUp({ vote, entry, stands }: Found, row: HubVote, { transitions, now }: VoteDeps): Promise<void> {
  const { ref, licence, voteId, intent, proposal } = vote;
  if (readBack(row, voteId, intent, proposal) === 'different') return;
  const taken = await transitions.adopt({
    ...ref,
    voter: licence.voter,
    voteId,
    nowMs: now(),
    intent: entry.intent,
    created: intent.message.timestamp,
    instead: { state: stands.state, voteId: stands.vote_id },
  });
  if (!taken) throw new PostponeError(SHORTEST_MS, 'another vote is being made in its place');
}

/**
 * Whether this vote may arrive yet and take the place of the one that stands: what a revision is to replace, late bytes of one that was
 * voided before, and once this one is voided whatever is dated before it.
 */
function isNotYetThis(row: HubVote, { vote, entry }: Found, deps: VoteDeps): boolean {
  const { ref, licence, intent, voteId } = vote;
  if (row.id === entry.replaces?.vote_id || isBefore(row, intent, ref, licence, deps)) return true;
  return entry.state === 'voided' && row.id !== voteId && row.created <= intent.message.timestamp;
}

/** The proposal has closed without this vote: it is void, and one that was voided before it may stand in its place. */
async function closed(found: Found, run: RunRecord, row: HubVote | undefined, deps: VoteDeps): Promise<SweepEnd> {
  const { ref, licence, intent, proposal } = found.vote;
  if (found.entry.state === 'reserved') {
    await voidIntent(found.entry, 'the proposal closed without this vote', ref, licence, deps);
  }
  const entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
  if (row === undefined || !isVoided(row, entry, proposal, ref, licence, deps)) return 'voided';
  const meant = { ballot: intent.ballot, inputsHash: intent.inputs_hash, evidenceHash: evidenceOf(intent) };
  const { whose, take } = await recognise(row, { proposal, entry }, meant, ref, licence, deps);
  const isSecret = proposal.privacy === 'shutter';
  const record =
    whose === 'this'
      ? wasCast(row.id, undefined, deps.now(), isSecret ? 'unknown' : undefined)
      : skipped('already_voted', deps.now(), 'by an earlier run');
  // Before it is taken up: from then on this sweep finds another vote than its own, and would say nothing where it is cut off here.
  await note(found, run, record, deps);
  // Not at once: it finds nothing while this vote is not taken up, and a job that is cut off is back long before.
  if (whose === 'this' && isSecret) await deps.sweeps.add(payloadOf(ref, row.id), LONGEST_MS);
  await take();
  return 'settled';
}

/** Somebody else settled it: a later run that went on with the same intent, or this job before it was cut off. */
async function alreadyCast(found: Found, run: RunRecord, row: HubVote | undefined, deps: VoteDeps): Promise<SweepEnd> {
  const { vote, entry } = found;
  const record = wasCast(vote.voteId, entry.receipt, deps.now());
  await note(found, run, isReplaced(row, vote, deps) ? { ...record, detail: REPLACED } : record, deps);
  return 'settled';
}

const REPLACED = 'another vote of yours took its place';

/** Whether its run said that another vote stands there. Where one does, that ours was cast before it is no news. */
function saysAnother({ outcomes }: RunRecord, { proposal }: VoteRef): boolean {
  const outcome = outcomes.get(proposal)?.outcome;
  return outcome?.kind === 'skipped' && outcome.why === 'already_voted';
}

/** Whether the hub shows a vote that took the place of this one; one that lags shows what this one is dated after. */
function isReplaced(row: HubVote | undefined, { ref, licence, intent, voteId }: SentVote, deps: VoteDeps): boolean {
  return row !== undefined && row.id !== voteId && !isBefore(row, intent, ref, licence, deps);
}

/** A secret vote after the close: is what was counted what was cast? */
async function compare(
  found: Found,
  run: RunRecord,
  row: HubVote | undefined,
  count: Proposal | null,
  deps: VoteDeps,
): Promise<SweepEnd> {
  const { vote, entry } = found;
  const says = (counted: 'unknown' | 'as_cast' | 'different', detail?: string): OutcomeRecord => ({
    ...wasCast(vote.voteId, entry.receipt, deps.now(), counted),
    ...(detail === undefined ? {} : { detail }),
  });
  switch (readBack(row ?? null, vote.voteId, vote.intent, vote.proposal)) {
    case 'ours':
      await note(found, run, says('as_cast'), deps);
      return 'counted';
    case 'other':
      await note(found, run, says('unknown', REPLACED), deps);
      return 'settled';
    case 'none':
      return lookAgain(found, run, ABSENT, deps);
    case 'sealed':
      if (count?.scores_state !== 'final') return lookAgain(found, run, 'its choice is not revealed yet', deps);
      await differs(found, run, says('different', UNREADABLE), deps);
      return 'counted';
    case 'different':
      await differs(found, run, says('different', 'the revealed choice is not the ballot that was cast'), deps);
      return 'counted';
  }
}

const UNREADABLE =
  'it could not be decrypted and was not counted; SHUTTER_EON_PUBLIC_KEY may not be the key that Snapshot uses';

async function differs(found: Found, run: RunRecord, record: OutcomeRecord, deps: VoteDeps): Promise<void> {
  const { ref, voteId } = found.vote;
  tellSecurity(deps, 'vote_counted_differently', { vote_id: voteId, why: record.detail });
  await note(found, run, record, deps);
  await tell(ref, 'counted_differently', deps);
}

/** Nothing is known yet: another look, or the end where none would help. */
async function lookAgain(found: Found, run: RunRecord, why: string, deps: VoteDeps): Promise<SweepEnd> {
  const { vote, entry } = found;
  const nowMs = deps.now();
  const endMs = vote.proposal.end * SECOND_MS;
  const isCast = entry.state === 'cast';
  if (nowMs >= endMs + GIVE_UP_MS) {
    if (!isCast) return 'given_up';
    await note(found, run, { ...wasCast(vote.voteId, entry.receipt, nowMs, 'unknown'), detail: why }, deps);
    await tell(vote.ref, 'not_revealed', deps);
    return 'given_up';
  }
  // The longer it takes, the longer the wait; but the last look comes right after the close.
  const sinceMs = isCast ? endMs : entry.reserved_at;
  const waitMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (nowMs - sinceMs) / 10));
  const lastMs = endMs + LAST_LOOK_MS - nowMs;
  throw new PostponeError(Math.round(lastMs > 0 ? Math.min(waitMs, lastMs) : waitMs), why);
}

/** Notes what is known now where it is news, and tells of a vote that came out otherwise than its run said. */
async function note({ vote }: Found, run: RunRecord, record: OutcomeRecord, deps: VoteDeps): Promise<void> {
  const { ref, licence, voteId } = vote;
  const known = run.later.get(ref.proposal) ?? run.outcomes.get(ref.proposal);
  if (known !== undefined && sameNews(known, record)) return;
  // Told first: once it is noted it is no news any more. A notice that is queued twice is one.
  if (known?.outcome.kind !== record.outcome.kind) await tell(ref, 'settled_later', deps);
  const stands = await deps.transitions.settleLater(
    { ...ref, voter: licence.voter, voteId, nowMs: deps.now() },
    record,
  );
  const counted = record.outcome.kind === 'cast' ? record.outcome.counted : undefined;
  if ((counted === 'as_cast' || counted === 'different') && stands !== 'unknown' && stands !== counted) {
    // The first word stands in the ledger, and nobody but a sweep says it: what the hub shows cannot have been otherwise.
    tellSecurity(deps, 'ledger_altered', { vote_id: voteId, counted, stands });
  }
  deps.log.info({ vote_id: voteId, outcome: record.outcome.kind, counted }, 'settled later');
}

function sameNews(a: OutcomeRecord, b: OutcomeRecord): boolean {
  return JSON.stringify([a.outcome, a.detail]) === JSON.stringify([b.outcome, b.detail]);
}

async function tell({ owner, space, proposal, runId }: VoteRef, event: Told, deps: VoteDeps): Promise<void> {
  await deps.sweeps.tell({ owner, space_id: space, proposal_id: proposal, run_id: runId, event });
}
