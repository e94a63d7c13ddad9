/**
 * What an owner is told of the proposals that a live run leaves without the vote that it was to make: that a vote failed close to
 * the end, at once; and that a deadline was missed, once it has passed. The second waits as a job, and whoever delivers it looks
 * whether a later run has voted after all: a run cannot know, and there may be none.
 */
import type { Notice, ProposalEvent } from '@quorum/shared/notices';
import type { Outcome } from '@quorum/shared/outcome';
import type { Opening, OutcomeRecord, RunRecord } from '@quorum/shared/records';
import type { ProposalId } from '@quorum/snapshot/proposal';

const SECOND_MS = 1_000;
/** After the close: a vote that was sent just before may be read back only then. */
export const AFTER_CLOSE_MS = 2 * 60 * SECOND_MS;

export function missedNotices(
  { runId: run_id, owner, space: space_id, dryRun }: Pick<RunRecord, 'runId' | 'owner' | 'space' | 'dryRun'>,
  opening: Opening,
  outcomes: ReadonlyMap<ProposalId, Pick<OutcomeRecord, 'outcome'>>,
  { leadS, nowMs }: { readonly leadS: number; readonly nowMs: number },
): readonly Notice[] {
  if (dryRun || opening.voter === null) return [];
  return opening.selected.flatMap(({ proposal_id, end }): Notice[] => {
    const outcome = outcomes.get(proposal_id)?.outcome;
    if (!isWithoutVote(outcome)) return [];
    const leftMs = end * SECOND_MS - nowMs;
    const notice = (event: ProposalEvent, delayMs: number): Notice => ({
      payload: { event, owner, space_id, proposal_id, run_id },
      delayMs,
    });
    const isNear = leftMs > 0 && leftMs <= leadS * SECOND_MS && outcome?.kind !== 'skipped';
    return [
      ...(isNear ? [notice('vote_failed', 0)] : []),
      notice('deadline_missed', Math.max(0, leftMs + AFTER_CLOSE_MS)),
    ];
  });
}

/** Whether a vote was to be made and was not, for a reason that is not the owner's own word. What is held is told as a hold. */
function isWithoutVote(outcome: Outcome | undefined): boolean {
  // The run ended before there was one.
  if (outcome === undefined) return true;
  switch (outcome.kind) {
    case 'failed':
    // Asked for a vote, and kept from it by preferences that cannot be used.
    case 'simulated':
      return true;
    case 'skipped':
      return ['proposal_changed', 'preferences', 'vote_cap', 'budget', 'closed'].includes(outcome.why);
    case 'cast':
    case 'held':
      return false;
  }
}
