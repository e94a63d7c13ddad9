/** What an opening tells the owner of proposals that were left out, in words. */
import type { Unchecked } from './choose.ts';
import type { Listed, Listing } from './listing.ts';

const ODD_TOLD = 3;

/** A proposal that cannot be read may be one that its owner cares about. */
export function wordsForOdd(odd: Listing['odd']): string[] {
  if (odd.length === 0) return [];
  const told = odd.slice(0, ODD_TOLD).map(({ id, why }) => `${id} (${why})`);
  const more = odd.length > told.length ? ` and ${odd.length - told.length} more` : '';
  const left = odd.length === 1 ? '1 proposal cannot be read and is' : `${odd.length} proposals cannot be read and are`;
  return [`${left} left out; look on Snapshot: ${told.join(', ')}${more}.`];
}

/** A hub that gives no power leaves every vote undone: not without a word to the owner. */
export function wordsForUnchecked(unchecked: readonly Unchecked[]): string[] {
  const [first] = unchecked;
  if (first === undefined) return [];
  const left = unchecked.length === 1 ? '1 proposal could' : `${unchecked.length} proposals could`;
  const rest = unchecked.length === 1 ? 'is left for a later run' : 'are left for a later run; the first';
  return [`${left} not be checked and ${rest}: ${first.proposal.id} (${first.why})`];
}

/** What nobody can vote on in time any more. */
export function wordsForMissed(missed: readonly Listed[]): string[] {
  if (missed.length === 0) return [];
  const told = missed.slice(0, ODD_TOLD).map(({ id }) => id);
  const more = missed.length > told.length ? ` and ${missed.length - told.length} more` : '';
  const close = missed.length === 1 ? '1 proposal closes' : `${missed.length} proposals close`;
  return [`${close} too soon to be decided and voted on: vote on Snapshot yourself: ${told.join(', ')}${more}.`];
}
