/**
 * What is counted of runs, proposals, votes and holds: what a transition or a record wrote, told by the step that wrote it. A job that
 * is delivered twice writes nothing the second time and so is counted once, by whichever process was first.
 */
import { assertNever } from './assert-never.ts';
import type { HoldState } from './hold.ts';
import type { Metrics } from './metrics.ts';
import { FailedWhy, HeldWhy, type Outcome, SkippedWhy } from './outcome.ts';
import type { RunStatus } from './run.ts';

export type Written =
  /** A proposal left its run. */
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'run_ended'; readonly status: RunStatus; readonly durationS: number }
  /** `leftS`: seconds from then to the end of its proposal; null where that is not known. */
  | { readonly kind: 'vote'; readonly result: 'cast' | 'voided' | 'adopted'; readonly leftS: number | null }
  /** A hold came into this state. */
  | { readonly kind: 'hold'; readonly state: HoldState };

export type OnWritten = (written: Written) => void;

/** For who counts nothing. */
export const uncounted: OnWritten = () => undefined;

/** Each way in which a proposal can leave its run, as the labels of its counter. */
const WAYS_OUT = [
  ...(['cast', 'simulated'] as const).map((kind) => ({ kind, why: '' })),
  ...HeldWhy.options.map((why) => ({ kind: 'held', why })),
  ...SkippedWhy.options.map((why) => ({ kind: 'skipped', why })),
  ...FailedWhy.options.map((why) => ({ kind: 'failed', why })),
];

/** Counts what is written. */
export function countWritten(metrics: Metrics): OnWritten {
  // As in from-zero.ts: the first one of its kind is a rise too.
  for (const way of WAYS_OUT) metrics.outcomes.inc(way, 0);
  return (written) => {
    switch (written.kind) {
      case 'outcome': {
        const { outcome } = written;
        metrics.outcomes.inc({ kind: outcome.kind, why: 'why' in outcome ? outcome.why : '' });
        return;
      }
      case 'run_ended':
        metrics.runs.inc({ status: written.status });
        metrics.runDuration.observe({ status: written.status }, written.durationS);
        return;
      case 'vote':
        metrics.votes.inc({ result: written.result });
        if (written.result === 'cast' && written.leftS !== null) metrics.voteTimeLeft.observe(written.leftS);
        return;
      case 'hold':
        metrics.holds.inc({ state: written.state });
        return;
      default:
        return assertNever(written);
    }
  };
}
