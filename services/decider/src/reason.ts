/**
 * The public reason of a vote. It says that an AI agent acted for its owner, and for what; with `publish_reason: full` also why, in
 * the words of a model that knew nothing of the owner (`written-reason.ts`). A secret (Shutter) vote takes no reason at all.
 *
 * Nothing is published that repeats the owner's instructions, not even by chance or by a label that somebody worded so, and no label
 * that leads its readers elsewhere: the longest of these that does not, or nothing.
 */
import { publicBallot } from '@quorum/shared/public-ballot';
import type { Ballot } from '@quorum/snapshot/ballot';
import type { Proposal } from '@quorum/snapshot/proposal';
import type { SpacePreferences } from '@quorum/shared/preferences';
import { sharesWords } from '@quorum/shared/overlap';

const BY_AGENT = 'Voted by an AI agent for its owner';

/** Whether a vote takes a reason: there is a ballot, a wish for one and a place for it. */
export function takesReason(
  ballot: Ballot | null,
  publish: SpacePreferences['publish_reason'],
  privacy: Proposal['privacy'],
): ballot is Ballot {
  return ballot !== null && publish !== 'none' && privacy !== 'shutter';
}

/** The reason that is published with a vote; empty where it takes none. `written`: by a model, where there is one that may be used. */
export function publicReason(
  ballot: Ballot | null,
  { publish_reason: publish, instructions }: Pick<SpacePreferences, 'publish_reason' | 'instructions'>,
  privacy: Proposal['privacy'],
  written: string | null,
): string {
  if (!takesReason(ballot, publish, privacy)) return '';
  const said = publicBallot(ballot);
  const reasons = [
    ...(publish === 'full' && written !== null ? [`${BY_AGENT}. ${written}`] : []),
    ...(said === null ? [] : [`${BY_AGENT}, following the preferences that the owner stated: ${said}`]),
    `${BY_AGENT}.`,
  ];
  return reasons.find((reason) => !sharesWords(reason, instructions ?? '')) ?? '';
}
