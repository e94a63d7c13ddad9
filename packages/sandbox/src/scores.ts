/**
 * Counts votes into scores, per choice and per strategy, as the real score keeper does for each voting type. The order of the
 * arithmetic follows it too, so that a sum comes out the same to the last bit. Votes whose choice does not fit the proposal
 * (Shutter's ciphertext, say) add to the total and to nothing else.
 */
import type { VotingType } from '@quorum/snapshot/proposal';
import type { StoredVote } from './stored-vote.ts';

export type Scores = {
  /** Power per choice, index 0 being choice 1. */
  readonly scores: readonly number[];
  /** Per choice, the power per strategy. */
  readonly scores_by_strategy: readonly (readonly number[])[];
  /** Power of all votes. */
  readonly scores_total: number;
};

export type Poll = { readonly type: VotingType; readonly choices: number; readonly strategies: number };

/** A vote whose choice fits: ranks is the order of preference, shares are fractions of 1 per choice. */
type Ballot = {
  readonly vp: number;
  readonly powers: readonly number[];
  readonly ranks: readonly number[];
  readonly shares: readonly number[];
};

export function countVotes(poll: Poll, votes: Iterable<StoredVote>): Scores {
  const ballots: Ballot[] = [];
  let total = 0;
  for (const vote of votes) {
    total += vote.vp;
    const ballot = ballotOf(poll, vote);
    if (ballot) ballots.push(ballot);
  }
  return { ...countBallots(poll, ballots), scores_total: total };
}

function ballotOf(poll: Poll, { choice, vp, vp_by_strategy }: StoredVote): Ballot | null {
  const fits = (index: number): boolean => Number.isInteger(index) && index >= 1 && index <= poll.choices;
  const powers = Array.from({ length: poll.strategies }, (_, index) => vp_by_strategy[index] ?? 0);
  switch (poll.type) {
    case 'basic':
    case 'single-choice':
      return typeof choice === 'number' && fits(choice) ? { vp, powers, ranks: [choice], shares: [] } : null;
    case 'approval':
    case 'ranked-choice':
    case 'copeland': {
      if (!Array.isArray(choice) || !choice.every(fits) || new Set(choice).size !== choice.length) return null;
      if (poll.type === 'ranked-choice' && choice.length !== poll.choices) return null;
      return { vp, powers, ranks: choice, shares: [] };
    }
    case 'weighted':
    case 'quadratic': {
      if (typeof choice !== 'object' || Array.isArray(choice)) return null;
      const weights = Object.values(choice);
      const sum = weights.reduce((all, weight) => all + weight, 0);
      if (
        !Object.keys(choice).every((name) => fits(Number(name))) ||
        weights.some((weight) => weight < 0) ||
        sum <= 0
      ) {
        return null;
      }
      return {
        vp,
        powers,
        ranks: [],
        shares: indices(poll.choices).map((index) => (choice[String(index + 1)] ?? 0) / sum),
      };
    }
  }
}

type Counted = Omit<Scores, 'scores_total'>;

function countBallots(poll: Poll, ballots: readonly Ballot[]): Counted {
  switch (poll.type) {
    case 'basic':
    case 'single-choice':
    case 'approval':
      return places(poll, ballots);
    case 'ranked-choice':
      return places(poll, lastRound(poll, ballots));
    case 'copeland':
      return {
        scores: copeland(poll, ballots, (ballot) => ballot.vp),
        scores_by_strategy: turned(
          indices(poll.strategies).map((index) => copeland(poll, ballots, (ballot) => ballot.powers[index] ?? 0)),
          poll.choices,
        ),
      };
    case 'weighted':
      return shared(
        poll,
        ballots,
        (share, power) => ((share * 100) / 100) * power,
        (sum) => sum,
      );
    case 'quadratic':
      return shared(
        poll,
        ballots,
        (share, power) => Math.sqrt(share * power),
        (sum) => sum * sum,
      );
  }
}

/** Each choice gets the power of the ballots that name it. */
function places(poll: Poll, ballots: readonly Ballot[]): Counted {
  const scores = indices(poll.choices).map(() => 0);
  const byStrategy = indices(poll.choices).map(() => indices(poll.strategies).map(() => 0));
  for (const { ranks, vp, powers } of ballots) {
    for (const rank of ranks) {
      scores[rank - 1] = (scores[rank - 1] ?? 0) + vp;
      const row = byStrategy[rank - 1] ?? [];
      powers.forEach((power, index) => (row[index] = (row[index] ?? 0) + power));
    }
  }
  return { scores, scores_by_strategy: byStrategy };
}

/**
 * Instant run-off: while nobody has more than half and three or more are left, the weakest (of equals, the one with the lowest
 * number) leaves and each ballot goes to its next preference. What comes back names only each ballot's choice in the last round.
 */
function lastRound(poll: Poll, all: readonly Ballot[]): Ballot[] {
  let ballots = all.map((ballot) => ballot);
  let left = indices(poll.choices).map((index) => index + 1);
  for (;;) {
    const firsts = ballots.map((ballot) => ({ ...ballot, ranks: ballot.ranks.slice(0, 1) }));
    const { scores } = places(poll, firsts);
    const power = (choice: number): number => scores[choice - 1] ?? 0;
    const total = ballots.reduce((sum, { vp }) => sum + vp, 0);
    if (left.length < 3 || left.some((choice) => power(choice) > total / 2)) return firsts;
    const weakest = left.reduce((low, choice) => (power(choice) < power(low) ? choice : low));
    left = left.filter((choice) => choice !== weakest);
    ballots = ballots
      .map((ballot) => ({ ...ballot, ranks: ballot.ranks.filter((choice) => choice !== weakest) }))
      .filter(({ ranks }) => ranks.length > 0);
  }
}

/** Pairwise: a choice gets 1 for each other that it beats and 1/2 for a draw; all the power is shared out by these points. */
function copeland(poll: Poll, ballots: readonly Ballot[], power: (ballot: Ballot) => number): readonly number[] {
  const lead = indices(poll.choices).map(() => indices(poll.choices).map(() => 0));
  let total = 0;
  for (const ballot of ballots) {
    total += power(ballot);
    ballot.ranks.forEach((better, place) => {
      for (const worse of ballot.ranks.slice(place + 1)) {
        const [forward, back] = [lead[better - 1] ?? [], lead[worse - 1] ?? []];
        forward[worse - 1] = (forward[worse - 1] ?? 0) + power(ballot);
        back[better - 1] = (back[better - 1] ?? 0) - power(ballot);
      }
    });
  }
  const points = lead.map((row, own) => {
    const others = row.filter((_, other) => other !== own);
    return others.reduce((sum, margin) => sum + (margin > 0 ? 2 : margin === 0 ? 1 : 0), 0);
  });
  const all = points.reduce((sum, point) => sum + point, 0);
  return points.map((point) => (all > 0 ? (point / all) * total : total / poll.choices));
}

/** Weights: each choice's part of what all choices got, taken of the power of all ballots. */
function shared(
  poll: Poll,
  ballots: readonly Ballot[],
  part: (share: number, power: number) => number,
  whole: (sum: number) => number,
): Counted {
  const got = (choice: number, power: (ballot: Ballot) => number): number =>
    whole(ballots.reduce((sum, ballot) => sum + part(ballot.shares[choice] ?? 0, power(ballot)), 0));
  const total = ballots.reduce((sum, { vp }) => sum + vp, 0);
  const raw = indices(poll.choices).map((choice) => got(choice, (ballot) => ballot.vp));
  const rawByStrategy = indices(poll.choices).map((choice) =>
    indices(poll.strategies).map((index) => got(choice, (ballot) => ballot.powers[index] ?? 0)),
  );
  const of = (value: number, values: readonly number[]): number => {
    const sum = values.reduce((all, one) => all + one, 0);
    if (sum === 0) return 0;
    return poll.type === 'weighted' ? (total / 100) * ((value / sum) * 100) : total * (value / sum);
  };
  return {
    scores: raw.map((value) => of(value, raw)),
    scores_by_strategy: rawByStrategy.map((row) => row.map((value) => of(value, rawByStrategy.flat()))),
  };
}

function turned(columns: readonly (readonly number[])[], rows: number): readonly (readonly number[])[] {
  return indices(rows).map((row) => columns.map((column) => column[row] ?? 0));
}

function indices(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
