/**
 * The job `cast-hold`: the vote of a hold that its owner approved, or for which voting was paused and has resumed. The steps:
 *
 *   1. a hold that has ended says so: a job may be delivered twice
 *   2. a vote that was sent before and stands on the hub is cast
 *   3. the deadline must lie ahead
 *   4. the decision must be the decider's own
 *   5. approved: the answer must be the gateway's own, to this very hold, and the last that approves one on this text; resumed: the
 *      policy, run again, must say cast
 *   6. licence, pre-flight, reserve, sign, send, read back: as any other vote. In place of its run, which has ended, `reserve` and
 *      `maySend` ask the hold.
 *
 * While voting is paused the hold stays as it is, and is offered again when it resumes. A hub that is away is waited for until
 * the deadline: the owner has said yes, and no later run would make this vote.
 */
import { NotFoundError, treatmentOf, type QuorumError } from '@quorum/shared/errors';
import { isOpen, type Hold, type HoldEnd, type HoldState } from '@quorum/shared/hold';
import type { Logger } from '@quorum/shared/log';
import type { JobPayload, JobResult } from '@quorum/shared/jobs';
import type { Opening, OutcomeRecord, RunForVote } from '@quorum/shared/records';
import { startVoteClock } from '@quorum/shared/run-times';
import { PostponeError } from '@quorum/shared/run-worker';
import { tellSecurity } from '@quorum/shared/security-events';
import { type Ballot, sameBallot } from '@quorum/snapshot/ballot';
import { readApproval } from './approval.ts';
import { cast } from './cast.ts';
import { judgeNow, readDecision } from './decided.ts';
import { type EarlierSend, earlierSend } from './earlier-send.ts';
import { byApproval, isSaidAnew } from './owners-word.ts';
import { preflight, voidIntent } from './preflight.ts';
import { failed, skipped } from './step.ts';
import { sweepLater } from './sweep-later.ts';
import { takeBackUnsent } from './unsent.ts';
import type { VoteDeps, VoteJobDeps, VoteRef } from './vote-deps.ts';
import { whenUpstreamIsAway } from './vote.ts';

type Result = JobResult<'cast-hold'>;

/** What was sent before the end of a proposal is stored so long after it, or never. */
export const LAST_LOOK_MS = 60_000;

/** Works one such job. Throws `PostponeError` where it must be tried again. */
export async function castHoldJob(
  payload: JobPayload<'cast-hold'>,
  given: VoteJobDeps,
  signal: AbortSignal,
  tries = 1,
): Promise<Result> {
  const hold = await readHold(payload, given);
  const deps = { ...given, log: logOf(hold, given) };
  if (!isOpen(hold)) {
    await letGo(hold, deps);
    return { state: hold.state };
  }
  const run = await deps.records.runForVote(hold.subject.run_id, hold.subject.proposal_id);
  if (run?.opening === null || run === null) {
    return settleHold(hold, failed('internal', deps.now(), 'its run is no longer stored'), deps);
  }
  const ref = refOf(hold, tries);
  const terms = await deps.termsOf(run);
  const settings = { ...terms.settings, retryWindowS: Infinity };
  const clock = startVoteClock(run.acceptedAtMs, deps.now);
  // Once a hold: what follows up to its last try was spent waiting for somebody else, and not for a worker.
  const putOff = (): Promise<unknown> =>
    deps.transitions
      .noteHoldPutOff(hold, clock.times())
      .catch((error: unknown) => deps.log.warn({ err: error }, 'times of a try not kept'));
  const marked = { ...deps, ...terms, settings, mark: clock.mark };
  const record = await endOf(hold, run, run.opening, ref, marked, signal).catch(async (error: unknown) => {
    if (error instanceof PostponeError) await putOff();
    throw error;
  });
  if (record.outcome.kind === 'held' && record.outcome.why === 'voting_paused') await putOff();
  return settleHold(hold, { ...record, times: clock.times() }, deps);
}

/** Ends a hold whose job failed for good. */
export async function failHold(
  payload: JobPayload<'cast-hold'>,
  error: QuorumError,
  given: VoteJobDeps,
): Promise<Result> {
  const hold = await readHold(payload, given);
  const deps = { ...given, log: logOf(hold, given) };
  const { why } = treatmentOf(error.category);
  const detail = error.category === 'internal' ? undefined : error.message;
  return settleHold(hold, failed(why, deps.now(), detail), deps);
}

export async function readHold(payload: JobPayload<'cast-hold'>, { records }: VoteJobDeps): Promise<Hold> {
  const hold = await records.hold(payload.hold_id);
  if (hold === null) throw new NotFoundError(`hold ${payload.hold_id}`);
  return hold;
}

/** The log of a job about this hold: each line names the vote that it is about. */
export function logOf({ subject }: Hold, { log }: Pick<VoteJobDeps, 'log'>): Logger {
  const { run_id, proposal_id, owner } = subject;
  return log.child({ run_id, proposal_id, owner });
}

export function refOf({ subject }: Hold, tries: number): VoteRef {
  return {
    runId: subject.run_id,
    owner: subject.owner,
    space: subject.space_id,
    proposal: subject.proposal_id,
    contentHash: subject.content_hash,
    hold: subject.hold_id,
    tries,
  };
}

/**
 * Takes back what was reserved for a hold that its owner rejected, or that ran out: as long as it is reserved, the ledger says that a
 * vote is under way. `maySend` has refused it since. What was sent before that may arrive: it is swept.
 */
export async function letGo(hold: Hold, deps: VoteJobDeps): Promise<void> {
  const ref = refOf(hold, 1);
  const licence = deps.licences.get(ref.owner);
  if (licence === undefined || hold.state === 'cast') return;
  const entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
  if (entry === null) return;
  const isOwn = entry.state !== 'cast' && entry.run_id === ref.runId;
  // A revision that was voided has led back to the vote before, which may be of another run.
  if (!isOwn && entry.voided_run !== ref.runId) return;
  const isOver = deps.now() >= hold.subject.end * 1_000 + LAST_LOOK_MS;
  if (isOwn && entry.state === 'reserved' && (entry.sends === 0 || isOver)) {
    await voidIntent(entry, 'its hold has ended', ref, licence, deps);
  }
  await sweepLater(ref, skipped('expired', deps.now()), deps);
}

/** Records what became of the vote of a hold, and returns the state that stands. */
export async function settleHold(hold: Hold, record: OutcomeRecord, deps: VoteJobDeps): Promise<Result> {
  const { subject } = hold;
  const { outcome, ...rest } = record;
  if (outcome.kind !== 'cast') await takeBackUnsent(refOf(hold, 1), record, deps);
  await sweepLater(refOf(hold, 1), record, deps);
  const nowMs = deps.now();
  const state = await (async (): Promise<HoldState | 'missing'> => {
    switch (outcome.kind) {
      case 'held':
        return outcome.why === 'voting_paused' ? hold.state : deps.transitions.askAfterAll(hold, outcome.why, nowMs);
      case 'simulated':
        throw new TypeError('A hold is never of a dry run');
      case 'cast':
      case 'skipped':
      case 'failed': {
        const ending: HoldEnd = { ...rest, outcome };
        const expired = outcome.kind === 'skipped' && outcome.why === 'expired';
        return deps.transitions.settleHold(hold, expired ? 'expired' : outcome.kind, ending, nowMs);
      }
    }
  })();
  const why = 'why' in outcome ? outcome.why : '';
  deps.log.info({ outcome: outcome.kind, why, detail: record.detail, state }, 'hold settled');
  if (state === 'expired') await deps.holdJobs.tell(subject, 'hold_expired');
  const isTold = state === outcome.kind && state !== 'cast' && why !== 'already_voted';
  if (isTold) await deps.holdJobs.tell(subject, 'hold_not_cast');
  return { state: state === 'missing' ? hold.state : state };
}

async function endOf(
  hold: Hold,
  run: RunForVote,
  opening: Opening,
  ref: VoteRef,
  deps: VoteDeps,
  signal: AbortSignal,
): Promise<OutcomeRecord> {
  try {
    return await throughSteps(hold, run, opening, ref, deps, signal);
  } catch (thrown) {
    return await whenUpstreamIsAway(thrown, ref, hold.subject.end * 1_000, deps, signal);
  }
}

async function throughSteps(
  hold: Hold,
  run: RunForVote,
  opening: Opening,
  ref: VoteRef,
  deps: VoteDeps,
  signal: AbortSignal,
): Promise<OutcomeRecord> {
  const sent = await earlierSend(ref, deps, signal);
  if (sent.kind === 'stands' && saysWhatIsWanted(sent, hold)) return sent.record;
  if (deps.now() >= hold.deadlineMs) return tooLate(sent, deps.now());

  const decision = readDecision(run, opening, ref, deps);
  if (decision.kind === 'end') return decision.record;
  const approved =
    hold.state === 'approved'
      ? await readApproval(hold, decision.value, opening, ref, deps)
      : await judgeNow(decision.value, opening, ref, deps);
  if (approved.kind === 'end') return approved.record;
  if (hold.state === 'approved' && (await isSaidAnew(hold, ref, deps))) return byApproval(deps.now());

  const licence = deps.licences.get(ref.owner);
  if (licence === undefined || !licence.allowedSpaces.includes(ref.space)) {
    tellSecurity(deps, 'signer_refused', { space_id: ref.space });
    return skipped('not_allowed', deps.now());
  }
  const { wanted, decision: made } = approved.value;
  const checked = await preflight(ref, wanted, licence, deps, signal);
  if (checked.kind === 'end') return checked.record;
  return cast({ ref, ballot: wanted.ballot, decision: made, licence }, checked.value, deps, signal);
}

/** Whether the vote that was sent is the one that the owner wants: they may have answered with another ballot since. */
export function saysWhatIsWanted({ ballot }: { readonly ballot: Ballot }, { answer }: Hold): boolean {
  const wanted = answer?.answer.ballot ?? null;
  return wanted === null || sameBallot(wanted, ballot);
}

/** The owner's word came too late for their vote; another one of ours may stand. */
export function tooLate({ kind }: Pick<EarlierSend, 'kind'>, nowMs: number): OutcomeRecord {
  return skipped('expired', nowMs, kind === 'stands' ? 'the vote that was sent before stands' : undefined);
}
