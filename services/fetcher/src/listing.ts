/**
 * The active proposals of a space as the fetcher works with them: what filter and rank need and a hash of the text, but no text.
 * The hub is read a page at a time and the texts of a page go before the next one comes, so that memory is bounded by one page
 * and a few hundred bytes for each proposal, however many there are and however long. A text is read again once it is chosen.
 */
import { ValidationError } from '@quorum/shared/errors';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Hub } from '@quorum/snapshot/hub';
import { Proposal, type SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';

/** An active proposal without its texts. */
export const Listed = Proposal.pick({
  id: true,
  author: true,
  start: true,
  end: true,
  flagged: true,
  quorum: true,
  quorum_type: true,
  scores: true,
  scores_total: true,
}).extend({ content_hash: z.string() });
export type Listed = z.infer<typeof Listed>;

export const Listing = z.object({
  proposals: z.array(Listed),
  odd: z.array(z.object({ id: z.string(), why: z.string() })).describe('Proposals that cannot be read, and why'),
});
export type Listing = z.infer<typeof Listing>;

/** What is kept of a proposal. */
export function listed(proposal: Proposal): Listed {
  const { id, author, start, end, flagged, quorum, quorum_type, scores, scores_total } = proposal;
  const content_hash = contentHash(proposal);
  return { id, author, start, end, flagged, quorum, quorum_type, scores, scores_total, content_hash };
}

/** Reads all active proposals of a space. Throws where the list cannot be read whole, and for a space that does not exist. */
export async function readListing(hub: Hub, space: SpaceId, signal: AbortSignal): Promise<Listing> {
  const listing: Listing = { proposals: [], odd: [] };
  for await (const { proposals, odd } of hub.activeProposals(space, signal)) {
    for (const proposal of proposals) listing.proposals.push(listed(proposal));
    listing.odd.push(...odd);
  }
  // The hub has an empty list for a space that it does not know, too.
  const isEmpty = listing.proposals.length + listing.odd.length === 0;
  if (isEmpty && (await hub.space(space, signal)) === null) {
    throw new ValidationError(`There is no space ${space} on Snapshot. Check its name, for example ens.eth.`);
  }
  return listing;
}
