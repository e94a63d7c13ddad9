/**
 * Opens a run: reads the owner's preferences and the space's proposals, filters, ranks and chooses.
 * The result is pinned in the run record; a retry of the job chooses nothing anew. `GET /proposals` asks the same without a run.
 */
import type { HubCache } from '@quorum/shared/hub-cache';
import type { Logger } from '@quorum/shared/log';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import { inSpace, preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import type { SignerAnnouncement } from '@quorum/shared/announcements';
import type { LeftAs } from '@quorum/shared/left-records';
import type { Opening, Records, RunRecord, Selected } from '@quorum/shared/records';
import type { FilterMetrics, Ranked } from '@quorum/shared/run';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Hub } from '@quorum/snapshot/hub';
import type { Address, Proposal, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { aliasWords } from './alias-words.ts';
import { choose } from './choose.ts';
import { dropByHistory, partition, termsOf, type Dropped, type DroppedAs } from './filter.ts';
import { readListing, type Listed, type Listing } from './listing.ts';
import { takingPowerBack } from './overriding.ts';
import { wordsForMissed, wordsForOdd, wordsForUnchecked } from './opening-words.ts';
import type { Patience } from './power-questions.ts';
import { powerOn } from './power.ts';
import { rank } from './rank.ts';

export type OpenDeps = {
  readonly hub: Hub;
  readonly cache: HubCache<Listing>;
  readonly records: Records;
  readonly preferences: Pick<PreferenceStore, 'load'>;
  readonly log: Logger;
  readonly minTimeToVoteS: number;
  /** For how long voting power is waited for, where that is not for as long as a run can. */
  readonly powerPatience?: Patience;
  readonly now: () => number;
};

/** For whom, where, and whether it is asked to cast nothing. */
export type Asked = Pick<RunRecord, 'owner' | 'space' | 'dryRun'>;

/** What a run decides, and what becomes of the other proposals. */
export type Established = {
  readonly opening: Opening;
  /** The texts of the selected. */
  readonly proposals: readonly Proposal[];
  readonly dropped: readonly { readonly proposal_id: ProposalId; readonly why: DroppedAs }[];
};

/**
 * Establishes what a run will decide, and pins it: what was pinned before stands. `onFirst` is called where this is the first. Throws
 * where the space or its list cannot be read: a run never goes on without.
 */
export async function openRun(
  run: Asked & Pick<RunRecord, 'runId'>,
  deps: OpenDeps,
  signal: AbortSignal,
  onFirst?: () => void,
): Promise<Opening> {
  const { opening, proposals } = await establish(run, deps, signal);
  const texts = proposals.map((proposal) => [contentHash(proposal), proposal] as const);
  return deps.records.open(run.runId, { ...opening, opened_at: deps.now() }, texts, onFirst);
}

/** The same for whoever wants to know it without a run: nothing is stored. */
export async function establish(asked: Asked, deps: OpenDeps, signal: AbortSignal): Promise<Established> {
  const { records, hub, cache, log, now } = deps;
  const { space } = asked;
  const [wanted, { voter, errors: signerErrors }, { proposals, odd }] = await Promise.all([
    readPreferences(asked, deps.preferences),
    readSigner(asked, records, now()),
    cache.list(space, (shared) => readListing(hub, space, shared), signal),
  ]);
  const dryRun = asked.dryRun || wanted.kind === 'unusable' || voter === null;
  const preferences = inSpace(wanted.preferences, space);

  if (odd.length > 0) log.warn({ count: odd.length, first: odd.slice(0, ODD_LOGGED) }, 'proposals cannot be read');

  const nowMs = now();
  const termsAt = (at: number) => termsOf(preferences, { nowMs: at, minTimeToVoteS: deps.minTimeToVoteS });
  const byTerms = partition(proposals, termsAt(nowMs));
  const closing = byTerms.dropped.get('closing_too_soon') ?? [];
  const considered = [...byTerms.kept, ...closing];
  const hashes = new Map(considered.map(({ id, content_hash: hash }) => [id, hash]));
  const left = async (as: LeftAs): Promise<ReadonlySet<ProposalId>> =>
    dryRun ? new Set() : records.decidedBefore(asked.owner, space, hashes, wanted.version, as);
  const [inVain, byPolicy, votes, overriding] = await Promise.all([
    left('in_vain'),
    left('by_policy'),
    votesOn(voter, space, considered, hub, signal),
    // Wanted at the end, and no wait here, where the hub is asked for the votes.
    voter === null || considered.length === 0 ? null : cache.overriding(),
  ]);
  // A vote of ours that this run may replace is no reason to leave its proposal out; once tried in vain it is.
  const revisable =
    voter === null || !preferences.revise_votes
      ? new Set<ProposalId>()
      : await ownOutdated(
          [...votes].filter(([id]) => !inVain.has(id)),
          { voter, space },
          wanted.version,
          records,
        );
  const history = {
    votedOn: new Set([...votes.keys()].filter((id) => !revisable.has(id))),
    decidedBefore: byPolicy,
  };
  const byHistory = partition(byTerms.kept, (proposal) => dropByHistory(proposal, history));
  const ranked = rank(byHistory.kept, nowMs);
  const inRank = ranked.map(({ proposal }) => proposal);
  // What could not be voted on before comes last, or it would take the place of what can.
  const inTurn = [...inRank.filter(({ id }) => !inVain.has(id)), ...inRank.filter(({ id }) => inVain.has(id))];
  const chosen = await choose(inTurn, {
    limit: preferences.max_proposals_per_run,
    power: (id, until) => powerOn(id, { voter, space }, deps, { signal, limit: until }),
    patience: deps.powerPatience,
    signal,
    texts: (ids, until) => hub.proposals(ids, until),
    recheck: (proposal) => {
      if (proposal.space !== space) return 'check_failed';
      if (proposal.state !== 'active') return 'closing_too_soon';
      // By the clock of now: the hub may have taken its time.
      return termsAt(now())(proposal);
    },
  });
  for (const { proposal, why } of chosen.unchecked) {
    log.warn({ proposal_id: proposal.id, why }, 'proposal cannot be checked');
  }

  const asksOfPower = voter !== null && chosen.selected.length > 0;
  const takesBack = asksOfPower ? await takingPowerBack(overriding, deps, signal) : () => false;
  const selected = chosen.selected.map(({ proposal, votingPower }): Selected => {
    const { id, title, link, end } = proposal;
    return {
      proposal_id: id,
      content_hash: contentHash(proposal),
      title,
      link,
      end,
      voting_power: votingPower,
      takes_power_back: takesBack(proposal),
    };
  });
  // Nobody is told that it is too late for what was voted on or decided, or of what nobody asked to be voted on.
  const isLive = !asked.dryRun && voter !== null;
  const late = [...closing, ...(chosen.dropped.get('closing_too_soon') ?? [])];
  const missed = isLive ? late.filter((proposal) => dropByHistory(proposal, history) === null) : [];
  const leftOver = [...chosen.beyond, ...chosen.unchecked.map(({ proposal }) => proposal)];
  const dropped = [byTerms.dropped, byHistory.dropped, chosen.dropped];
  const opening: Opening = {
    preferences: wanted.preferences,
    preferences_version: wanted.version,
    preferences_applied: wanted.kind === 'stored',
    dry_run: dryRun,
    voter,
    errors: [
      ...wanted.errors,
      ...signerErrors,
      ...wordsForOdd(odd),
      ...wordsForUnchecked(chosen.unchecked),
      ...wordsForMissed(missed),
    ],
    filter_metrics: countUp(
      dropped,
      odd.length,
      selected.length,
      ranked.map((entry) => entry.ranked),
    ),
    selected,
    closing_too_soon: missed.slice(0, MISSED_TOLD).map(({ id }) => id),
    left_over: {
      all: soonestEnd(leftOver),
      fresh: soonestEnd(chosen.beyond.filter(({ id }) => !inVain.has(id))),
      // Nobody misses what was to be a dry run, and its record has no room to spare.
      ...(isLive && leftOver.length > 0 ? { proposals: firstToEnd(leftOver) } : {}),
    },
  };
  return {
    opening,
    proposals: chosen.selected.map(({ proposal }) => proposal),
    dropped: dropped.flatMap((part) =>
      [...part].flatMap(([why, all]) => all.map(({ id: proposal_id }) => ({ proposal_id, why }))),
    ),
  };
}

/** A page of odd ones says what is wrong with all. */
const ODD_LOGGED = 20;
/** A space in which more are missed than this has other troubles than ours. */
const MISSED_TOLD = 100;

function soonestEnd(proposals: readonly Pick<Proposal, 'end'>[]): number | null {
  return proposals.length === 0 ? null : proposals.reduce((least, { end }) => Math.min(least, end), Infinity);
}

function firstToEnd(proposals: readonly Listed[]): NonNullable<Opening['left_over']['proposals']> {
  const inOrder = proposals.toSorted((a, b) => a.end - b.end).slice(0, MISSED_TOLD);
  return inOrder.map(({ id, end }) => ({ proposal_id: id, end }));
}

type Wanted = {
  readonly kind: 'stored' | 'missing' | 'unusable';
  readonly preferences: UserPreferences;
  readonly version: string;
  readonly errors: readonly string[];
};

/** What cannot be used is not voted by, the last good copy neither: the run goes on by the defaults, as a dry run. */
async function readPreferences({ owner }: Asked, store: OpenDeps['preferences']): Promise<Wanted> {
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
  run: Asked,
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

/** The voter's votes on these, proposal to id, by one reading of all their votes since the first of these opened. */
async function votesOn(
  voter: Address | null,
  space: SpaceId,
  proposals: readonly Listed[],
  hub: Hub,
  signal: AbortSignal,
): Promise<ReadonlyMap<ProposalId, string>> {
  if (voter === null || proposals.length === 0) return new Map();
  const since = proposals.reduce((earliest, { start }) => Math.min(earliest, start), Infinity);
  const votes = await hub.votesInSpace({ voter, space, since }, signal);
  const voted = new Map(votes.map((vote) => [vote.proposal, vote.id]));
  return new Map(
    proposals.flatMap(({ id }): [ProposalId, string][] => {
      const vote = voted.get(id);
      return vote === undefined ? [] : [[id, vote]];
    }),
  );
}

/**
 * Of these votes those that we cast, that stand, and that were decided under other preferences or are to be replaced by a revision
 * that came to nothing so far. The voter service looks again.
 */
async function ownOutdated(
  votes: readonly (readonly [ProposalId, string])[],
  { voter, space }: { readonly voter: Address; readonly space: SpaceId },
  version: string,
  records: Records,
): Promise<ReadonlySet<ProposalId>> {
  const outdated = await Promise.all(
    votes.map(async ([id, vote]) => {
      const entry = await records.ledger(voter, space, id);
      const isOutdated = entry?.state === 'cast' && entry.vote_id === vote && entry.preferences_version !== version;
      const isBeingRevised = entry?.state === 'reserved' && entry.replaces?.vote_id === vote;
      return isOutdated || isBeingRevised ? [id] : [];
    }),
  );
  return new Set(outdated.flat());
}

/** A space may have thousands of proposals: the record of a run, which is read often, keeps the first of them. */
const RANKED_REPORTED = 100;

function countUp(
  dropped: readonly Dropped<Listed>[],
  odd: number,
  selected: number,
  ranked: readonly Ranked[],
): FilterMetrics {
  const count = (why: DroppedAs): number => dropped.reduce((sum, part) => sum + (part.get(why)?.length ?? 0), 0);
  return {
    fetched: dropped.flatMap((part) => [...part.values()]).reduce((sum, { length }) => sum + length, selected + odd),
    blacklisted: count('blacklisted'),
    not_whitelisted: count('not_whitelisted'),
    already_voted: count('already_voted'),
    no_voting_power: count('no_voting_power'),
    flagged: count('flagged'),
    decided_before: count('decided_before'),
    closing_too_soon: count('closing_too_soon'),
    check_failed: count('check_failed') + odd,
    beyond_limit: count('beyond_limit'),
    selected,
    ranked: ranked.slice(0, RANKED_REPORTED),
  };
}
