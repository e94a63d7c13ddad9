/**
 * The public reason of a vote, by template: it says that an AI agent acted for its owner, and for what. It is made without the
 * owner's instructions, so it cannot give them away.
 *
 * `publish_reason: full` asks for a reason written by the model. There is none yet, so it publishes the template too: less than
 * the owner allows, never more. A secret (Shutter) vote takes no reason at all.
 */
import { describeBallot, type Ballot } from '@quorum/snapshot/ballot';
import type { Proposal } from '@quorum/snapshot/proposal';
import type { SpacePreferences } from '@quorum/shared/preferences';

/** A long ranking is cut here: the vote itself says it in full. */
const MAX_BALLOT = 300;

/** The reason that is published with a vote; empty where there is no ballot, no wish for a reason, or no place for one. */
export function publicReason(
  ballot: Ballot | null,
  publish: SpacePreferences['publish_reason'],
  privacy: Proposal['privacy'],
): string {
  if (ballot === null || publish === 'none' || privacy === 'shutter') return '';
  return `Voted by an AI agent for its owner, following the preferences that the owner stated: ${shortened(describeBallot(ballot))}`;
}

function shortened(text: string): string {
  if (text.length <= MAX_BALLOT) return text;
  return `${text.slice(0, MAX_BALLOT - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
