/**
 * From an outcome that is held to the hold that its owner answers: what is held is gathered from the run, and made in the same
 * step as the outcome is recorded. The jobs that it waits for follow, and are added again wherever one is found missing.
 */
import { QuorumError } from '@quorum/shared/errors';
import { isOpen, type HoldSubject } from '@quorum/shared/hold';
import { holdIdOf } from '@quorum/shared/ids';
import type { HeldWhy } from '@quorum/shared/outcome';
import { judge } from '@quorum/shared/policy';
import { inSpace } from '@quorum/shared/preferences';
import { OutcomeRecord, type RunForVote } from '@quorum/shared/records';
import type { Address, ProposalId } from '@quorum/snapshot/proposal';
import { storedProposal } from './decided.ts';
import type { VoteDeps, VoteJobDeps, VoteRef } from './vote-deps.ts';

export type Held = { readonly subject: HoldSubject; readonly why: HeldWhy };

/** What is held by this outcome; null where nothing is, a dry run's included: there is no vote to wait for. */
export async function heldOf(
  run: RunForVote,
  ref: VoteRef,
  { outcome, settled_at: nowMs }: OutcomeRecord,
  deps: VoteDeps,
): Promise<Held | null> {
  const { opening } = run;
  if (outcome.kind !== 'held' || opening === null || isDry(run)) return null;
  const selected = opening.selected.find(({ proposal_id: id }) => id === ref.proposal);
  const decided = run.decisions.get(ref.proposal);
  const proposal = await storedProposal(ref, deps);
  const voter = voterOf(run, deps);
  if (selected === undefined || decided?.kind !== 'decided' || proposal === null || voter === null) {
    throw new QuorumError('internal', 'The run does not hold what its hold is about.');
  }
  const { decision } = decided.sealed;
  const judgement = judge(decision, inSpace(opening.preferences, run.space));
  const together = judgement.kind === 'judged' ? judgement.aggregate : null;
  const subject: HoldSubject = {
    hold_id: holdIdOf(run.runId, ref.proposal),
    owner: run.owner,
    voter,
    run_id: run.runId,
    space_id: run.space,
    proposal_id: ref.proposal,
    content_hash: ref.contentHash,
    title: selected.title,
    link: selected.link,
    voting_type: proposal.type,
    choices: [...proposal.choices],
    end: proposal.end,
    deadline: Math.floor((proposal.end - deps.settings.minTimeToVoteS) * 1_000),
    created_at: nowMs,
    ballot: together?.ballot ?? null,
    confidence: together?.confidence ?? 0,
    agreement: together?.agreement ?? 0,
    risk_level: together?.risk_level ?? 'high',
    stakes: together?.stakes ?? decision.stakes,
    reasoning: together?.rationale ?? '',
    key_factors: [...(together?.key_factors ?? [])],
    evidence_hash: decision.evidence_hash,
  };
  return { subject, why: outcome.why };
}

/** Records an outcome, with its hold if there is one, and returns the record that stands. */
export async function settleRecord(
  run: RunForVote,
  { runId, owner, space, proposal }: VoteRef,
  record: OutcomeRecord,
  held: Held | null,
  deps: VoteJobDeps,
): Promise<OutcomeRecord> {
  if (isDry(run) || voterOf(run, deps) === null) return deps.records.settle(runId, proposal, record);
  const nowMs = deps.now();
  const stands = await deps.transitions.settle({ owner, space, proposal, runId, record, held, nowMs });
  return OutcomeRecord.parse(stands);
}

/** Sees to it that the hold of a run on a proposal, if there is one that waits, has its jobs. */
export async function keepHold(
  { runId }: RunForVote,
  proposal: ProposalId,
  { records, holdJobs }: Pick<VoteJobDeps, 'records' | 'holdJobs'>,
): Promise<void> {
  const hold = await records.hold(holdIdOf(runId, proposal));
  if (hold !== null && isOpen(hold)) await holdJobs.keep(hold);
}

/** Whether a run casts nothing, for whatever reason. */
export function isDry({ dryRun, opening }: RunForVote): boolean {
  return dryRun || opening === null || opening.dry_run;
}

/** Whose vote it is: the licence's voter, or where there is none (any more) the one that the run found. */
function voterOf({ owner, opening }: RunForVote, { licences }: Pick<VoteJobDeps, 'licences'>): Address | null {
  return licences.get(owner)?.voter ?? opening?.voter ?? null;
}
