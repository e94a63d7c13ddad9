/**
 * What of the answers to a decision another attempt may bring: a model was away, too slow, or asked for fewer requests. What a model
 * refused, or answered with what cannot be used, is none of it.
 */
import type { Judgement } from '@quorum/shared/policy';
import type { AskedSample } from './answers.ts';
import { isPassing, type Missing } from './ask.ts';
import type { SecondReading } from './second-reading.ts';

/** Why a decision is unsure for want of answers that agree. */
const FOR_WANT_OF_ANSWERS: ReadonlySet<string> = new Set(['stakes', 'disagreement', 'below_confidence']);

/** Whether a sample is one that another attempt may bring. */
export function isNotReached({ sample }: Pick<AskedSample, 'sample'>): boolean {
  return sample.kind === 'no_answer' && isPassing(sample.why);
}

/** The samples that were not reached, where the decision is unsure for want of them; null where there are none. */
export function samplesNotReached(samples: readonly AskedSample[], judgement: Judgement): Missing | null {
  if (judgement.kind === 'no_decision' || judgement.verdict.kind === 'cast') return null;
  if (!FOR_WANT_OF_ANSWERS.has(judgement.verdict.why)) return null;
  return missingOf(
    samples.map(({ sample, ...call }) => ({ ...call, why: sample.kind === 'no_answer' ? sample.why : null })),
  );
}

/** What of a second reading was not reached: its reader or its judge; null where it is whole, or there is none. */
export function readingNotReached(reading: SecondReading | null): Missing | null {
  return missingOf([reading?.reader, reading?.judge].flatMap((call) => (call ? [call] : [])));
}

/** Both of what is missing, as one. */
export function bothMissing(one: Missing | null, other: Missing | null): Missing | null {
  if (one === null || other === null) return one ?? other;
  return { whys: [...one.whys, ...other.whys], retryAfterS: longest([one.retryAfterS, other.retryAfterS]) };
}

type Call = Pick<SecondReading['reader'], 'why' | 'retry_after_s'>;

function missingOf(calls: readonly Call[]): Missing | null {
  const away = calls.flatMap(({ why, retry_after_s: pause }) =>
    why !== null && isPassing(why) ? [{ why, pause }] : [],
  );
  return away.length === 0
    ? null
    : { whys: away.map(({ why }) => why), retryAfterS: longest(away.map(({ pause }) => pause)) };
}

function longest(pauses: readonly (number | null)[]): number | null {
  const known = pauses.filter((pause) => pause !== null);
  return known.length === 0 ? null : Math.max(...known);
}
