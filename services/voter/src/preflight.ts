/**
 * Pre-flight: everything about a vote that may have changed since it was decided, read anew from the hub and the ledger. The
 * owner's own vote ends it here.
 */
import { UpstreamError } from '@quorum/shared/errors';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import type { OutcomeRecord } from '@quorum/shared/records';
import { tellSecurity } from '@quorum/shared/security-events';
import { sameBallot } from '@quorum/snapshot/ballot';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { HubVote } from '@quorum/snapshot/hub';
import type { Proposal } from '@quorum/snapshot/proposal';
import { recognise } from './adopt.ts';
import { ALIAS_MARGIN_S, announceAliasEnd } from './announce.ts';
import { intentVoteId, openIntent } from './intent.ts';
import { isBefore, isOurs, isVoided } from './late.ts';
import { byApproval, giveWay, isOwnersWord } from './owners-word.ts';
import { mayReplace, type Revision, type Standing, type Wanted } from './revision.ts';
import { whyNotSecret } from './secret-choice.ts';
import type { Licence } from './signers.ts';
import { end, failed, go, skipped, type Step, wasCast } from './step.ts';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

export type Checked = {
  readonly proposal: Proposal;
  readonly entry: LedgerEntry | null;
  /** Our own vote, where the hub already has the one that the ledger waits for. */
  readonly found: HubVote | null;
  /** The id of our own vote that stands and is to be replaced; null for a first vote. */
  readonly replaces: string | null;
};

/** Reads the proposal, the votes and the ledger, and says whether this vote may still be made. */
export async function preflight(
  ref: VoteRef,
  wanted: Wanted,
  licence: Licence,
  deps: VoteDeps,
  signal: AbortSignal,
): Promise<Step<Checked>> {
  const { hub, records, settings } = deps;
  // Asked beside the rest, which costs a hub's answer less before the vote; wanted only of a vote that is still to be made.
  const asking = Promise.all([
    hub.votingPower({ voter: licence.voter, space: ref.space, proposal: ref.proposal }, signal),
    aliasFault(licence, deps, signal),
  ]);
  asking.catch(() => undefined);
  const [proposal, votes, entry] = await Promise.all([
    hub.proposal(ref.proposal, signal),
    hub.votes({ voter: licence.voter, proposals: [ref.proposal] }, signal),
    records.ledger(licence.voter, ref.space, ref.proposal),
  ]);
  const nowMs = deps.now();
  if (proposal === null) return end(skipped('proposal_changed', nowMs, 'it was deleted'));
  if (contentHash(proposal) !== ref.contentHash) return end(skipped('proposal_changed', nowMs));

  const standing = await standingVote(votes[0] ?? null, { proposal, entry }, wanted, ref, licence, deps);
  if (standing.kind === 'end') return standing;
  const { found, replaces, adopted } = standing.value;
  if (found !== null) return go({ proposal, entry, found, replaces });

  if (proposal.flagged) return end(skipped('flagged', nowMs));
  const nowS = nowMs / 1_000;
  if (nowS <= proposal.start || proposal.end - nowS < settings.minTimeToVoteS) return end(skipped('closed', nowMs));
  const unsealable = proposal.privacy === '' ? null : whyNotSecret(proposal, deps.sealing);
  if (unsealable !== null) return end(skipped('not_allowed', nowMs, unsealable));
  const [power, alias] = await asking;
  if (power === 0) return end(skipped('no_voting_power', nowMs));
  if (alias !== null) {
    if (entry?.state === 'reserved') await voidIntent(entry, alias, ref, licence, deps);
    return end(failed('signing', nowMs, alias));
  }
  return go({ proposal, entry: adopted ?? entry, found: null, replaces });
}

type StandingVote = Pick<Checked, 'found' | 'replaces'> & {
  /** What the ledger says since that vote was adopted. */
  readonly adopted?: LedgerEntry;
};

/**
 * What a vote that already stands means: ours that we wait for is found; ours that was cast may be replaced, if the owner wants
 * that; any other ends this one. A vote that the ledger does not know and that does not carry our code is the owner's.
 */
async function standingVote(
  vote: HubVote | null,
  { proposal, entry }: Pick<Checked, 'proposal' | 'entry'>,
  wanted: Wanted,
  ref: VoteRef,
  licence: Licence,
  deps: VoteDeps,
): Promise<Step<StandingVote>> {
  const nowMs = deps.now();
  // Of ours, and the ledger does not know it: because somebody altered there which ones it knows?
  const isUnknown = vote !== null && vote.id !== entry?.vote_id && isOurs(vote, ref, licence, deps);
  if (isUnknown && entry !== null && isAltered(entry, proposal, deps)) return altered(deps);
  const judge = (standing: Standing): Revision => mayReplace(standing, wanted, proposal, deps.voterKey);
  const judgeCast = async (cast: LedgerEntry): Promise<Revision> => {
    const revision = judge(cast);
    const isToldAlready = revision.kind === 'altered' || (revision.kind === 'stands' && revision.saysTheSame);
    if (isToldAlready || !(await isOwnersWord(cast, ref, deps))) return revision;
    return { kind: 'approved' };
  };
  // A hub that lags shows what was there before. What the owner approved would end for good by that.
  const isToBeShown = async (shown: HubVote | null, cast: LedgerEntry): Promise<boolean> => {
    if (wanted.revise !== 'as_the_owner_says') return false;
    const known = openIntent(cast.intent, deps.voterKey);
    const isBehind = shown === null || (known !== null && isBefore(shown, known, ref, licence, deps));
    return isBehind && (await judgeCast(cast)).kind === 'replace';
  };
  const isLate = vote !== null && isVoided(vote, entry, proposal, ref, licence, deps);
  if (isLate && entry?.state === 'cast') {
    // A revision that was voided. What is wanted now is dated after it, be it the ballot that it has replaced.
    const revision = await judgeCast(entry);
    if (revision.kind === 'altered') return altered(deps);
    const isWanted = revision.kind === 'replace' || (revision.kind === 'stands' && revision.saysTheSame);
    if (isWanted) return go({ found: null, replaces: entry.vote_id });
  }
  const isOther = vote === null || isUnknown;
  const isOwn = entry?.run_id === ref.runId;
  if (entry?.state === 'cast' && isOther && (isOwn || (await isToBeShown(vote, entry)))) {
    // What is called cast was read from the hub; the ledger's word alone is not enough.
    throw new UpstreamError('upstream_unavailable', 'hub', 'The hub does not show the vote that was read back before.');
  }
  if (entry?.state === 'cast' && vote?.id === entry.vote_id) {
    // Our own run's vote is replaced where its owner, who was asked meanwhile, wants another ballot; else it was cast.
    const revision = isOwn && wanted.revise !== 'as_the_owner_says' ? null : await judgeCast(entry);
    if (revision !== null && !(isOwn && revision.kind === 'stands')) return revised(revision, vote.id, deps);
  }
  if (entry?.state === 'cast' && (vote === null || vote.id === entry.vote_id)) {
    const before = castBefore(entry, ref, proposal, nowMs);
    // One that was taken up from the hub is this run's by name, and may be of another decision.
    const isMeant = before.outcome.kind !== 'cast' || saysWhatIsWanted(entry, wanted, proposal, deps);
    return end(isMeant ? before : skipped('already_voted', nowMs, 'by an earlier run'));
  }
  if (vote === null) return go({ found: null, replaces: null });
  if (entry?.state === 'reserved' && vote.id === entry.vote_id) return go({ found: vote, replaces: null });
  const reserved = entry?.state === 'reserved' ? openIntent(entry.intent, deps.voterKey) : null;
  const isEarlier = reserved !== null && isBefore(vote, reserved, ref, licence, deps);
  const replaced = entry?.state === 'reserved' ? entry.replaces : undefined;
  if (entry !== null && replaced !== undefined && (vote.id === replaced.vote_id || isEarlier)) {
    // A revision is under way: what it is to replace, or one that was voided before, stands until then. Is it still wanted?
    const revision = judge(replaced);
    // What was sent may arrive yet, or has: a vote that is dated later must say what is wanted now, or its sweep see what comes of it.
    const mayStand = entry.sends > 0 || vote.id !== replaced.vote_id;
    if (mayStand && revision.kind === 'stands' && revision.saysTheSame) {
      return go({ found: null, replaces: replaced.vote_id });
    }
    if (entry.sends === 0 && revision.kind !== 'replace') {
      if (await isOwnersWord(entry, ref, deps)) return giveWay(entry, ref, nowMs);
      await voidIntent(entry, 'the vote before is to stand', ref, licence, deps);
    }
    return revised(revision, replaced.vote_id, deps);
  }
  // Voided, and there all the same: the vote that is made now is dated after it.
  if (isEarlier || (isLate && entry?.state === 'voided')) return go({ found: null, replaces: null });
  if (entry?.state === 'reserved') await voidIntent(entry, 'another vote stands', ref, licence, deps);
  const now = entry?.state === 'reserved' ? await deps.records.ledger(licence.voter, ref.space, ref.proposal) : entry;
  const known = now === null ? null : openIntent(now.intent, deps.voterKey);
  // A hub that lags behind shows what was replaced since.
  if (known === null || !isBefore(vote, known, ref, licence, deps)) {
    const { whose, take } = await recognise(vote, { proposal, entry: now }, wanted, ref, licence, deps);
    await take();
    if (whose === 'this') return end(wasCast(vote.id, undefined, nowMs));
    // An answer that was given before a backup was put back is not the owner's last word: this one is.
    if (whose === 'earlier' && wanted.revise === 'as_the_owner_says') {
      const taken = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
      if (taken?.state === 'cast' && taken.vote_id === vote.id && judge(taken).kind === 'replace') {
        return go({ found: null, replaces: vote.id, adopted: taken });
      }
    }
  }
  return end(skipped('already_voted', nowMs, whoseVote(vote, ref, licence, deps)));
}

/** Whether our vote that stands is of the decision that is to be cast, or says what its owner said. */
function saysWhatIsWanted(
  { intent: text }: LedgerEntry,
  { ballot, inputsHash, revise }: Wanted,
  proposal: Proposal,
  { voterKey, oldVoterKeys }: VoteDeps,
): boolean {
  const intent = openIntent(text, voterKey, ...oldVoterKeys);
  if (intent?.message.proposal !== proposal.id || !sameBallot(intent.ballot, ballot)) return false;
  return intent.inputs_hash === inputsHash || revise === 'as_the_owner_says';
}

/** Whether a vote of ours in the ledger, or the one that it replaces, is not as we stored it. */
function isAltered(entry: LedgerEntry, proposal: Proposal, { voterKey, oldVoterKeys }: VoteDeps): boolean {
  const known = [
    ...(entry.state === 'voided' ? [] : [entry]),
    ...(entry.replaces === undefined ? [] : [entry.replaces]),
  ];
  return known.some((one) => {
    const intent = openIntent(one.intent, voterKey, ...oldVoterKeys);
    return intent === null || intentVoteId(intent, proposal) !== one.vote_id;
  });
}

function altered(deps: VoteDeps): Step<never> {
  tellSecurity(deps, 'intent_refused');
  return end(failed('signing', deps.now(), 'the stored vote was altered'));
}

/** What becomes of our own vote that stands, as a step. */
function revised(revision: Revision, replaces: string, deps: VoteDeps): Step<StandingVote> {
  switch (revision.kind) {
    case 'replace':
      return go({ found: null, replaces });
    case 'stands':
      return end(skipped('already_voted', deps.now(), revision.why));
    case 'approved':
      return end(byApproval(deps.now()));
    case 'altered':
      return altered(deps);
  }
}

/** Who made a vote that stands in our way, in words for the owner. */
export function whoseVote(vote: HubVote, ref: VoteRef, licence: Licence, deps: VoteDeps): string {
  return isOurs(vote, ref, licence, deps) ? 'by an earlier run' : 'by your own hand';
}

/** What a vote that was cast already means to this run: delivered again it says the same, another run has nothing to add. */
function castBefore(
  entry: LedgerEntry,
  ref: VoteRef,
  { privacy }: Pick<Proposal, 'privacy'>,
  nowMs: number,
): OutcomeRecord {
  if (entry.run_id !== ref.runId) return skipped('already_voted', nowMs, 'by an earlier run');
  const counted = privacy === 'shutter' ? (entry.counted ?? 'unknown') : undefined;
  return wasCast(entry.vote_id, entry.receipt, nowMs, counted);
}

/** Voids the intent that the ledger holds. */
export async function voidIntent(
  entry: LedgerEntry,
  why: string,
  ref: VoteRef,
  { voter }: Licence,
  { transitions, now }: Pick<VoteDeps, 'transitions' | 'now'>,
): Promise<void> {
  await transitions.confirm({ ...ref, voter, voteId: entry.vote_id, nowMs: now() }, { state: 'voided', why });
}

/** What is wrong with the alias, or null. */
async function aliasFault(licence: Licence, deps: VoteDeps, signal: AbortSignal): Promise<string | null> {
  if (licence.kind === 'own_key') return null;
  const alias = await deps.hub.alias({ address: licence.voter, alias: licence.signer.address }, signal);
  if (alias === null) return `${licence.voter} has not made ${licence.signer.address} its alias on Snapshot`;
  const expiresS = await announceAliasEnd(licence, alias.created, deps);
  if (expiresS - deps.now() / 1_000 > ALIAS_MARGIN_S) return null;
  return `the alias ${licence.signer.address} has expired or is about to; sign it again`;
}
