/** The jobs of one run under its root: for each selected proposal a vote job that waits for a decide job. */
import { deadlinePriority, jobIds, jobOptions, JOBS, type JobPayload, type RetrySettings } from '@quorum/shared/jobs';
import type { Opening, RunRecord } from '@quorum/shared/records';

export type ChildTree = {
  readonly voteId: string;
  readonly decideId: string;
  readonly payload: JobPayload<'vote'>;
  readonly voteOptions: ReturnType<typeof jobOptions> & {
    readonly priority: number;
    readonly ignoreDependencyOnFailure: true;
  };
  readonly decideOptions: ReturnType<typeof jobOptions> & {
    readonly priority: number;
    readonly failParentOnFailure: true;
  };
};

/**
 * One tree per selected proposal that has no outcome yet. What closes first is worked on first.
 *
 * Children end with values; the options guard crashes alone. A decide that fails for good fails its vote, whose processor then
 * never runs; the root goes on all the same, finds no outcome and records one.
 */
export function childTrees(run: RunRecord, opening: Opening, settings: RetrySettings, nowMs: number): ChildTree[] {
  const asked = run.requestId === null ? {} : { request_id: run.requestId };
  return opening.selected
    .filter(({ proposal_id: id }) => !run.outcomes.has(id))
    .map(({ proposal_id: id, content_hash: hash, end }) => {
      const priority = deadlinePriority(end, nowMs);
      return {
        voteId: jobIds.vote(run.runId, id),
        decideId: jobIds.decide(run.runId, id),
        payload: JOBS.vote.payload.parse({ ...asked, run_id: run.runId, proposal_id: id, content_hash: hash }),
        voteOptions: { ...jobOptions('vote', settings), priority, ignoreDependencyOnFailure: true },
        decideOptions: { ...jobOptions('decide', settings), priority, failParentOnFailure: true },
      };
    });
}
