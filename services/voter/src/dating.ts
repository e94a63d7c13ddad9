/**
 * How a vote is dated, so that the owner always wins. Snapshot keeps the vote with the later message timestamp, whichever
 * arrives first: a vote of ours that is dated back loses to any vote that the owner makes by hand, before or after it.
 */

/**
 * The timestamp of a first vote, in Unix seconds: a day back, but inside the voting window. After a voided intent (`after`, its
 * timestamp) it is dated later than that one, so that bytes of the voided vote that still arrive lose to it.
 */
export function voteTimestamp(
  startS: number,
  nowS: number,
  options: { readonly backdateS: number; readonly after: number | null },
): number {
  const dated = Math.max(startS + 1, Math.floor(nowS) - options.backdateS);
  return options.after === null ? dated : Math.max(dated, options.after + 1);
}
