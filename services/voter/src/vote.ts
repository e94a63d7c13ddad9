/**
 * One vote job, from a decision to an outcome. The steps:
 *
 *   1. an outcome that stands is the answer: a job may be delivered twice
 *   2. a vote that this run sent before and that stands on the hub is cast, whatever changed since
 *   3. the run must still be open, or have reserved this vote
 *   4. the decision must be the decider's own
 *   5. the policy, run again on its samples under the preferences as they are now, must say cast
 *   6. a dry run ends here, simulated
 *   7. the owner's licence must allow this space
 *   8. the sequencer must take another vote by now
 *   9. pre-flight: unchanged, open, not voted on (or by us, and the owner wants it revised), power, alias
 *  10. reserve, sign, send, read back
 */
import { isDeepStrictEqual } from 'node:util';
import { NotFoundError, toQuorumError } from '@quorum/shared/errors';
import type { JobPayload } from '@quorum/shared/jobs';
import type { Outcome } from '@quorum/shared/outcome';
import type { Opening, OutcomeRecord, RunForVote } from '@quorum/shared/records';
import { startVoteClock, type VoteClock } from '@quorum/shared/run-times';
import { PostponeError } from '@quorum/shared/run-worker';
import { tellSecurity } from '@quorum/shared/security-events';
import { cast } from './cast.ts';
import { judgeNow, readDecision } from './decided.ts';
import { simulate } from './dry-run.ts';
import { earlierSend } from './earlier-send.ts';
import { type Held, heldOf, isDry, keepHold, settleRecord } from './held.ts';
import { preflight } from './preflight.ts';
import { awaitAllowance, putOff } from './retry.ts';
import { skipped } from './step.ts';
import { sweepLater } from './sweep-later.ts';
import { takeBackUnsent } from './unsent.ts';
import type { VoteDeps, VoteJobDeps, VoteRef } from './vote-deps.ts';

/** Works one vote job. The first outcome that is recorded stands. Throws `PostponeError` where it must be tried again. */
export async function voteJob(
  payload: JobPayload<'vote'>,
  given: VoteJobDeps,
  signal: AbortSignal,
  tries = 1,
): Promise<Outcome> {
  const run = await given.records.runForVote(payload.run_id, payload.proposal_id);
  if (run === null) throw new NotFoundError(`run ${payload.run_id}`);
  const deps = { ...given, log: given.log.child({ owner: run.owner }) };
  const ref: VoteRef = {
    runId: run.runId,
    owner: run.owner,
    space: run.space,
    proposal: payload.proposal_id,
    contentHash: payload.content_hash,
    tries,
  };
  const earlier = run.outcomes.get(ref.proposal);
  if (earlier !== undefined) {
    // It may have died between the outcome and the jobs of its hold, by which what is open there ends; or while another delivery came to
    // this outcome, after it had reserved a vote or sent it.
    if (earlier.outcome.kind === 'held') await keepHold(run, ref.proposal, deps);
    else await tidyUp(run, ref, earlier, deps);
    return earlier.outcome;
  }
  const clock = startVoteClock(run.acceptedAtMs, deps.now);
  const terms = { ...deps, ...(await deps.termsOf(run)), mark: clock.mark };
  const record = await timed(ref, clock, deps, () => outcomeOf(run, ref, terms, signal));
  const outcome = await settleOutcome(run, ref, record, await heldOf(run, ref, record, terms), deps);
  if (outcome.kind === 'held') await keepHold(run, ref.proposal, deps);
  return outcome;
}

/**
 * What a try came to, with when its steps were done. One that is put off after something was reserved or sent is kept too: the vote
 * may be read back by the next. So is the first that is put off for whatever reason, that it can be told since when the vote waits
 * for somebody else and not for a worker. What was thrown is thrown, whatever becomes of that: an error in its place would cost an
 * attempt.
 */
async function timed(
  { runId, proposal, tries }: VoteRef,
  clock: VoteClock,
  { records, log }: Pick<VoteDeps, 'records' | 'log'>,
  work: () => Promise<OutcomeRecord>,
): Promise<OutcomeRecord> {
  try {
    const record = await work();
    return { ...record, times: clock.times() };
  } catch (error) {
    const times = clock.times();
    if (times.reserved !== undefined || error instanceof PostponeError) {
      await records
        .triedToVote(runId, proposal, tries, times)
        .catch((fault: unknown) => log.warn({ err: fault }, 'times of a try not kept'));
    }
    throw error;
  }
}

/** Records an outcome and returns the one that stands. */
export async function settleOutcome(
  run: RunForVote,
  ref: VoteRef,
  record: OutcomeRecord,
  held: Held | null,
  deps: VoteJobDeps,
): Promise<Outcome> {
  await tidyUp(run, ref, record, deps, record.outcome.kind !== 'cast');
  await tellAfterEnd(run, ref, record, deps);
  const stands = await settleRecord(run, ref, record, held, deps);
  const { outcome, detail } = stands;
  // Another delivery came to an outcome before this one, and what this one did is none of it; a hold has jobs that see to that.
  const isOwn = stands.settled_at === record.settled_at && isDeepStrictEqual(outcome, record.outcome);
  if (!isOwn && outcome.kind !== 'cast' && outcome.kind !== 'held') await tidyUp(run, ref, stands, deps);
  const why = 'why' in outcome ? outcome.why : '';
  deps.log.info({ outcome: outcome.kind, why, detail }, 'proposal settled');
  return outcome;
}

/** Takes back what nobody will send, and has what was sent looked for. Twice is once. */
async function tidyUp(
  run: RunForVote,
  ref: VoteRef,
  record: OutcomeRecord,
  deps: VoteJobDeps,
  mayBeReserved = true,
): Promise<void> {
  // A dry run did nothing there: what another run sent is none of its own.
  if (isDry(run)) return;
  // Taken back first: what was sent before it is looked for under the id of what was made last.
  if (mayBeReserved) await takeBackUnsent(ref, record, deps);
  await sweepLater(ref, record, deps);
}

/** Its run had ended, and said nothing of this vote or that it had failed. Told before it is recorded: told twice is told once. */
async function tellAfterEnd(
  { state }: RunForVote,
  { runId: run_id, owner, space: space_id, proposal: proposal_id }: VoteRef,
  { outcome }: OutcomeRecord,
  { sweeps }: Pick<VoteDeps, 'sweeps'>,
): Promise<void> {
  if (state === 'running' || outcome.kind !== 'cast') return;
  await sweeps.tell({ owner, space_id, proposal_id, run_id, event: 'settled_later' });
}

async function outcomeOf(run: RunForVote, ref: VoteRef, deps: VoteDeps, signal: AbortSignal): Promise<OutcomeRecord> {
  if (run.opening === null) return skipped('cancelled', deps.now());
  // A dry run is one by either word: what was asked for, or what the fetcher found.
  const opening = { ...run.opening, dry_run: run.dryRun || run.opening.dry_run };
  try {
    return await throughSteps(run, opening, ref, deps, signal);
  } catch (thrown) {
    return await whenUpstreamIsAway(thrown, ref, endMsOf(opening, ref), deps, signal);
  }
}

/** When the proposal closes, Unix milliseconds. */
function endMsOf(opening: Opening, ref: VoteRef): number {
  return (opening.selected.find((selected) => selected.proposal_id === ref.proposal)?.end ?? 0) * 1_000;
}

async function throughSteps(
  run: RunForVote,
  opening: Opening,
  ref: VoteRef,
  deps: VoteDeps,
  signal: AbortSignal,
): Promise<OutcomeRecord> {
  const sent = opening.dry_run ? ({ kind: 'none' } as const) : await earlierSend(ref, deps, signal);
  if (sent.kind === 'stands') return sent.record;
  const isOpen = run.state === 'running' && !run.cancelled;
  if (!isOpen && sent.kind === 'none') return skipped('cancelled', deps.now());

  const decision = readDecision(run, opening, ref, deps);
  if (decision.kind === 'end') return decision.record;
  const wanted = await judgeNow(decision.value, opening, ref, deps);
  if (wanted.kind === 'end') return wanted.record;
  if (opening.dry_run) return simulate(deps.now());

  const licence = deps.licences.get(ref.owner);
  if (licence === undefined || !licence.allowedSpaces.includes(ref.space)) {
    tellSecurity(deps, 'signer_refused', { space_id: ref.space });
    return skipped('not_allowed', deps.now());
  }
  // Looked at before the hub is asked about a vote that could not be sent.
  const waitMs = await deps.allowance.look();
  if (waitMs > 0) {
    deps.metrics.gate.inc({ upstream: 'sequencer', result: 'held_back' });
    const endMs = endMsOf(opening, ref);
    return awaitAllowance({ waitMs, endMs, tries: ref.tries }, deps.settings, deps.now());
  }
  const approved = wanted.value;
  const checked = await preflight(ref, approved.wanted, licence, deps, signal);
  if (checked.kind === 'end') return checked.record;
  const { ballot } = approved.wanted;
  return cast({ ref, decision: approved.decision, ballot, licence }, checked.value, deps, signal);
}

/** A hub that does not answer is waited for, within the time that a vote has; any other error is passed on. */
export async function whenUpstreamIsAway(
  thrown: unknown,
  ref: VoteRef,
  endMs: number,
  deps: VoteDeps,
  signal: AbortSignal,
): Promise<OutcomeRecord> {
  if (thrown instanceof PostponeError || signal.aborted) throw thrown;
  const error = toQuorumError(thrown);
  if (error.category !== 'upstream_unavailable' && error.category !== 'rate_limited') throw error;
  const { message: why, retryAfterS } = error;
  return putOff({ why, endMs, retryAfterS }, ref, deps);
}
