/**
 * Reading back: `cast` means that the hub has our vote, with the ballot that we meant. A secret vote is read back as the very
 * ciphertext that was sent, until the reveal puts the choice in its place.
 */
import { BallotError, sameBallot } from '@quorum/snapshot/ballot';
import { decodeChoice } from '@quorum/snapshot/encode';
import type { HubVote } from '@quorum/snapshot/hub';
import type { Proposal } from '@quorum/snapshot/proposal';
import type { Intent } from './intent.ts';

/**
 * What the hub's answer says about the vote of this intent. `ours`: it is there and says what we meant. `sealed`: it is there, as
 * encrypted as we sent it. `different`: it is there and says something else, which must never happen. `other`: another vote of this
 * voter stands. `none`: nothing yet.
 */
export type ReadBack = 'ours' | 'sealed' | 'different' | 'other' | 'none';

export function readBack(vote: HubVote | null, voteId: string, intent: Intent, proposal: Proposal): ReadBack {
  if (vote === null) return 'none';
  if (vote.id !== voteId) return 'other';
  if (proposal.privacy === 'shutter' && vote.choice === intent.message.choice) return 'sealed';
  return says(vote.choice, intent, proposal) ? 'ours' : 'different';
}

/** Whether a choice on the hub is the intent's ballot; one that cannot be read is not. */
function says(choice: unknown, { ballot }: Intent, proposal: Proposal): boolean {
  try {
    return sameBallot(decodeChoice(choice, proposal), ballot);
  } catch (error) {
    if (error instanceof BallotError) return false;
    throw error;
  }
}
