/** Notes when the calls of one try of a decision were made, for the record of the run. */
import type { AskTime, DecideTimes } from '@quorum/shared/run-times';
import type { QuestionDeps } from './questions.ts';

export type DecideClock = {
  readonly onAsk: NonNullable<QuestionDeps['onAsk']>;
  /** What was noted, which ended now. */
  readonly times: () => DecideTimes;
};

/** A clock of a try that began then. All times are Unix milliseconds; what is noted is since the run was accepted. */
export function startDecideClock(acceptedAtMs: number, beganMs: number, now: () => number): DecideClock {
  const asks: AskTime[] = [];
  const offset = (ms: number): number => Math.round(ms - acceptedAtMs);
  return {
    onAsk(role, nth, { model, tookMs, result }) {
      const took = Math.max(0, Math.round(tookMs));
      asks.push([role, nth, model, offset(now()) - took, took, result]);
    },
    times: () => ({ began: offset(beganMs), ended: offset(now()), asks: [...asks] }),
  };
}
