/** What a run came to: the response, made from its records alone. */
import { addUsage, whoAnswered, type Usage, type VoteDecision } from '@quorum/shared/decision';
import { wordsFor } from '@quorum/shared/outcome';
import { judge } from '@quorum/shared/policy';
import { inSpace, preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import type { DecisionRecord, Opening, OutcomeRecord, RunRecord, Selected } from '@quorum/shared/records';
import { NO_PROPOSALS, type AgentRunResponse, type RunStatus } from '@quorum/shared/run';
import { type Ballot, BallotError } from '@quorum/snapshot/ballot';
import { encodeBallot, type EncodedChoice } from '@quorum/snapshot/encode';
import { printable } from '@quorum/snapshot/printable';
import type { Proposal, ProposalId } from '@quorum/snapshot/proposal';

/** The response of a run, from its records alone. */
export function summarise(
  run: RunRecord,
  opening: Opening,
  outcomes: ReadonlyMap<ProposalId, OutcomeRecord>,
  texts: ReadonlyMap<ProposalId, Proposal | null>,
  end: { readonly status: RunStatus; readonly nextMs: number | null; readonly nowMs: number },
): AgentRunResponse {
  const decisions = opening.selected.flatMap((selected) => {
    const { proposal_id: id } = selected;
    const record = run.decisions.get(id);
    const settled = outcomes.get(id);
    if (record?.kind !== 'decided' || settled === undefined) return [];
    return [voteDecision(run, opening, selected, record, settled, texts.get(id) ?? null)];
  });
  return {
    run_id: run.runId,
    status: end.status,
    space_id: run.space,
    dry_run: opening.dry_run,
    proposals_analyzed: decisions.length,
    votes_cast: decisions.filter((decision) => decision.outcome.kind === 'cast'),
    decisions,
    user_preferences_applied: opening.preferences_applied,
    filter_metrics: opening.filter_metrics,
    usage: addUsage(usagesOf(run)),
    errors: [...opening.errors, ...opening.selected.flatMap((selected) => errorOf(selected, outcomes))],
    ...times(run, end.nowMs),
    next_check_time: end.nextMs === null ? null : new Date(end.nextMs).toISOString(),
  };
}

function voteDecision(
  run: RunRecord,
  opening: Opening,
  selected: Selected,
  record: Extract<DecisionRecord, { kind: 'decided' }>,
  settled: OutcomeRecord,
  text: Proposal | null,
): VoteDecision {
  const { decision } = record.sealed;
  const judgement = judge(decision, inSpace(opening.preferences, run.space));
  const together = judgement.kind === 'judged' ? judgement.aggregate : null;
  const ballot = together?.ballot ?? null;
  const answered = decision.samples.filter((sample) => sample.kind === 'answer').map(whoAnswered);
  return {
    proposal_id: selected.proposal_id,
    title: selected.title,
    ballot,
    choice: ballot === null || text === null ? null : choiceOf(ballot, text),
    confidence: together?.confidence ?? 0,
    agreement: together?.agreement ?? 0,
    reasoning: together?.rationale ?? '',
    key_factors: [...(together?.key_factors ?? [])],
    risk_level: together?.risk_level ?? 'high',
    stakes: together?.stakes ?? decision.stakes,
    strategy_used: decision.strategy_used,
    models: [...new Set(answered)],
    evidence_hash: decision.evidence_hash,
    outcome: settled.outcome,
    ...(settled.receipt === undefined ? {} : { receipt: settled.receipt }),
    link: selected.link,
  };
}

/**
 * The encoding of a ballot; null where it does not fit the proposal. Nothing here has checked the decider's seal, and the voter
 * service casts no such ballot: its outcome says so, and the run must end all the same.
 */
function choiceOf(ballot: Ballot, text: Proposal): EncodedChoice | null {
  try {
    return encodeBallot(ballot, text);
  } catch (error) {
    if (error instanceof BallotError) return null;
    throw error;
  }
}

/** What was spent on each proposal: as it was charged, which counts what came to no decision too, or as its decision says. */
function usagesOf({ decisions, spent }: RunRecord): Usage[] {
  const said = [...decisions].map(([id, record]) => [id, usageOf(record)] as const);
  return [...new Map([...said, ...spent]).values()];
}

function usageOf(record: DecisionRecord): Usage {
  return record.kind === 'decided' ? record.sealed.decision.usage : record.usage;
}

/**
 * A failure in words for the owner, on one line, whatever its author put into the title; so is what was not decided for want of a
 * budget, which stands in no decision. Nothing for any other outcome.
 */
function errorOf(selected: Selected, outcomes: ReadonlyMap<ProposalId, OutcomeRecord>): string[] {
  const settled = outcomes.get(selected.proposal_id);
  if (settled === undefined || !('why' in settled.outcome)) return [];
  if (settled.outcome.kind !== 'failed' && settled.outcome.why !== 'budget') return [];
  const detail = settled.detail === undefined ? '' : ` (${printable(settled.detail)})`;
  return [`No vote on "${printable(selected.title)}": ${wordsFor(settled.outcome.why)}${detail}.`];
}

function times(run: RunRecord, nowMs: number): Pick<AgentRunResponse, 'execution_time' | 'started_at' | 'finished_at'> {
  return {
    execution_time: run.startedAtMs === null ? 0 : Math.max(0, nowMs - run.startedAtMs) / 1_000,
    started_at: run.startedAtMs === null ? null : new Date(run.startedAtMs).toISOString(),
    finished_at: new Date(nowMs).toISOString(),
  };
}

/** The opening of a run that never got one: nothing was read, nothing selected. */
export function unopened(run: RunRecord): Opening {
  const preferences = UserPreferences.parse({});
  return {
    preferences,
    preferences_version: preferencesVersion(preferences),
    preferences_applied: false,
    dry_run: run.dryRun,
    voter: null,
    errors: [],
    filter_metrics: NO_PROPOSALS,
    selected: [],
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
  };
}
