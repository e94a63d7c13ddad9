/** Sends a reserved vote and settles what came of it. The order of these lines is what makes a vote happen once. */
import { hashOf } from '@quorum/shared/canonical';
import type { OutcomeRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import type { Confirmation } from '@quorum/shared/vote-transitions';
import { tellSecurity } from '@quorum/shared/security-events';
import { describeBallot } from '@quorum/snapshot/ballot';
import type { SequencerRefusal } from '@quorum/snapshot/errors';
import type { HubVote } from '@quorum/snapshot/hub';
import type { Proposal } from '@quorum/snapshot/proposal';
import { checkReceipt } from '@quorum/snapshot/receipt';
import type { SubmitResult } from '@quorum/snapshot/sequencer';
import { GuardError, signVote } from './guard.ts';
import { unsignedOf, type Intent } from './intent.ts';
import { isBefore } from './late.ts';
import { whoseVote } from './preflight.ts';
import { readBack } from './read-back.ts';
import { awaitAllowance, later, putOff } from './retry.ts';
import { failed, held, skipped, wasCast } from './step.ts';
import type { Casting, VoteDeps } from './vote-deps.ts';

/** A vote whose intent is in the ledger. */
export type ReservedVote = Casting & {
  readonly intent: Intent;
  readonly voteId: string;
  readonly proposal: Proposal;
  /** The id of our own vote that stands until this one does; null for a first vote. */
  readonly replaces: string | null;
};

/** What settling needs to know of it: neither the decision nor the ballot that a run would cast now. */
export type SentVote = Pick<ReservedVote, 'ref' | 'licence' | 'intent' | 'voteId' | 'proposal'>;

/** Takes from the allowance, signs, asks leave, sends, reads back. Throws `PostponeError` where it must be tried again. */
export async function send(vote: ReservedVote, deps: VoteDeps, signal: AbortSignal): Promise<OutcomeRecord> {
  const waitMs = await deps.allowance.take();
  if (waitMs > 0) {
    deps.metrics.gate.inc({ upstream: 'sequencer', result: 'held_back' });
    const endMs = vote.proposal.end * 1_000;
    return awaitAllowance({ waitMs, endMs, tries: vote.ref.tries }, deps.settings, deps.now());
  }
  const envelope = await signOrVoid(vote, deps);
  if (envelope === null) return failed('signing', deps.now(), 'the guard refused the vote');

  switch (await deps.transitions.maySend({ ...keyOf(vote, deps), envelopeHash: hashOf(envelope) })) {
    case 'voting_paused':
      return pausedBeforeSending(vote, deps);
    case 'settled':
      throw new PostponeError(later(1), 'another delivery settled this intent');
    case 'yes':
      break;
  }
  deps.mark?.('sent');
  const result = await deps.sequencer.submit(envelope, signal);
  deps.mark?.('answered', result.kind);
  deps.metrics.voteSends.inc({ result: result.kind === 'refused' ? result.refusal.code : result.kind });
  if (result.kind === 'accepted') await keepReceipt(vote, result, envelope, deps);
  // Whoever else has a vote to send is not told again.
  if (result.kind === 'refused' && result.refusal.code === 'rate_limited') {
    deps.metrics.gate.inc({ upstream: 'sequencer', result: 'shut' });
    await deps.allowance.pause(result.refusal.retryAfterS);
  }
  const [row] = await deps.hub.votes({ voter: vote.licence.voter, proposals: [vote.ref.proposal] });
  const isThere =
    row !== undefined && row.id !== vote.replaces && !isBefore(row, vote.intent, vote.ref, vote.licence, deps);
  if (isThere) return settle(vote, row, deps);
  return notThere(vote, result, deps);
}

/** Settles an intent by a vote of this voter that the hub has. */
export async function settle(vote: SentVote, row: HubVote, deps: VoteDeps): Promise<OutcomeRecord> {
  const nowMs = deps.now();
  const { licence, ref, voteId, intent, proposal } = vote;
  const secret = proposal.privacy === 'shutter';
  const read = readBack(row, voteId, intent, proposal);
  switch (read) {
    case 'sealed':
    case 'ours': {
      const entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
      const counted = read === 'sealed' ? 'unknown' : 'as_cast';
      const record = wasCast(voteId, entry?.receipt, nowMs, secret ? counted : undefined);
      // What another delivery made in its place is not sent, or is to take its place: either is for the next one to see to.
      if ((await confirm(vote, { state: 'cast', receipt: record.receipt ?? null }, deps)) === 'superseded') {
        await leaveToNewer(vote, deps);
      }
      const ballot = secret ? 'secret' : describeBallot(intent.ballot);
      deps.log.info({ vote_id: voteId, ballot }, 'vote executed');
      return record;
    }
    case 'other':
      if ((await confirm(vote, { state: 'voided', why: 'another vote stands' }, deps)) === 'superseded') {
        await leaveToNewer(vote, deps);
      }
      return skipped('already_voted', nowMs, whoseVote(row, ref, licence, deps));
    case 'different':
      tellSecurity(deps, 'vote_differs', { vote_id: voteId });
      return failed('vote_rejected', nowMs, 'the hub shows another ballot than was signed; look at it by hand');
    case 'none':
      throw new TypeError('A vote that was read cannot be absent');
  }
}

/** Another delivery of this job may have voided this vote and made another, which may be the one that stands: the next one says. */
async function leaveToNewer({ ref, licence, voteId }: SentVote, { records }: VoteDeps): Promise<void> {
  const entry = await records.ledger(licence.voter, ref.space, ref.proposal);
  if (entry === null || entry.run_id !== ref.runId || entry.vote_id === voteId) return;
  throw new PostponeError(later(1), 'another delivery made this vote anew');
}

/** The hub has no vote: what was said decides whether to try again. */
async function notThere(vote: ReservedVote, result: SubmitResult, deps: VoteDeps): Promise<OutcomeRecord> {
  if (result.kind === 'refused' && result.refusal.kind === 'final') {
    await confirm(vote, { state: 'voided', why: result.refusal.description }, deps);
    return refused(result.refusal, deps);
  }
  const why = result.kind === 'accepted' ? 'accepted, but not yet on the hub' : describe(result);
  if (await isStuck(result, vote, deps)) {
    await confirm(vote, { state: 'voided', why: `the sequencer takes these bytes no more: ${why}` }, deps);
  }
  const retryAfterS = result.kind === 'refused' ? result.refusal.retryAfterS : undefined;
  return putOff({ why, endMs: vote.proposal.end * 1_000, retryAfterS }, vote.ref, deps);
}

/** A request that is under way is done or cut by then. */
const IN_FLIGHT_MS = 60_000;

/**
 * Whether these bytes will never be taken, although the vote could be. A sequencer in maintenance stores nothing and goes on to
 * believe that it is at work on them: it answers 425 for ever. The vote is made anew then, dated later, so that bytes that still
 * arrive lose to it.
 */
async function isStuck(result: SubmitResult, { ref, licence, voteId }: SentVote, deps: VoteDeps): Promise<boolean> {
  if (result.kind === 'refused') return result.refusal.code === 'maintenance';
  if (result.kind !== 'unknown' || result.inFlight !== true) return false;
  const entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
  return entry?.vote_id === voteId && entry.sent_at !== undefined && deps.now() - entry.sent_at > IN_FLIGHT_MS;
}

function describe(result: Exclude<SubmitResult, { kind: 'accepted' }>): string {
  return result.kind === 'refused' ? result.refusal.description : result.why;
}

/** A refusal for good as an outcome. */
function refused(refusal: SequencerRefusal, deps: VoteDeps): OutcomeRecord {
  const nowMs = deps.now();
  switch (refusal.code) {
    case 'already_voted':
      return skipped('already_voted', nowMs, 'by your own hand');
    case 'not_in_window':
      return skipped('closed', nowMs);
    case 'no_voting_power':
      return skipped('no_voting_power', nowMs);
    case 'wrong_alias':
    case 'signature':
      tellSecurity(deps, 'signer_refused', { why: refusal.description });
      return failed('signing', nowMs, refusal.description);
    default:
      return failed('vote_rejected', nowMs, refusal.description);
  }
}

async function signOrVoid(vote: ReservedVote, deps: VoteDeps) {
  const { intent, proposal, ballot, licence } = vote;
  try {
    return await signVote(unsignedOf(intent, proposal), ballot, proposal, licence, deps.sealing);
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    tellSecurity(deps, 'guard_refused', { err: error });
    await confirm(vote, { state: 'voided', why: error.message }, deps);
    return null;
  }
}

/** A vote that was never sent leaves nothing behind; one that may have been is kept for the day when voting resumes. */
async function pausedBeforeSending(vote: ReservedVote, deps: VoteDeps): Promise<OutcomeRecord> {
  const { licence, ref } = vote;
  const entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
  if (entry?.sends === 0) await confirm(vote, { state: 'voided', why: 'voting is paused' }, deps);
  return held('voting_paused', deps.now());
}

async function keepReceipt(
  vote: ReservedVote,
  { receipt }: Extract<SubmitResult, { kind: 'accepted' }>,
  envelope: Awaited<ReturnType<typeof signVote>>,
  deps: VoteDeps,
): Promise<void> {
  const check = checkReceipt(receipt, envelope);
  if (check.ok) {
    await deps.transitions.keepReceipt(keyOf(vote, deps), receipt, envelope);
    return;
  }
  deps.log.warn({ vote_id: vote.voteId, why: check.why }, 'receipt does not check');
}

function keyOf({ ref, licence, voteId, proposal }: SentVote, deps: VoteDeps) {
  return { ...ref, voter: licence.voter, voteId, nowMs: deps.now(), endMs: proposal.end * 1_000 };
}

async function confirm(vote: SentVote, confirmation: Confirmation, deps: VoteDeps) {
  return deps.transitions.confirm(keyOf(vote, deps), confirmation);
}
