/**
 * What one vote adds to a proposal's scores. Exact for single choices, approval and weights. For rankings the first place
 * gets the power, and quadratic counts as weighted: close enough to show a score that moves, not to settle a close vote.
 */
import type { VotingType } from '@quorum/snapshot/proposal';
import type { WorldVote } from '../world.ts';

export type EncodedChoice = WorldVote['choice'];

/** Power per choice, index 0 being choice 1. A choice that cannot be read yet (Shutter's ciphertext) adds nothing. */
export function tally(choice: EncodedChoice, vp: number, type: VotingType, choices: number): readonly number[] {
  const scores = Array.from({ length: choices }, () => 0);
  const give = (index: number | undefined, amount: number): void => {
    if (index !== undefined && index >= 1 && index <= choices) scores[index - 1] = (scores[index - 1] ?? 0) + amount;
  };
  if (typeof choice === 'string') return scores;
  if (typeof choice === 'number') give(choice, vp);
  else if (Array.isArray(choice)) {
    const counted = type === 'approval' ? choice : choice.slice(0, 1);
    for (const index of counted) give(index, vp);
  } else {
    const total = Object.values(choice).reduce((sum, weight) => sum + weight, 0);
    for (const [index, weight] of Object.entries(choice)) give(Number(index), total > 0 ? (vp * weight) / total : 0);
  }
  return scores;
}
