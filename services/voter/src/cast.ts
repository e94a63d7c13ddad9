/**
 * Casts a ballot exactly once: reserve, sign, ask leave to send, send, read back, confirm.
 *
 *   an intent stands in the ledger, same ballot      go on with it: the same message gives the same bytes
 *   an intent stands, another ballot, nothing on hub void it; reserve a new one that is dated later, so late bytes lose
 *   an intent stands, soon too old, nothing on hub   the same; so where its reason is to be published no more
 *   one of these two, and the owner approved it      it stays, and this one ends, unless it is what the owner approved later
 *   its run has an outcome there by now             put off: the next delivery finds that; a hold, which came of one, goes on
 *   our own vote stands and is to be replaced        the intent names it; if it comes to nothing, that vote goes on standing
 *   the sequencer takes these bytes no more          the same, at the next try
 *   accepted, or nobody knows                        read back; found → cast; not found → try again later
 *   refused for good                                 read back all the same (an earlier send may have been stored); then void
 *
 * A crash anywhere leaves the intent, and the next delivery of the job begins at the pre-flight again.
 */
import { ForgedHeadError } from '@quorum/shared/audit-chain';
import type { RunId } from '@quorum/shared/ids';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import type { OutcomeRecord } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { tellSecurity } from '@quorum/shared/security-events';
import { type Ballot, sameBallot } from '@quorum/snapshot/ballot';
import { encodeBallot } from '@quorum/snapshot/encode';
import { buildVote, fitReason } from '@quorum/snapshot/envelope';
import type { Proposal } from '@quorum/snapshot/proposal';
import { type Dating, OLDEST_S, voteTimestamp } from './dating.ts';
import { APP, intentVoteId, Intent, openIntent, sealIntent, voteMetadata } from './intent.ts';
import { approvedAt, giveWay, isOwnersWord } from './owners-word.ts';
import { type Checked, voidIntent } from './preflight.ts';
import { later } from './retry.ts';
import { secretChoice } from './secret-choice.ts';
import { send, settle } from './send.ts';
import { end, failed, go, held, skipped, type Step } from './step.ts';
import type { Casting, VoteDeps, VoteRef } from './vote-deps.ts';

/** Casts the ballot, or says where it ends instead. Throws `PostponeError` where it must be tried again. */
export async function cast(
  casting: Casting,
  checked: Checked,
  deps: VoteDeps,
  signal: AbortSignal,
): Promise<OutcomeRecord> {
  const { proposal, found, replaces } = checked;
  deps.mark?.('checked');
  const reserved = await reserve(casting, checked, deps);
  if (reserved.kind === 'end') return reserved.record;
  deps.mark?.('reserved');
  const { intent, voteId } = reserved.value;
  const vote = { ...casting, intent, voteId, proposal, replaces };
  if (found?.id !== voteId) return send(vote, deps, signal);
  const record = await settle(vote, found, deps);
  // An earlier run's vote is settled by this one; where that run decided otherwise, what this one decided was not cast.
  const ours = sameBallot(intent.ballot, casting.ballot);
  if (ours || record.outcome.kind !== 'cast') return record;
  if ((await approvedAt(casting.ref.runId, casting.ref, deps)) !== null) {
    throw new PostponeError(later(1), 'a vote of another run is to be replaced by what the owner approved');
  }
  return skipped('already_voted', deps.now(), 'by an earlier run');
}

type ReservedIntent = { readonly intent: Intent; readonly voteId: string };

/** The intent that stands after asking for one: the stored one, or ours. */
async function reserve(casting: Casting, checked: Checked, deps: VoteDeps): Promise<Step<ReservedIntent>> {
  const { ref, ballot, licence, decision } = casting;
  const { proposal, replaces } = checked;
  let { entry } = checked;
  // To be made anew: its hold is at it until the deadline.
  if (entry?.state === 'voided' && (await isOwnersWord(entry, ref, deps))) return giveWay(entry, ref, deps.now());
  // Each round ends, or meets an intent that another delivery stored meanwhile. Two such meetings in a row cannot happen.
  for (let round = 0; round < 3; round += 1) {
    const nowMs = deps.now();
    if (entry?.state === 'reserved') {
      const standing = await adopt(entry, casting, checked, deps);
      if (standing.kind === 'end' || standing.value !== null) return resolved(standing);
      entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
      if (entry?.state === 'reserved') continue;
    }
    const before = datedBefore(entry, deps);
    if (before === 'altered') return refuseIntent(deps);
    const auditHead = await auditHeadOf(casting, deps);
    if (auditHead.kind === 'end') return auditHead;
    const intent = await newIntent(casting, { proposal, before, auditHead: auditHead.value }, deps, nowMs);
    const voteId = intentVoteId(intent, proposal);
    const answer = await deps.transitions.reserve({
      ...ref,
      voter: licence.voter,
      voteId,
      intent: sealIntent(intent, deps.voterKey),
      created: intent.message.timestamp,
      evidenceHash: decision.evidence_hash,
      preferencesVersion: decision.preferences_version,
      replaces,
      votesPerDay: licence.votesPerDay,
      nowMs,
    });
    switch (answer) {
      case 'reserved':
        return go({ intent, voteId });
      case 'voting_paused':
        return end(held('voting_paused', nowMs));
      case 'settled':
        throw new PostponeError(later(1), 'another delivery came to an outcome meanwhile');
      case 'cancelled':
        return end(skipped('cancelled', nowMs));
      case 'expired':
        return end(skipped('expired', nowMs));
      case 'vote_cap':
        tellSecurity(deps, 'vote_cap_hit');
        return end(skipped('vote_cap', nowMs));
      case 'adopted':
        entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
        // Another delivery cast it, or a vote that was voided was taken up: the next pre-flight says whether it is what is wanted.
        if (entry?.state === 'cast') throw new PostponeError(later(1), 'another vote was cast meanwhile');
    }
  }
  throw new Error(`The intent for ${ballot.kind} on ${ref.proposal} changed three times while it was being reserved`);
}

function resolved(step: Step<ReservedIntent | null>): Step<ReservedIntent> {
  if (step.kind === 'end') return step;
  if (step.value === null) throw new TypeError('An intent that was voided cannot be gone on with');
  return go(step.value);
}

/** The intent that stands, if it says what we want to say; null after it was voided because it does not. */
async function adopt(
  entry: LedgerEntry,
  casting: Casting,
  { proposal, found }: Checked,
  deps: VoteDeps,
): Promise<Step<ReservedIntent | null>> {
  const { ref, ballot, licence } = casting;
  const intent = openIntent(entry.intent, deps.voterKey);
  if (intent === null || intentVoteId(intent, proposal) !== entry.vote_id) return refuseIntent(deps);
  const tooOld = intent.message.timestamp < deps.now() / 1_000 - OLDEST_S;
  // What the guard builds again is this decision's ballot: weights of 7 and 3 say the same as 70 and 30 in another text.
  const another = !sameBallot(intent.ballot, ballot) || !sameText(intent.ballot, ballot, proposal);
  const withdrawn = await isWithdrawn(intent.message.reason, entry, casting, deps);
  if (found !== null || !(tooOld || another || withdrawn)) return go({ intent, voteId: entry.vote_id });
  // Where it is too old or its reason is withdrawn too: made anew under another run's name it would be the owner's word no more.
  if (await isOwnersWord(entry, ref, deps)) return giveWay(entry, ref, deps.now());
  const why = another
    ? 'a newer decision has another ballot'
    : withdrawn
      ? 'its reason is to be published no more'
      : 'the sequencer would soon find it too old';
  await voidIntent(entry, why, ref, licence, deps);
  return go(null);
}

/**
 * Whether a reason was made for an owner who lets less be published by now: none, or, under other preferences, another. What was
 * published nobody takes back. A hold may be cast long after a newer run has reserved: the newer run's preferences count, or each
 * would void the other's vote in turn.
 */
async function isWithdrawn(
  reason: string,
  { preferences_version: version, run_id: by }: LedgerEntry,
  { ref, decision }: Casting,
  deps: VoteDeps,
): Promise<boolean> {
  const { public_reason: wanted } = decision;
  if (reason === '' || reason === fitReason(wanted)) return false;
  if (wanted === '') return true;
  return version !== decision.preferences_version && !(await beganAfter(by, ref, deps));
}

/** Whether that run began after the one that this vote is of; one that is no longer stored did not. */
async function beganAfter(runId: RunId, { runId: own, proposal }: VoteRef, { records }: VoteDeps): Promise<boolean> {
  const [that, ours] = await Promise.all([runId, own].map((id) => records.runForVote(id, proposal)));
  return (that?.acceptedAtMs ?? 0) > (ours?.acceptedAtMs ?? 0);
}

/** Whether two ballots that say the same are also encoded the same. */
function sameText(one: Ballot, other: Ballot, proposal: Proposal): boolean {
  return JSON.stringify(encodeBallot(one, proposal)) === JSON.stringify(encodeBallot(other, proposal));
}

/**
 * When the votes before this one were dated; `altered` where one of them is not as we stored it, since late bytes could win over a
 * vote that is not dated after them. Read from the sealed texts: a date that somebody wrote into Redis beside them could put our
 * vote after the owner's.
 */
function datedBefore(
  entry: LedgerEntry | null,
  { voterKey, oldVoterKeys }: VoteDeps,
): Pick<Dating, 'replaces' | 'voided'> | 'altered' {
  const texts =
    entry?.state === 'cast'
      ? { replaces: entry.intent, voided: entry.voided_intent }
      : { replaces: undefined, voided: entry?.intent };
  const dateOf = (text: string | undefined): number | null | undefined =>
    text === undefined ? null : openIntent(text, voterKey, ...oldVoterKeys)?.message.timestamp;
  const [replaces, voided] = [dateOf(texts.replaces), dateOf(texts.voided)];
  return replaces === undefined || voided === undefined ? 'altered' : { replaces, voided };
}

/** What the ledger keeps of our votes there was altered: nothing rests on it. */
function refuseIntent(deps: VoteDeps): Step<never> {
  tellSecurity(deps, 'intent_refused');
  return end(failed('signing', deps.now(), 'the stored vote was altered'));
}

/** The head of the voter's audit chain. Where somebody altered it nothing is voted: a vote would vouch for what they wrote. */
async function auditHeadOf({ licence }: Casting, deps: VoteDeps): Promise<Step<string>> {
  try {
    return go((await deps.auditChain.head(licence.voter, [deps.voterKey, ...deps.oldVoterKeys])).hash);
  } catch (error) {
    if (!(error instanceof ForgedHeadError)) throw error;
    tellSecurity(deps, 'audit_head_forged', { err: error, voter: licence.voter });
    return end(failed('signing', deps.now(), 'the audit chain was altered'));
  }
}

async function newIntent(
  { ref, decision, ballot, licence }: Casting,
  on: {
    readonly proposal: Proposal;
    readonly before: Pick<Dating, 'replaces' | 'voided'>;
    readonly auditHead: string;
  },
  deps: VoteDeps,
  nowMs: number,
): Promise<Intent> {
  const { proposal, before, auditHead } = on;
  const { voter } = licence;
  const secret = proposal.privacy === 'shutter';
  const evidence = secret ? null : decision.evidence_hash;
  const timestamp = voteTimestamp(proposal.start, nowMs / 1_000, {
    backdateS: deps.settings.backdateS,
    ...before,
  });
  const vote = buildVote({
    voter,
    space: ref.space,
    proposal,
    ballot,
    // Pre-flight lets no secret vote pass where nothing encrypts; without a sealed choice none is built.
    sealedChoice:
      secret && deps.sealing !== null
        ? await secretChoice({ voter, ballot, timestamp }, proposal, deps.sealing)
        : undefined,
    reason: secret ? '' : fitReason(decision.public_reason),
    app: APP,
    metadata: voteMetadata(
      { voter, space: ref.space, proposal: ref.proposal, evidence, auditHead, castAtMs: nowMs },
      deps.voterKey,
    ),
    timestamp,
  });
  return Intent.parse({ message: vote.message, ballot, inputs_hash: decision.inputs_hash });
}
