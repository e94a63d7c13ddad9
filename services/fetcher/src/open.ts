/**
 * Opens a run: reads the owner's preferences and the space's proposals, filters, ranks and chooses.
 * The result is pinned in the run record; a retry of the job chooses nothing anew.
 */
import type { HubCache } from '@quorum/shared/hub-cache';
import type { Logger } from '@quorum/shared/log';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import { inSpace, preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import type { SignerAnnouncement } from '@quorum/shared/announcements';
import type { LeftAs, Opening, Records, RunRecord, Selected } from '@quorum/shared/records';
import type { FilterMetrics, Ranked } from '@quorum/shared/run';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Hub } from '@quorum/snapshot/hub';
import type { Address, Proposal, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { aliasWords } from './alias-words.ts';
import { choose, type Unchecked } from './choose.ts';
import { dropByHistory, partition, termsOf, type DroppedAs } from './filter.ts';
import { readListing, type Listed, type Listing } from './listing.ts';
import { powerOn } from './power.ts';
import { rank } from './rank.ts';

export type OpenDeps = {
  readonly hub: Hub;
  readonly cache: HubCache<Listing>;
  readonly records: Records;
  readonly preferences: Pick<PreferenceStore, 'load'>;
  readonly log: Logger;
  readonly minTimeToVoteS: number;
  readonly deadlineLeadS: number;
  readonly now: () => number;
};

/** Establishes what a run will decide. Throws where the space or its list cannot be read: a run never goes on without. */
export async function openRun(run: RunRecord, deps: OpenDeps, signal: AbortSignal): Promise<Opening> {
  const { records, hub, cache, log, now } = deps;
  const { space } = run;
  const wanted = await readPreferences(run, deps.preferences);
  const { voter, errors: signerErrors } = await readSigner(run, records, now());
  const dryRun = run.dryRun || wanted.kind === 'unusable' || voter === null;
  const preferences = inSpace(wanted.preferences, space);

  const { proposals, odd } = await cache.list(space, (shared) => readListing(hub, space, shared), signal);
  if (odd.length > 0) log.warn({ count: odd.length, first: odd.slice(0, ODD_LOGGED) }, 'proposals cannot be read');

  const nowMs = now();
  const terms = termsOf(preferences, { nowMs, minTimeToVoteS: deps.minTimeToVoteS });
  const byTerms = partition(proposals, terms);
  const hashes = new Map(byTerms.kept.map(({ id, content_hash: hash }) => [id, hash]));
  const left = async (as: LeftAs): Promise<ReadonlySet<ProposalId>> =>
    dryRun ? new Set() : records.decidedBefore(run.owner, space, hashes, wanted.version, as);
  const history = {
    votedOn: await votedOn(voter, space, byTerms.kept, hub, signal),
    decidedBefore: await left('by_policy'),
  };
  const byHistory = partition(byTerms.kept, (proposal) => dropByHistory(proposal, history));
  const ranked = rank(byHistory.kept, nowMs);
  // What could not be voted on before comes last, or it would take the place of what can.
  const inVain = await left('in_vain');
  const inRank = ranked.map(({ proposal }) => proposal);
  const inTurn = [...inRank.filter(({ id }) => !inVain.has(id)), ...inRank.filter(({ id }) => inVain.has(id))];
  const chosen = await choose(inTurn, {
    limit: preferences.max_proposals_per_run,
    power: (id) => powerOn(id, { voter, space }, deps, signal),
    texts: (ids) => hub.proposals(ids, signal),
    recheck: (proposal) => {
      if (proposal.space !== space) return 'check_failed';
      if (proposal.state !== 'active') return 'closing_too_soon';
      return terms(proposal);
    },
  });
  for (const { proposal, why } of chosen.unchecked) {
    log.warn({ proposal_id: proposal.id, why }, 'proposal cannot be checked');
  }

  const selected = chosen.selected.map(({ proposal, votingPower }): Selected => {
    const { id, title, link, end } = proposal;
    return { proposal_id: id, content_hash: contentHash(proposal), title, link, end, voting_power: votingPower };
  });
  await Promise.all(chosen.selected.map(({ proposal }) => records.putProposal(contentHash(proposal), proposal)));
  const dropped = [
    byTerms.dropped,
    byHistory.dropped,
    chosen.dropped,
    new Map([['check_failed' as const, odd.length]]),
  ];
  return {
    preferences: wanted.preferences,
    preferences_version: wanted.version,
    preferences_applied: wanted.kind === 'stored',
    dry_run: dryRun,
    voter,
    errors: [...wanted.errors, ...signerErrors, ...wordsForOdd(odd), ...wordsForUnchecked(chosen.unchecked)],
    filter_metrics: countUp(
      dropped,
      selected.length,
      ranked.map((entry) => entry.ranked),
    ),
    selected,
    next_check_time: nextCheck(
      [...chosen.beyond, ...chosen.unchecked.map(({ proposal }) => proposal)],
      nowMs,
      deps.deadlineLeadS,
    ),
  };
}

type Wanted = {
  readonly kind: 'stored' | 'missing' | 'unusable';
  readonly preferences: UserPreferences;
  readonly version: string;
  readonly errors: readonly string[];
};

/** What cannot be used is not voted by, the last good copy neither: the run goes on by the defaults, as a dry run. */
async function readPreferences({ owner }: RunRecord, store: OpenDeps['preferences']): Promise<Wanted> {
  const stored = await store.load(owner);
  if (stored.kind !== 'unusable') return { ...stored, errors: [] };
  const defaults = UserPreferences.parse({});
  return {
    kind: 'unusable',
    preferences: defaults,
    version: preferencesVersion(defaults),
    errors: [`Your preferences cannot be used, so nothing is cast: ${stored.why}`],
  };
}

async function readSigner(
  run: RunRecord,
  records: Records,
  nowMs: number,
): Promise<{ readonly voter: Address | null; readonly errors: readonly string[] }> {
  const signer: SignerAnnouncement | null = await records.signer(run.owner);
  if (signer === null) {
    return { voter: null, errors: [`No signer is set up for ${run.owner}, so this is a dry run.`] };
  }
  if (!signer.allowed_spaces.includes(run.space)) {
    return { voter: null, errors: [`The signer of ${run.owner} may not vote in ${run.space}, so this is a dry run.`] };
  }
  return { voter: signer.voter, errors: aliasWords(signer, run.owner, nowMs) };
}

/** On which of these the voter has voted, by one reading of all their votes since the first of these opened. */
async function votedOn(
  voter: Address | null,
  space: SpaceId,
  proposals: readonly Listed[],
  hub: Hub,
  signal: AbortSignal,
): Promise<ReadonlySet<ProposalId>> {
  if (voter === null || proposals.length === 0) return new Set();
  const since = proposals.reduce((earliest, { start }) => Math.min(earliest, start), Infinity);
  const votes = await hub.votesInSpace({ voter, space, since }, signal);
  const voted = new Set(votes.map((vote) => vote.proposal));
  return new Set(proposals.map(({ id }) => id).filter((id) => voted.has(id)));
}

const ODD_LOGGED = 20;
const ODD_TOLD = 3;

/** A proposal that cannot be read may be one that its owner cares about. */
function wordsForOdd(odd: Listing['odd']): string[] {
  if (odd.length === 0) return [];
  const told = odd.slice(0, ODD_TOLD).map(({ id, why }) => `${id} (${why})`);
  const more = odd.length > told.length ? ` and ${odd.length - told.length} more` : '';
  const left = odd.length === 1 ? '1 proposal cannot be read and is' : `${odd.length} proposals cannot be read and are`;
  return [`${left} left out; look on Snapshot: ${told.join(', ')}${more}.`];
}

/** A hub that gives no power leaves every vote undone: not without a word to the owner. */
function wordsForUnchecked(unchecked: readonly Unchecked[]): string[] {
  const [first] = unchecked;
  if (first === undefined) return [];
  const left = unchecked.length === 1 ? '1 proposal could' : `${unchecked.length} proposals could`;
  const rest = unchecked.length === 1 ? 'is left for a later run' : 'are left for a later run; the first';
  return [`${left} not be checked and ${rest}: ${first.proposal.id} (${first.why})`];
}

/** A space may have thousands of proposals: the record of a run, which is read often, keeps the first of them. */
const RANKED_REPORTED = 100;

function countUp(
  dropped: readonly ReadonlyMap<DroppedAs, number>[],
  selected: number,
  ranked: readonly Ranked[],
): FilterMetrics {
  const count = (why: DroppedAs): number => dropped.reduce((sum, counts) => sum + (counts.get(why) ?? 0), 0);
  return {
    fetched: dropped.flatMap((counts) => [...counts.values()]).reduce((sum, part) => sum + part, selected),
    blacklisted: count('blacklisted'),
    not_whitelisted: count('not_whitelisted'),
    already_voted: count('already_voted'),
    no_voting_power: count('no_voting_power'),
    flagged: count('flagged'),
    decided_before: count('decided_before'),
    closing_too_soon: count('closing_too_soon'),
    check_failed: count('check_failed'),
    beyond_limit: count('beyond_limit'),
    selected,
    ranked: ranked.slice(0, RANKED_REPORTED),
  };
}

/** The hub's ends are any whole number; what lies beyond the year 9999 has no ISO time that can be read back. */
const LAST_TIME_MS = Date.UTC(9999, 11, 31);

/**
 * When what is left over needs the next run: for each, its end less the lead, or half the time left where that is later; the
 * earliest of them. Null where nothing is left over.
 */
export function nextCheck(
  leftOver: readonly Pick<Proposal, 'end'>[],
  nowMs: number,
  deadlineLeadS: number,
): string | null {
  if (leftOver.length === 0) return null;
  const times = leftOver.map(({ end }) => {
    const leftS = Math.max(0, end - nowMs / 1_000);
    return (end - Math.min(deadlineLeadS, leftS / 2)) * 1_000;
  });
  const earliest = times.reduce((least, time) => Math.min(least, time), LAST_TIME_MS);
  return new Date(Math.floor(earliest)).toISOString();
}
