/**
 * Casts a ballot exactly once: reserve, sign, ask leave to send, send, read back, confirm.
 *
 *   an intent stands in the ledger, same ballot      go on with it: the same message gives the same bytes
 *   an intent stands, another ballot, nothing on hub void it; reserve a new one that is dated later, so late bytes lose
 *   an intent stands, soon too old, nothing on hub   the same
 *   the sequencer takes these bytes no more          the same, at the next try
 *   accepted, or nobody knows                        read back; found → cast; not found → try again later
 *   refused for good                                 read back all the same (an earlier send may have been stored); then void
 *
 * A crash anywhere leaves the intent, and the next delivery of the job begins at the pre-flight again.
 */
import type { LedgerEntry, OutcomeRecord } from '@quorum/shared/records';
import { sameBallot } from '@quorum/snapshot/ballot';
import { buildVote } from '@quorum/snapshot/envelope';
import type { Proposal } from '@quorum/snapshot/proposal';
import { voteTimestamp } from './dating.ts';
import { intentVoteId, Intent, openIntent, sealIntent, voteMetadata } from './intent.ts';
import { castBefore, type Checked, voidIntent } from './preflight.ts';
import { send, settle } from './send.ts';
import { end, failed, go, held, skipped, type Step } from './step.ts';
import type { Casting, VoteDeps } from './vote-deps.ts';

const APP = 'quorum';

const HOUR_S = 60 * 60;
/** The sequencer takes what is dated up to six days back; an older intent is dated anew an hour before. */
const OLDEST_S = 6 * 24 * HOUR_S - HOUR_S;

/** Casts the ballot, or says where it ends instead. Throws `PostponeError` where it must be tried again. */
export async function cast(
  casting: Casting,
  checked: Checked,
  deps: VoteDeps,
  signal: AbortSignal,
): Promise<OutcomeRecord> {
  const { proposal, found } = checked;
  const reserved = await reserve(casting, checked, deps);
  if (reserved.kind === 'end') return reserved.record;
  const { intent, voteId } = reserved.value;
  const vote = { ...casting, intent, voteId, proposal };
  if (found?.id !== voteId) return send(vote, deps, signal);
  const record = await settle(vote, found, deps);
  // An earlier run's vote is settled by this one; where that run decided otherwise, what this one decided was not cast.
  const ours = sameBallot(intent.ballot, casting.ballot);
  return ours || record.outcome.kind !== 'cast' ? record : skipped('already_voted', deps.now(), 'by an earlier run');
}

type ReservedIntent = { readonly intent: Intent; readonly voteId: string };

/** The intent that stands after asking for one: the stored one, or ours. */
async function reserve(casting: Casting, checked: Checked, deps: VoteDeps): Promise<Step<ReservedIntent>> {
  const { ref, ballot, licence, decision } = casting;
  const { proposal } = checked;
  let { entry } = checked;
  // Each round ends, or meets an intent that another delivery stored meanwhile. Two such meetings in a row cannot happen.
  for (let round = 0; round < 3; round += 1) {
    const nowMs = deps.now();
    if (entry?.state === 'reserved') {
      const standing = await adopt(entry, casting, checked, deps);
      if (standing.kind === 'end' || standing.value !== null) return resolved(standing);
      entry = { ...entry, state: 'voided' };
    }
    const intent = newIntent(casting, proposal, entry, deps, nowMs);
    const voteId = intentVoteId(intent, proposal);
    const answer = await deps.transitions.reserve({
      ...ref,
      voter: licence.voter,
      voteId,
      intent: sealIntent(intent, deps.voterKey),
      created: intent.message.timestamp,
      evidenceHash: decision.evidence_hash,
      votesPerDay: licence.votesPerDay,
      nowMs,
    });
    switch (answer) {
      case 'reserved':
        return go({ intent, voteId });
      case 'voting_paused':
        return end(held('voting_paused', nowMs));
      case 'cancelled':
        return end(skipped('cancelled', nowMs));
      case 'vote_cap':
        return end(skipped('vote_cap', nowMs));
      case 'adopted':
        entry = await deps.records.ledger(licence.voter, ref.space, ref.proposal);
        if (entry?.state === 'cast') return end(castBefore(entry, ref, nowMs));
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
  { ref, ballot, licence }: Casting,
  { proposal, found }: Checked,
  deps: VoteDeps,
): Promise<Step<ReservedIntent | null>> {
  const intent = openIntent(entry.intent, deps.voterKey);
  if (intent === null || intentVoteId(intent, proposal) !== entry.vote_id) {
    deps.metrics.security.inc({ event: 'intent_refused' });
    deps.log.error({ run_id: ref.runId, proposal_id: ref.proposal }, 'security: stored intent is not ours');
    return end(failed('signing', deps.now(), 'the stored vote was altered'));
  }
  const tooOld = intent.message.timestamp < deps.now() / 1_000 - OLDEST_S;
  const another = !sameBallot(intent.ballot, ballot);
  if (found !== null || !(tooOld || another)) return go({ intent, voteId: entry.vote_id });
  const why = another ? 'a newer decision has another ballot' : 'the sequencer would soon find it too old';
  await voidIntent(entry, why, ref, licence, deps);
  return go(null);
}

/**
 * When the intent before this one was dated. Read from the sealed text: a date that somebody wrote into Redis beside it could
 * put our vote after the owner's.
 */
function datedBefore(entry: LedgerEntry | null, key: Buffer): number | null {
  return entry === null ? null : (openIntent(entry.intent, key)?.message.timestamp ?? null);
}

function newIntent(
  { ref, decision, ballot, licence }: Casting,
  proposal: Proposal,
  entry: LedgerEntry | null,
  deps: VoteDeps,
  nowMs: number,
): Intent {
  const { voter } = licence;
  const evidence = decision.evidence_hash;
  const vote = buildVote({
    voter,
    space: ref.space,
    proposal,
    ballot,
    reason: decision.public_reason,
    app: APP,
    metadata: voteMetadata(
      { voter, space: ref.space, proposal: ref.proposal, evidence, castAtMs: nowMs },
      deps.voterKey,
    ),
    timestamp: voteTimestamp(proposal.start, nowMs / 1_000, {
      backdateS: deps.settings.backdateS,
      after: datedBefore(entry, deps.voterKey),
    }),
  });
  return Intent.parse({ message: vote.message, ballot });
}
