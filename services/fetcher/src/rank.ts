/**
 * In which order proposals are decided when there are more than one run takes.
 *
 *   score = 0.5 urgency + 0.3 weight + 0.2 contest, each in [0, 1]
 *
 * - urgency: 1 / (1 + days left). Nearly closed is near 1, a day left is 0.5, a week left is 0.125.
 * - weight: how much a vote still weighs: how far the result is open, or, where there is a quorum, the mean of that and of how far
 *   the quorum is open. The result: 1 − lead of the first choice over the second / all that is counted, or the quorum where that
 *   is more. The quorum: 1 − counted / quorum, 0 once it is reached. Where it is one of rejection, what counts towards it are the
 *   votes against: the second choice.
 * - contest: how close the first two choices are, 1 − lead / sum of both. Result and contest are wholly open while nobody has
 *   voted.
 *
 * Ties go to the earlier end, then to the smaller id, so that the order never depends on the order of the input.
 */
import type { Ranked } from '@quorum/shared/run';
import type { Proposal } from '@quorum/snapshot/proposal';

const SHARE = { urgency: 0.5, weight: 0.3, contest: 0.2 } as const;
const DAY_S = 24 * 60 * 60;

/** Where a quorum of rejection finds the votes against: Snapshot counts the second choice. */
const REJECTION_CHOICE = 1;

/** What the rank of a proposal depends on. Two that are equal in this are the same proposal. */
export type Rankable = Pick<Proposal, 'id' | 'end' | 'quorum' | 'quorum_type' | 'scores' | 'scores_total'>;

export type RankedProposal<P> = { readonly proposal: P; readonly ranked: Ranked };

/** The rank of one proposal with its parts. `nowMs` in Unix milliseconds. */
export function scoreOf(proposal: Rankable, nowMs: number): Ranked {
  const daysLeft = Math.max(0, proposal.end - nowMs / 1_000) / DAY_S;
  const urgency = 1 / (1 + daysLeft);
  const [first, second] = leaders(proposal.scores);
  const weight = weightOf(proposal, first - second);
  const sum = first + second;
  const contest = sum === 0 ? 1 : 1 - (first - second) / sum;
  const score = SHARE.urgency * urgency + SHARE.weight * weight + SHARE.contest * contest;
  return { proposal_id: proposal.id, score, urgency, weight, contest };
}

/** The proposals by falling score, each with its rank. */
export function rank<P extends Rankable>(proposals: readonly P[], nowMs: number): RankedProposal<P>[] {
  return proposals
    .map((proposal) => ({ proposal, ranked: scoreOf(proposal, nowMs) }))
    .toSorted(
      (a, b) =>
        b.ranked.score - a.ranked.score || a.proposal.end - b.proposal.end || (a.proposal.id < b.proposal.id ? -1 : 1),
    );
}

function weightOf({ quorum, quorum_type, scores, scores_total }: Rankable, lead: number): number {
  const all = Math.max(scores_total, quorum);
  const openResult = all === 0 ? 1 : 1 - Math.min(1, lead / all);
  if (quorum === 0) return openResult;
  const counted = quorum_type === 'rejection' ? (scores[REJECTION_CHOICE] ?? 0) : scores_total;
  const openQuorum = 1 - Math.min(1, Math.max(0, counted) / quorum);
  return (openResult + openQuorum) / 2;
}

/** The two highest scores. What a strategy counts may be negative, and then counts for nothing. */
function leaders(scores: readonly number[]): readonly [number, number] {
  let first = 0;
  let second = 0;
  for (const score of scores) {
    if (score > first) {
      second = first;
      first = score;
    } else if (score > second) second = score;
  }
  return [first, second];
}
