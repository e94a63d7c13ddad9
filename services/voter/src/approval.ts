/**
 * From an owner's answer to the ballot that it allows to be cast. The answer carries a code by which the gateway is known to have
 * taken it, and says to what it was given: to another hold, another text or another ballot it says nothing.
 *
 * The policy is not asked: the owner has decided. An owner's ballot of their own makes a decision of its own: its evidence names
 * the answer and the decision that it replaces, and the model's reason is dropped.
 */
import { canonicalJson, hashOf } from '@quorum/shared/canonical';
import type { Decision } from '@quorum/shared/decision';
import type { Hold, HoldAnswer, SealedAnswer } from '@quorum/shared/hold';
import { sharesWords } from '@quorum/shared/overlap';
import { judge } from '@quorum/shared/policy';
import { inSpace, lessOf } from '@quorum/shared/preferences';
import { publicBallot } from '@quorum/shared/public-ballot';
import type { Opening } from '@quorum/shared/records';
import { answerIsGood } from '@quorum/shared/sealed-answer';
import { tellSecurity } from '@quorum/shared/security-events';
import { type Ballot, sameBallot } from '@quorum/snapshot/ballot';
import type { Wanted } from './revision.ts';
import { end, failed, go, type Step } from './step.ts';
import type { Casting, VoteDeps, VoteRef } from './vote-deps.ts';

const AS_DECIDED = 'Voted by an AI agent as its owner decided';

export type Approved = Pick<Casting, 'decision'> & { readonly wanted: Wanted };

/** The ballot that the owner approved, if the gateway took that answer and nobody altered it or the hold since. */
export async function readApproval(
  hold: Hold,
  decision: Decision,
  opening: Opening,
  ref: VoteRef,
  deps: VoteDeps,
): Promise<Step<Approved>> {
  const { answer: sealed } = hold;
  const ballot = sealed === null ? null : ballotOf(sealed, hold, decision, opening, ref, deps.answerKey);
  if (sealed === null || ballot === null) {
    tellSecurity(deps, 'answer_refused');
    return end(failed('signing', deps.now(), 'the answer was altered after it was given'));
  }
  const published = await publishedNow(opening, ref, deps);
  if (sealed.answer.ballot_from === 'decision') {
    const public_reason = published?.asDecided === true ? decision.public_reason : '';
    return go({
      wanted: wantedBy(ballot, decision.inputs_hash, decision.evidence_hash),
      decision: { ...decision, public_reason },
    });
  }
  const made = { kind: 'owner_decision', ...sealed, instead_of: decision.evidence_hash };
  const evidence = hashOf(made);
  await deps.records.putEvidence(evidence, canonicalJson(made));
  const public_reason = published === null ? '' : reasonFor(ballot, published.instructions);
  const { preferences_version } = decision;
  return go({
    wanted: wantedBy(ballot, evidence, evidence),
    decision: { evidence_hash: evidence, public_reason, preferences_version, inputs_hash: null },
  });
}

/** What an owner says replaces what we voted before, whatever they prefer for decisions. */
function wantedBy(ballot: Ballot, inputsHash: string, evidenceHash: string): Wanted {
  return { ballot, inputsHash, evidenceHash, revise: 'as_the_owner_says' };
}

/** The approved ballot; null where the answer is none of this hold's, or says what was decided and does not fit it. */
function ballotOf(
  sealed: SealedAnswer,
  { subject }: Hold,
  decision: Decision,
  opening: Opening,
  ref: VoteRef,
  key: Buffer,
): Ballot | null {
  const { answer } = sealed;
  if (!answerIsGood(sealed, key) || !approves(answer, subject.hold_id, ref) || answer.ballot === null) return null;
  if (answer.ballot_from === 'owner') return answer.ballot;
  const judgement = judge(decision, inSpace(opening.preferences, ref.space));
  const decided = judgement.kind === 'judged' ? judgement.aggregate.ballot : null;
  // What the owner was shown came from the hold; what was decided is sealed by the decider.
  return decided !== null && sameBallot(decided, answer.ballot) ? answer.ballot : null;
}

/** Whether the owner approved with it this hold of this run on this text. */
export function approves(answer: HoldAnswer, holdId: string, ref: VoteRef): boolean {
  return (
    answer.answer === 'approve' &&
    answer.hold_id === holdId &&
    answer.owner === ref.owner &&
    answer.run_id === ref.runId &&
    answer.space_id === ref.space &&
    answer.proposal_id === ref.proposal &&
    answer.content_hash === ref.contentHash
  );
}

type Published = {
  /** What a public reason must not repeat. */
  readonly instructions: readonly string[];
  /** Whether as much is to be published as when it was decided. */
  readonly asDecided: boolean;
};

/** What may be published, by the preferences that the run began with and by those of now. Null where either want nothing published. */
async function publishedNow(opening: Opening, ref: VoteRef, { preferences }: VoteDeps): Promise<Published | null> {
  const now = await preferences.load(ref.owner);
  if (now.kind === 'unusable') return null;
  const pinned = inSpace(opening.preferences, ref.space);
  const current = inSpace(now.preferences, ref.space);
  const least = lessOf(pinned.publish_reason, current.publish_reason);
  if (least === 'none') return null;
  const instructions = [pinned, current].map((each) => each.instructions ?? '');
  return { instructions, asDecided: least === pinned.publish_reason };
}

/** The reason of a ballot that the owner chose. Its labels are no more the owner's words than those of any other. */
function reasonFor(ballot: Ballot, instructions: readonly string[]): string {
  const said = publicBallot(ballot);
  const reasons = [...(said === null ? [] : [`${AS_DECIDED}: ${said}`]), `${AS_DECIDED}.`];
  return reasons.find((reason) => !instructions.some((each) => sharesWords(reason, each))) ?? '';
}
