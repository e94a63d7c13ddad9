/** The figures of a run's timings: how long it took, what of that its critical path is, and the two times that an owner would ask for. */
import type { Span } from '@quorum/shared/run-span';
import type { RunTimings } from '@quorum/shared/run-timings';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { criticalSpans, endOf, isHeld } from './critical-path.ts';

export type AcceptedVote = {
  readonly proposal_id: ProposalId;
  /** From the decision, or where it was held from the answer or the resumption, until the sequencer had accepted the vote. Milliseconds. */
  readonly accepted_ms: number;
};

export type Figures = {
  /** From the acceptance of the run to its end, or until now. Milliseconds, as all that follow. */
  readonly wall_ms: number;
  readonly critical_path_ms: number;
  /** From the acceptance of the run until the first call to a model; null where none was made, or none is known of. */
  readonly first_model_call_ms: number | null;
  readonly accepted_votes: readonly AcceptedVote[];
};

/** What the spans add up to. */
export function figuresOf(timings: RunTimings): Figures {
  const wall = endOf(timings);
  const critical = [...criticalSpans(timings)];
  const asks = timings.spans.filter(({ kind }) => kind === 'ask').map(({ begin }) => begin);
  return {
    wall_ms: wall,
    critical_path_ms: critical.reduce((sum, { begin, end }) => sum + Math.min(wall, end ?? wall) - begin, 0),
    first_model_call_ms: asks.length === 0 ? null : Math.min(...asks),
    accepted_votes: timings.proposals.flatMap(({ proposal_id, decided }) => {
      const own = timings.spans.filter((span) => span.proposal_id === proposal_id);
      const accepted = acceptedAt(own);
      const from = own.find(isHeld)?.end ?? decided;
      return accepted === null || from === null ? [] : [{ proposal_id, accepted_ms: Math.max(0, accepted - from) }];
    }),
  };
}

function acceptedAt(spans: readonly Span[]): number | null {
  return spans.find(({ kind, answered }) => kind === 'send' && answered === 'accepted')?.end ?? null;
}
