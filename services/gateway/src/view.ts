/** What `GET /agent-run/:id` says of a run: the run record in the words of the API. */
import type { SettledLater, VoteDecision } from '@quorum/shared/decision';
import { answeredOf, type Hold } from '@quorum/shared/hold';
import type { Outcome } from '@quorum/shared/outcome';
import type { RunRecord, Selected } from '@quorum/shared/records';
import type { AgentRunResponse, AgentRunView, RunStatus } from '@quorum/shared/run';
import type { ProposalId } from '@quorum/snapshot/proposal';

const OPEN = ['queued', 'running'] as const satisfies readonly RunStatus[];

/**
 * The view of a run, and of what became later of its holds. Once the run has ended, so has each of its proposals; an outcome
 * stays as it was then.
 */
export function viewOf(record: RunRecord, holds: readonly Hold[] = [], nowMs = 0): AgentRunView {
  const answers = new Map(holds.map((hold) => [hold.subject.proposal_id, answeredOf(hold, nowMs)]));
  const withAnswer = (proposal: ProposalId, outcome: Outcome): Outcome => {
    const answered = answers.get(proposal);
    return outcome.kind === 'held' && answered !== undefined ? { ...outcome, answered } : outcome;
  };
  const resultOf = (response: AgentRunResponse): AgentRunResponse => ({
    ...response,
    decisions: response.decisions.map((decision) => ({
      ...decision,
      outcome: withAnswer(decision.proposal_id, decision.outcome),
    })),
  });
  const ended = !OPEN.some((state) => state === record.state);

  const proposalOf = ({ proposal_id, title }: Selected): AgentRunView['proposals'][number] => {
    const settled = record.outcomes.get(proposal_id)?.outcome;
    const outcome = settled === undefined ? null : withAnswer(proposal_id, settled);
    const step = outcome !== null || ended ? 'done' : record.decisions.has(proposal_id) ? 'voting' : 'deciding';
    return { proposal_id, title, step, outcome, ...laterOf(record, proposal_id) };
  };

  return {
    run_id: record.runId,
    status: record.state,
    space_id: record.space,
    dry_run: record.opening?.dry_run ?? record.dryRun,
    accepted_at: iso(record.acceptedAtMs),
    started_at: record.startedAtMs === null ? null : iso(record.startedAtMs),
    finished_at: record.finishedAtMs === null ? null : iso(record.finishedAtMs),
    proposals: (record.opening?.selected ?? []).map(proposalOf),
    result: record.response === null ? null : resultOf(withLater(record.response, record)),
  };
}

/** The response as it was at the end of the run, and beside each outcome what is known by now. */
function withLater(response: AgentRunResponse, record: RunRecord): AgentRunResponse {
  const now = (one: VoteDecision): VoteDecision => ({ ...one, ...laterOf(record, one.proposal_id) });
  return { ...response, decisions: response.decisions.map(now), votes_cast: response.votes_cast.map(now) };
}

function laterOf({ later }: RunRecord, proposal: ProposalId): { settled_later?: SettledLater } {
  const record = later.get(proposal);
  if (record === undefined) return {};
  const { settled_at: atMs, ...rest } = record;
  return { settled_later: { ...rest, at: iso(atMs) } };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
