/**
 * A vote on the hub that carries our code and that the ledger does not know: Redis lost it, or is an older copy that was restored; or
 * it was voided, and its bytes arrived all the same, which is nothing to be alarmed at.
 * Its message is built again from what the hub shows, and is ours if it has that very id; then the ledger and the audit chain take
 * it up as cast. What it was decided on is not known any more, so no decision replaces it.
 */
import { type Ballot, BallotError, sameBallot } from '@quorum/snapshot/ballot';
import { decodeChoice, encodeBallot, messageChoice } from '@quorum/snapshot/encode';
import type { HubVote } from '@quorum/snapshot/hub';
import type { Proposal } from '@quorum/snapshot/proposal';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import { tellSecurity } from '@quorum/shared/security-events';
import { APP, type Intent, intentVoteId, type OurMetadata, ourMetadata, sealIntent } from './intent.ts';
import { isVoided, lastVoided } from './late.ts';
import { secretChoice } from './secret-choice.ts';
import type { Licence } from './signers.ts';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/**
 * Whose vote it is: `theirs`: the owner's. `earlier`: one of ours, of another decision or of one that nobody can tell. `this`: one
 * of ours, by the very decision that is to be cast.
 */
type Whose = 'theirs' | 'earlier' | 'this';

export type Recognised = {
  readonly whose: Whose;
  /** Takes it up into the ledger; does nothing where its message cannot be built again. */
  readonly take: () => Promise<void>;
};

const nothingToTake = async (): Promise<void> => undefined;

/** What was to be cast: its inputs are null where the owner chose the ballot, its evidence where the vote is not to name any. */
type Meant = {
  readonly ballot: Ballot;
  readonly inputsHash: string | null;
  readonly evidenceHash: string | null;
};

/** Whose a vote is, and how it is taken up into the ledger, where `entry` stands. */
export async function recognise(
  vote: HubVote,
  { proposal, entry }: { readonly proposal: Proposal; readonly entry: LedgerEntry | null },
  wanted: Meant,
  ref: VoteRef,
  licence: Licence,
  deps: VoteDeps,
): Promise<Recognised> {
  const { voter } = licence;
  const metadata = ourMetadata(vote.metadata, { voter, space: ref.space, proposal: ref.proposal }, deps.voterKey);
  if (metadata === null) return { whose: 'theirs', take: nothingToTake };
  const voided = lastVoided(entry, proposal, deps);
  const known = voided !== null && intentVoteId(voided, proposal) === vote.id ? voided : null;
  const said = known ?? (await messageOf(vote, metadata, proposal, wanted, licence, deps));
  const earlier = { whose: 'earlier', take: nothingToTake } as const;
  if (said === null) return earlier;
  const isThis = metadata.mark.evidence === wanted.evidenceHash && sameBallot(said.ballot, wanted.ballot);
  const intent: Intent = { ...said, inputs_hash: isThis ? wanted.inputsHash : (known?.inputs_hash ?? null) };
  if (intentVoteId(intent, proposal) !== vote.id) return earlier;
  const take = async (): Promise<void> => {
    const taken = await deps.transitions.adopt({
      ...ref,
      voter,
      voteId: vote.id,
      nowMs: deps.now(),
      intent: sealIntent(intent, deps.voterKey),
      created: vote.created,
      instead: entry === null ? null : { state: entry.state, voteId: entry.vote_id },
    });
    if (!taken || isVoided(vote, entry, proposal, ref, licence, deps)) return;
    tellSecurity(deps, 'vote_adopted', { vote_id: vote.id });
  };
  return { whose: isThis ? 'this' : 'earlier', take };
}

/** What was signed, and the ballot in it; null where nobody can tell. */
async function messageOf(
  vote: HubVote,
  { text }: OurMetadata,
  proposal: Proposal,
  wanted: Meant,
  { voter }: Licence,
  { sealing }: VoteDeps,
): Promise<Pick<Intent, 'message' | 'ballot'> | null> {
  const { created: timestamp, reason } = vote;
  const about = {
    from: voter,
    space: proposal.space,
    timestamp,
    proposal: proposal.id,
    reason,
    app: APP,
    metadata: text,
  };
  try {
    if (proposal.privacy === '') {
      const ballot = decodeChoice(vote.choice, proposal);
      return { message: { ...about, choice: messageChoice(encodeBallot(ballot, proposal), proposal.type) }, ballot };
    }
    // A secret choice can be made again, and not read.
    const { ballot } = wanted;
    const choice = sealing === null ? null : await secretChoice({ voter, ballot, timestamp }, proposal, sealing);
    return choice !== null && choice === vote.choice ? { message: { ...about, choice }, ballot } : null;
  } catch (error) {
    if (error instanceof BallotError) return null;
    throw error;
  }
}
