/**
 * The critical path of a run: the chain of spans that its end waited for, found from the end backwards. What a step waited for is
 * what ended last before it began, of the same proposal or of the whole run. What lies between two steps is work that no span tells of.
 */
import type { Span } from '@quorum/shared/run-span';
import type { RunTimings } from '@quorum/shared/run-timings';

/** A span that takes time and has none within it. Milliseconds; `proposal_id`: null for what is of the whole run. */
export type Leaf = { readonly proposal_id: string | null; readonly begin: number; readonly end: number };

/** The path, first to last: each begins when or after the one before it ended. Spans that take no time are no part of it. */
export function criticalPath<T extends Leaf>(leaves: readonly T[]): readonly T[] {
  const path: T[] = [];
  const candidates = leaves.filter(({ begin, end }) => end > begin);
  let step = lastOf(candidates);
  while (step !== undefined) {
    path.unshift(step);
    const { begin, proposal_id: id } = step;
    step = lastOf(
      candidates.filter(
        (one) => one.end <= begin && (id === null || one.proposal_id === null || one.proposal_id === id),
      ),
    );
  }
  return path;
}

/** What ended last; of several the longest. */
function lastOf<T extends Leaf>(leaves: readonly T[]): T | undefined {
  return leaves.reduce<T | undefined>(
    (last, one) =>
      last === undefined || one.end > last.end || (one.end === last.end && one.begin < last.begin) ? one : last,
    undefined,
  );
}

/** When the run ended, or it was looked at while it was open. Milliseconds since it was accepted. */
export function endOf({ finished, now }: Pick<RunTimings, 'finished' | 'now'>): number {
  return Math.max(0, finished ?? now);
}

/** Whether it is the wait of a hold: for its owner, or for voting to be resumed. */
export function isHeld({ kind }: Pick<Span, 'kind'>): boolean {
  return kind === 'answer' || kind === 'resume';
}

/** The spans that came after the run: from the wait of a hold on. */
export function afterRun({ spans }: Pick<RunTimings, 'spans'>): ReadonlySet<Span> {
  const byProposal = Map.groupBy(spans, ({ proposal_id: id }) => id);
  return new Set(
    [...byProposal.values()].flatMap((all) => {
      const from = all.findIndex(isHeld);
      return from === -1 ? [] : all.slice(from);
    }),
  );
}

/** The spans of the path, within the run itself. One that is under way counts up to now. */
export function criticalSpans(timings: RunTimings): ReadonlySet<Span> {
  const end = endOf(timings);
  const after = afterRun(timings);
  const asked = new Set(timings.spans.flatMap(({ kind, proposal_id: id }) => (kind === 'ask' ? [id] : [])));
  // A try of a decision is made up of its calls; one without any is a span like others.
  const leaves = timings.spans.flatMap((span) =>
    after.has(span) || (span.kind === 'decide' && asked.has(span.proposal_id))
      ? []
      : [{ span, proposal_id: span.proposal_id, begin: span.begin, end: Math.min(end, span.end ?? end) }],
  );
  return new Set(criticalPath(leaves).map(({ span }) => span));
}
