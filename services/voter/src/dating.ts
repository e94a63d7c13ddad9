/**
 * How a vote is dated, so that the owner always wins. Snapshot keeps the vote with the later message timestamp, whichever
 * arrives first: a vote of ours that is dated back loses to any vote that the owner makes by hand, before or after it.
 */

const HOUR_S = 60 * 60;

/** The sequencer takes what is dated up to six days back; an hour before that a vote is dated anew. */
export const OLDEST_S = 6 * 24 * HOUR_S - HOUR_S;

/** A revision is dated another hour short of that: dated at the very edge it would be too old at its next try. */
const OLDEST_NEW_S = OLDEST_S - HOUR_S;

export type Dating = {
  /** How far a first vote is dated back, in seconds. */
  readonly backdateS: number;
  /** Our own vote that this one replaces: when it is dated, Unix seconds; null for a first vote. */
  readonly replaces: number | null;
  /** The latest intent of ours here that was voided: when it was dated; null where there is none. */
  readonly voided: number | null;
};

/**
 * The timestamp of a vote, in Unix seconds. A first vote: a day back, but inside the voting window. A revision: a second after the
 * vote that it replaces, or as far back as the sequencer takes, so that it wins over that one alone. After a voided intent it is
 * dated later than that too, so that bytes of the voided vote that still arrive lose to it.
 */
export function voteTimestamp(startS: number, nowS: number, { backdateS, replaces, voided }: Dating): number {
  const now = Math.floor(nowS);
  const dated = Math.max(startS + 1, replaces === null ? now - backdateS : Math.max(replaces + 1, now - OLDEST_NEW_S));
  return voided === null ? dated : Math.max(dated, voided + 1);
}
