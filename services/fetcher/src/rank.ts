/**
 * In which order proposals are decided when there are more than one run takes.
 *
 *   score = 0.5 urgency + 0.3 weight + 0.2 contest, each in [0, 1]
 *
 * - urgency: 1 / (1 + days left). Nearly closed is near 1, a day left is 0.5, a week left is 0.125.
 * - weight: how far the quorum is still open, 1 − counted / quorum; 0 where there is no quorum or it is reached. Where the
 *   quorum is one of rejection, what is counted are the votes against: the second choice.
 * - contest: how close the first two choices are, 1 − lead / sum of both; 1 while nobody has voted.
 *
 * Ties go to the earlier end, then to the smaller id, so that the order never depends on the order of the input.
 */
import type { Ranked } from '@quorum/shared/run';
import type { Proposal } from '@quorum/snapshot/proposal';

const SHARE = { urgency: 0.5, weight: 0.3, contest: 0.2 } as const;
const DAY_S = 24 * 60 * 60;

/** Where a quorum of rejection finds the votes against: Snapshot counts the second choice. */
const REJECTION_CHOICE = 1;

/** The rank of one proposal with its parts. `nowMs` in Unix milliseconds. */
export function scoreOf(proposal: Proposal, nowMs: number): Ranked {
  const daysLeft = Math.max(0, proposal.end - nowMs / 1_000) / DAY_S;
  const urgency = 1 / (1 + daysLeft);
  const weight = openQuorum(proposal);
  const contest = contestOf(proposal.scores);
  const score = SHARE.urgency * urgency + SHARE.weight * weight + SHARE.contest * contest;
  return { proposal_id: proposal.id, score, urgency, weight, contest };
}

/** The proposals by falling score, each with its rank. */
export function rank(proposals: readonly Proposal[], nowMs: number): { proposal: Proposal; ranked: Ranked }[] {
  return proposals
    .map((proposal) => ({ proposal, ranked: scoreOf(proposal, nowMs) }))
    .toSorted(
      (a, b) =>
        b.ranked.score - a.ranked.score || a.proposal.end - b.proposal.end || (a.proposal.id < b.proposal.id ? -1 : 1),
    );
}

function openQuorum({ quorum, quorum_type, scores, scores_total }: Proposal): number {
  if (quorum === 0) return 0;
  const counted = quorum_type === 'rejection' ? (scores[REJECTION_CHOICE] ?? 0) : scores_total;
  return 1 - Math.min(1, Math.max(0, counted) / quorum);
}

function contestOf(scores: readonly number[]): number {
  const [first = 0, second = 0] = scores.map((score) => Math.max(0, score)).toSorted((a, b) => b - a);
  const sum = first + second;
  return sum === 0 ? 1 : 1 - (first - second) / sum;
}
