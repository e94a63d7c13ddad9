/** What `GET /agent-run/:id` says of a run: the run record in the words of the API. */
import type { RunRecord, Selected } from '@quorum/shared/records';
import type { AgentRunView, RunStatus } from '@quorum/shared/run';

const OPEN = ['queued', 'running'] as const satisfies readonly RunStatus[];

/** The view of a run. Once the run has ended, so has each of its proposals. */
export function viewOf(record: RunRecord): AgentRunView {
  const ended = !OPEN.some((state) => state === record.state);

  const proposalOf = ({ proposal_id, title }: Selected): AgentRunView['proposals'][number] => {
    const outcome = record.outcomes.get(proposal_id)?.outcome ?? null;
    const step = outcome !== null || ended ? 'done' : record.decisions.has(proposal_id) ? 'voting' : 'deciding';
    return { proposal_id, title, step, outcome };
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
    result: record.response,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
