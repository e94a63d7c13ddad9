/**
 * The votes of one proposal and where its count stands. Counting waits until somebody looks: a vote costs the same however
 * many there are.
 *
 * Where a world gave a proposal's scores, they are what had been counted when the world was put, its votes included; what comes
 * later is added to them. Where it gave none, the scores are those of its votes.
 */
import type { StoredVote } from './stored-vote.ts';
import { countVotes, type Poll, type Scores } from './scores.ts';
import type { WorldProposal } from './world.ts';

export type Standing = Scores & { readonly votes: number; readonly scores_updated: number };

export type BallotBox = {
  /** Puts a vote in the place of the voter's earlier one; `at` is the server's clock. */
  put(vote: StoredVote, at: number): void;
  /** The proposal is as given from here on, and what is in the box counts as part of its scores. */
  seal(proposal: WorldProposal): void;
  standing(): Standing;
};

export function createBallotBox(initial: WorldProposal): BallotBox {
  const votes = new Map<string, StoredVote>();
  let proposal = initial;
  let counted: Standing | null = null;
  let sealed: Scores & { readonly votes: number } = { ...countVotes(pollOf(proposal), []), votes: 0 };
  let updated = 0;

  const standing = (): Standing => {
    const now = countVotes(pollOf(proposal), votes.values());
    const given = proposal.scores.length > 0 ? givenScores(proposal) : null;
    const { scores, scores_by_strategy, scores_total } = given ? moved(given, sealed, now) : now;
    return {
      scores,
      scores_by_strategy,
      scores_total,
      votes: typeof proposal.votes === 'number' ? proposal.votes + votes.size - sealed.votes : votes.size,
      scores_updated: Math.max(updated, proposal.scores_updated ?? 0),
    };
  };

  return {
    put: (vote, at) => {
      votes.set(vote.voter.toLowerCase(), vote);
      updated = at;
      counted = null;
    },
    seal: (next) => {
      proposal = next;
      sealed = { ...countVotes(pollOf(proposal), votes.values()), votes: votes.size };
      counted = null;
    },
    standing: () => {
      counted ??= standing();
      return counted;
    },
  };
}

function pollOf({ type, choices, strategies }: WorldProposal): Poll {
  return { type, choices: choices.length, strategies: strategies.length };
}

function givenScores(proposal: WorldProposal): Scores {
  const { scores } = proposal;
  const rest = proposal.strategies.slice(1).map(() => 0);
  return {
    scores,
    scores_by_strategy: proposal.scores_by_strategy ?? scores.map((score) => [score, ...rest]),
    scores_total: proposal.scores_total ?? scores.reduce((sum, score) => sum + score, 0),
  };
}

/** What was given, moved by what changed since. */
function moved(given: Scores, before: Scores, now: Scores): Scores {
  const move = (from: number, was: number | undefined, is: number | undefined): number =>
    Math.max(0, from + ((is ?? 0) - (was ?? 0)));
  return {
    scores: given.scores.map((score, choice) => move(score, before.scores[choice], now.scores[choice])),
    scores_by_strategy: given.scores_by_strategy.map((row, choice) =>
      row.map((score, index) =>
        move(score, before.scores_by_strategy[choice]?.[index], now.scores_by_strategy[choice]?.[index]),
      ),
    ),
    scores_total: move(given.scores_total, before.scores_total, now.scores_total),
  };
}
