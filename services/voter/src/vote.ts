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
 *   8. pre-flight: unchanged, open, not voted on, power, alias
 *   9. reserve, sign, send, read back
 */
import { NotFoundError, toQuorumError } from '@quorum/shared/errors';
import type { JobPayload } from '@quorum/shared/jobs';
import type { Outcome } from '@quorum/shared/outcome';
import type { Opening, OutcomeRecord, RunRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { cast } from './cast.ts';
import { judgeNow, readDecision } from './decided.ts';
import { simulate } from './dry-run.ts';
import { earlierSend } from './earlier-send.ts';
import { preflight } from './preflight.ts';
import { putOff } from './retry.ts';
import { skipped } from './step.ts';
import type { VoteDeps, VoteJobDeps, VoteRef } from './vote-deps.ts';

/** Works one vote job. The first outcome that is recorded stands. Throws `PostponeError` where it must be tried again. */
export async function voteJob(
  payload: JobPayload<'vote'>,
  deps: VoteJobDeps,
  signal: AbortSignal,
  tries = 1,
): Promise<Outcome> {
  const run = await deps.records.run(payload.run_id);
  if (run === null) throw new NotFoundError(`run ${payload.run_id}`);
  const earlier = run.outcomes.get(payload.proposal_id);
  if (earlier !== undefined) return earlier.outcome;
  const ref: VoteRef = {
    runId: run.runId,
    owner: run.owner,
    space: run.space,
    proposal: payload.proposal_id,
    contentHash: payload.content_hash,
    tries,
  };
  return settleOutcome(ref, await outcomeOf(run, ref, { ...deps, ...(await deps.termsOf(run)) }, signal), deps);
}

/** Records an outcome, counts it, and returns the one that stands. */
export async function settleOutcome(
  ref: VoteRef,
  record: OutcomeRecord,
  deps: Pick<VoteDeps, 'records' | 'metrics' | 'log'>,
): Promise<Outcome> {
  const { outcome, detail } = await deps.records.settle(ref.runId, ref.proposal, record);
  const why = 'why' in outcome ? outcome.why : '';
  deps.metrics.outcomes.inc({ kind: outcome.kind, why });
  deps.log.info(
    { run_id: ref.runId, proposal_id: ref.proposal, outcome: outcome.kind, why, detail },
    'proposal settled',
  );
  return outcome;
}

async function outcomeOf(run: RunRecord, ref: VoteRef, deps: VoteDeps, signal: AbortSignal): Promise<OutcomeRecord> {
  if (run.opening === null) return skipped('cancelled', deps.now());
  // A dry run is one by either word: what was asked for, or what the fetcher found.
  const opening = { ...run.opening, dry_run: run.dryRun || run.opening.dry_run };
  try {
    return await throughSteps(run, opening, ref, deps, signal);
  } catch (thrown) {
    const endMs = (opening.selected.find((selected) => selected.proposal_id === ref.proposal)?.end ?? 0) * 1_000;
    return await whenUpstreamIsAway(thrown, ref, endMs, deps, signal);
  }
}

async function throughSteps(
  run: RunRecord,
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
  const ballot = await judgeNow(decision.value, opening, ref, deps);
  if (ballot.kind === 'end') return ballot.record;
  if (opening.dry_run) return simulate(deps.now());

  const licence = deps.licences.get(ref.owner);
  if (licence === undefined || !licence.allowedSpaces.includes(ref.space)) return skipped('not_allowed', deps.now());
  const checked = await preflight(ref, licence, deps, signal);
  if (checked.kind === 'end') return checked.record;
  return cast({ ref, decision: decision.value, ballot: ballot.value, licence }, checked.value, deps, signal);
}

/** A hub that does not answer is waited for, within the time that a vote has; any other error is passed on. */
async function whenUpstreamIsAway(
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
