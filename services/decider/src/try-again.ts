/**
 * Whether a decision is recorded as it is, or the job tried again for answers that were not reached.
 *
 *   too few answers                                  → again; at the last attempt it failed
 *   answers not reached that may have it cast, and
 *     without them it is skipped                     → likewise: a skip is for good
 *     without them its owner is asked                → again, while there is time for it; then the owner is asked
 *   a model that asked for a pause                   → when that is over, for a quarter of an hour at most; costs no attempt
 *
 * What was said by then is kept, and not asked for again.
 */
import type { NoAnswerWhy } from '@quorum/shared/decision';
import { UpstreamError } from '@quorum/shared/errors';
import type { Attempt } from '@quorum/shared/job-handler';
import type { Records, RunForDecision } from '@quorum/shared/records';
import { postponedUntilOpen } from '@quorum/shared/upstream-gate';
import type { AnswerBook } from './answers.ts';
import { isPassing, type Missing } from './ask.ts';
import type { Decided, DecideInput } from './decide.ts';

const SECOND_MS = 1_000;
/** What a vote takes, where the operator leaves it no time. */
const VOTE_MS = 30 * SECOND_MS;
/** What another attempt may take. */
const AGAIN_MS = 2 * 60 * SECOND_MS;
/** For how long a run waits for models that ask for a pause; its end says what is missing. */
const PATIENCE_MS = 15 * 60 * SECOND_MS;

export type TryAgainDeps = {
  readonly records: Pick<Records, 'putEvidence'>;
  readonly answers: Pick<AnswerBook, 'keep'>;
  readonly attempt: Pick<Attempt, 'last'>;
  /** Unix milliseconds. */
  now(): number;
};

type Started = Pick<RunForDecision, 'startedAtMs'>;

/**
 * Throws where another attempt may bring what is missing, and there is time for it: `UpstreamError`, or `PostponeError` where a model
 * asked for a pause. The evidence of what is kept names a decision that never stood, and is not archived.
 */
export async function tryAgain(
  decided: Decided,
  { owner }: Pick<DecideInput, 'owner'>,
  { run, untilMs }: { readonly run: Started; readonly untilMs: number },
  deps: TryAgainDeps,
): Promise<void> {
  const missing = missingIn(decided);
  if (missing === null || !missing.whys.every(isPassing)) return;
  if (decided.kind === 'decided') {
    // Unsure in time is better than sure too late; where there would be no vote at all, nothing is lost.
    if (!decided.undone && deps.now() + AGAIN_MS > untilMs) return;
    await deps.records.putEvidence(decided.evidence.hash, decided.evidence.text);
    await deps.answers.keep(owner, decided.decision.inputs_hash, decided.evidence.hash);
  }
  postpone(missing, run, untilMs, deps.now());
  if (deps.attempt.last || deps.now() >= untilMs) return;
  const what = decided.kind === 'decided' ? 'Not every answer' : 'Too few answers';
  throw new UpstreamError('upstream_unavailable', 'model', `${what} of the model (${tally(missing.whys)}).`);
}

function missingIn(decided: Decided): Missing | null {
  switch (decided.kind) {
    case 'decided':
      return decided.notReached;
    case 'too_few_answers':
      return decided;
    case 'no_budget':
      return null;
  }
}

/** Until when a decision is of use: no vote is begun with less than `minTimeToVoteS` left. Unix milliseconds. */
export function latestEnd(endS: number, minTimeToVoteS: number): number {
  return endS * SECOND_MS - Math.max(VOTE_MS, minTimeToVoteS * SECOND_MS);
}

/** Puts the job off where all that is missing is an answer of a model that asked for a pause; costs no attempt. */
function postpone({ retryAfterS }: Missing, run: Started, untilMs: number, nowMs: number): void {
  if (retryAfterS === null) return;
  const error = new UpstreamError('rate_limited', 'model', 'The model asks for fewer requests.', { retryAfterS });
  const patientMs = (run.startedAtMs ?? nowMs) + PATIENCE_MS;
  const put = postponedUntilOpen(error, { nowMs, untilMs: Math.min(untilMs, patientMs) });
  if (put !== error) throw put;
}

/** `2 timeout, 1 refusal` */
export function tally(whys: readonly NoAnswerWhy[]): string {
  const counts = Map.groupBy(whys, (why) => why);
  return [...counts].map(([why, all]) => `${all.length} ${why}`).join(', ');
}
