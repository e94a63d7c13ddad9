/**
 * Opens a run: reads the owner's preferences and the space's proposals, filters, ranks and chooses.
 * The result is pinned in the run record; a retry of the job chooses nothing anew.
 */
import { toQuorumError, ValidationError } from '@quorum/shared/errors';
import type { Logger } from '@quorum/shared/log';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import { inSpace, preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import type { SignerAnnouncement } from '@quorum/shared/announcements';
import type { LeftAs, Opening, Records, RunRecord, Selected } from '@quorum/shared/records';
import type { FilterMetrics, Ranked } from '@quorum/shared/run';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Hub } from '@quorum/snapshot/hub';
import type { Address, Proposal, ProposalId } from '@quorum/snapshot/proposal';
import { dropByHistory, dropByTerms, partition, type DroppedAs } from './filter.ts';
import { rank } from './rank.ts';

export type OpenDeps = {
  readonly hub: Hub;
  readonly records: Records;
  readonly preferences: Pick<PreferenceStore, 'load'>;
  readonly log: Logger;
  readonly minTimeToVoteS: number;
  readonly deadlineLeadS: number;
  readonly now: () => number;
};

/** Establishes what a run will decide. Throws where the space or its list cannot be read: a run never goes on without. */
export async function openRun(run: RunRecord, deps: OpenDeps, signal: AbortSignal): Promise<Opening> {
  const { records, hub, now } = deps;
  const wanted = await readPreferences(run, deps.preferences);
  const signer = await readSigner(run, records);
  const errors = [...wanted.errors, ...signer.errors];
  const dryRun = run.dryRun || wanted.kind === 'unusable' || signer.voter === null;
  const preferences = inSpace(wanted.preferences, run.space);

  if ((await hub.space(run.space, signal)) === null) {
    throw new ValidationError(`There is no space ${run.space} on Snapshot. Check its name, for example ens.eth.`);
  }
  const { proposals, odd } = await hub.activeProposals(run.space, signal);
  for (const { id, why } of odd) deps.log.warn({ proposal_id: id, why }, 'proposal cannot be read');

  const nowMs = now();
  const dropped = new Map<DroppedAs, number>([['check_failed', odd.length]]);
  const byTerms = partition(proposals, (proposal) =>
    dropByTerms(proposal, preferences, { nowMs, minTimeToVoteS: deps.minTimeToVoteS }),
  );
  const hashes = new Map(byTerms.kept.map((proposal) => [proposal.id, contentHash(proposal)]));
  const left = async (as: LeftAs): Promise<ReadonlySet<ProposalId>> =>
    dryRun ? new Set() : records.decidedBefore(run.owner, run.space, hashes, wanted.version, as);
  const history = {
    votedOn: await votedOn(signer.voter, byTerms.kept, hub, signal),
    decidedBefore: await left('by_policy'),
  };
  const byHistory = partition(byTerms.kept, (proposal) => dropByHistory(proposal, history));
  const ranked = rank(byHistory.kept, nowMs);
  // What could not be voted on before comes last, or it would take the place of what can.
  const inVain = await left('in_vain');
  const inTurn = ranked.toSorted((a, b) => Number(inVain.has(a.proposal.id)) - Number(inVain.has(b.proposal.id)));
  const chosen = await choose(inTurn, signer.voter, preferences.max_proposals_per_run, deps, signal);
  for (const counts of [byTerms.dropped, byHistory.dropped, chosen.dropped]) {
    for (const [why, count] of counts) dropped.set(why, (dropped.get(why) ?? 0) + count);
  }

  const selected = chosen.selected.map(({ proposal, votingPower }): Selected => {
    const { id, title, link, end } = proposal;
    return { proposal_id: id, content_hash: contentHash(proposal), title, link, end, voting_power: votingPower };
  });
  await Promise.all(chosen.selected.map(({ proposal }) => records.putProposal(contentHash(proposal), proposal)));
  return {
    preferences: wanted.preferences,
    preferences_version: wanted.version,
    preferences_applied: wanted.kind === 'stored',
    dry_run: dryRun,
    voter: signer.voter,
    errors: [...errors, ...wordsForUnread(chosen.unread.length)],
    filter_metrics: countUp(
      dropped,
      selected.length,
      ranked.map((entry) => entry.ranked),
    ),
    selected,
    next_check_time: nextCheck([...chosen.beyond, ...chosen.unread], nowMs, deps.deadlineLeadS),
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
): Promise<{ readonly voter: Address | null; readonly errors: readonly string[] }> {
  const signer: SignerAnnouncement | null = await records.signer(run.owner);
  if (signer === null) {
    return { voter: null, errors: [`No signer is set up for ${run.owner}, so this is a dry run.`] };
  }
  if (!signer.allowed_spaces.includes(run.space)) {
    return { voter: null, errors: [`The signer of ${run.owner} may not vote in ${run.space}, so this is a dry run.`] };
  }
  return { voter: signer.voter, errors: [] };
}

async function votedOn(
  voter: Address | null,
  proposals: readonly Proposal[],
  hub: Hub,
  signal: AbortSignal,
): Promise<ReadonlySet<ProposalId>> {
  if (voter === null || proposals.length === 0) return new Set();
  const votes = await hub.votes({ voter, proposals: proposals.map((proposal) => proposal.id) }, signal);
  const voted = new Set(votes.map((vote) => vote.proposal));
  return new Set(proposals.map((proposal) => proposal.id).filter((id) => voted.has(id)));
}

type Chosen = {
  readonly selected: { readonly proposal: Proposal; readonly votingPower: number | null }[];
  readonly beyond: Proposal[];
  /** Those on which the power could not be read. */
  readonly unread: Proposal[];
  readonly dropped: Map<DroppedAs, number>;
};

/** Takes the first of these on which the voter has power, up to the limit, asking for no more power than it needs. */
async function choose(
  ranked: readonly { readonly proposal: Proposal; readonly ranked: Ranked }[],
  voter: Address | null,
  limit: number,
  { hub, log }: OpenDeps,
  signal: AbortSignal,
): Promise<Chosen> {
  const waiting = ranked.map((entry) => entry.proposal);
  const chosen: Chosen = { selected: [], beyond: [], unread: [], dropped: new Map() };
  const drop = (why: DroppedAs): void => void chosen.dropped.set(why, (chosen.dropped.get(why) ?? 0) + 1);
  while (chosen.selected.length < limit && waiting.length > 0) {
    const batch = waiting.splice(0, limit - chosen.selected.length);
    const powers = await Promise.all(batch.map((proposal) => powerOn(proposal, voter, hub, signal)));
    for (const [at, proposal] of batch.entries()) {
      const power = powers[at];
      if (power === undefined || power.kind === 'unknown') {
        log.warn({ proposal_id: proposal.id, why: power?.why }, 'voting power cannot be read');
        chosen.unread.push(proposal);
        drop('check_failed');
      } else if (power.value === 0) drop('no_voting_power');
      else chosen.selected.push({ proposal, votingPower: power.value });
    }
  }
  chosen.beyond.push(...waiting);
  if (waiting.length > 0) chosen.dropped.set('beyond_limit', waiting.length);
  return chosen;
}

/** A hub that gives no power leaves every vote undone: not without a word to the owner. */
function wordsForUnread(count: number): string[] {
  if (count === 0) return [];
  const rest = count === 1 ? 'proposal could not be read: it is' : 'proposals could not be read: they are';
  return [`The voting power on ${count} ${rest} left for a later run.`];
}

type Power =
  | { readonly kind: 'known'; readonly value: number | null }
  | { readonly kind: 'unknown'; readonly why: string };

async function powerOn(proposal: Proposal, voter: Address | null, hub: Hub, signal: AbortSignal): Promise<Power> {
  if (voter === null) return { kind: 'known', value: null };
  try {
    const value = await hub.votingPower({ voter, space: proposal.space, proposal: proposal.id }, signal);
    return { kind: 'known', value };
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toQuorumError(thrown);
    // One proposal whose power cannot be read drops that one; a programming error is not hidden as such.
    if (error.category === 'internal') throw error;
    return { kind: 'unknown', why: error.message };
  }
}

/** A space may have thousands of proposals: the record of a run, which is read often, keeps the first of them. */
const RANKED_REPORTED = 100;

function countUp(dropped: ReadonlyMap<DroppedAs, number>, selected: number, ranked: Ranked[]): FilterMetrics {
  const count = (why: DroppedAs): number => dropped.get(why) ?? 0;
  return {
    fetched: [...dropped.values()].reduce((sum, part) => sum + part, selected),
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
export function nextCheck(leftOver: readonly Proposal[], nowMs: number, deadlineLeadS: number): string | null {
  if (leftOver.length === 0) return null;
  const times = leftOver.map(({ end }) => {
    const leftS = Math.max(0, end - nowMs / 1_000);
    return (end - Math.min(deadlineLeadS, leftS / 2)) * 1_000;
  });
  const earliest = times.reduce((least, time) => Math.min(least, time), LAST_TIME_MS);
  return new Date(Math.floor(earliest)).toISOString();
}
