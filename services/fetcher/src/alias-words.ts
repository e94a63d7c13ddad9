/** What an owner is told of an alias that has run out or is about to: it lapses unnoticed otherwise, and then no vote is signed. */
import type { SignerAnnouncement } from '@quorum/shared/announcements';
import type { OwnerId } from '@quorum/shared/ids';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Time enough to find the main wallet. */
const SOON_MS = 7 * DAY_MS;

/** Words for the errors of a run; none while the alias has long to go, or nobody knows how long. */
export function aliasWords(signer: SignerAnnouncement, owner: OwnerId, nowMs: number): readonly string[] {
  if (signer.kind !== 'alias' || signer.alias_expires_at === null) return [];
  const endMs = signer.alias_expires_at * 1_000;
  if (endMs - nowMs >= SOON_MS) return [];
  const when = new Date(endMs).toISOString().slice(0, 10);
  const how = `Sign it again with the main wallet: npm run keys -- alias --owner ${owner}`;
  if (endMs <= nowMs) return [`The alias ${signer.alias} ran out on ${when}, so no vote can be signed. ${how}`];
  return [`The alias ${signer.alias} runs out on ${when}; after that no vote can be signed. ${how}`];
}
