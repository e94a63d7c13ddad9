/** What came after the run: a hold that waits for its owner, or for voting to be resumed, and the tries of its vote. */
import type { Hold } from './hold.ts';
import { type Part, stepsOf, waitBefore } from './run-span.ts';

/** The spans of a hold. `at`: the offset of Unix milliseconds. */
export function laterParts(hold: Hold | undefined, at: (ms: number) => number, nowMs: number): Part[] {
  // When a later run took its place is not kept.
  if (hold === undefined || hold.state === 'superseded') return [];
  const { subject, why, answer, end, deadlineMs, state, putOff } = hold;
  const said = answer?.answer.answered_at;
  // Nobody is asked while voting is paused, though an owner may answer.
  const kind = why === 'voting_paused' && answer === null ? 'resume' : 'answer';
  // What was tried before its owner was asked after all, or said no, counts no more.
  const isTried = kind === 'resume' || (answer !== null && state !== 'rejected');
  const first = putOff !== undefined && isTried ? [putOff] : [];
  const isExpired = state === 'expired' || (state === 'waiting' && nowMs >= deadlineMs);
  const over = said ?? (first.length === 0 && isExpired ? deadlineMs : null);
  const tries = [...first, ...(end?.times === undefined ? [] : [end.times])];
  const settled = end === null ? null : at(end.settled_at);
  const until = over === null ? (tries[0]?.began ?? settled) : at(over);
  const waited: Part = { kind, begin: at(subject.created_at), end: until };
  if (until === null) return [waited];

  const steps = tries.flatMap((times, nth): Part[] => {
    // That it was resumed shows in nothing but that it is tried.
    const waits = nth === 0 && over === null ? [] : [waitBefore(times.began, tries[nth - 1], until)];
    return [...waits, ...stepsOf(times)];
  });
  const parts = [waited, ...steps];
  if (end?.times !== undefined) return parts;
  const begin = tries.at(-1)?.ended ?? until;
  if (settled !== null) return [...parts, { kind: 'vote', begin, end: settled }];
  if (isExpired) return tries.length === 0 ? parts : [...parts, { kind: 'put_off', begin, end: at(deadlineMs) }];
  if (tries.length > 0) return [...parts, { kind: 'put_off', begin, end: null }];
  return state === 'approved' ? [...parts, { kind: 'vote', begin, end: null }] : parts;
}
