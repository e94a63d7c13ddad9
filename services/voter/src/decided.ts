/**
 * From the stored decision to what may be done with it: its code is verified, the owner's preferences are read as they are now,
 * and the policy is run again on the samples. Nothing that Redis says is taken for granted.
 */
import type { Decision, SealedDecision } from '@quorum/shared/decision';
import { judge } from '@quorum/shared/policy';
import {
  inSpace,
  preferencesVersion,
  proposerRefused,
  stricter,
  type SpacePreferences,
} from '@quorum/shared/preferences';
import type { Opening, RunForVote } from '@quorum/shared/records';
import { sealIsGood } from '@quorum/shared/sealed-decision';
import { tellSecurity } from '@quorum/shared/security-events';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Proposal } from '@quorum/snapshot/proposal';
import type { Approved } from './approval.ts';
import { end, failed, go, held, skipped, type Step } from './step.ts';
import type { VoteDeps, VoteRef } from './vote-deps.ts';

/** The decision of this run on this proposal, if the decider made it and nobody altered it. */
export function readDecision(run: RunForVote, opening: Opening, ref: VoteRef, deps: VoteDeps): Step<Decision> {
  const record = run.decisions.get(ref.proposal);
  const nowMs = deps.now();
  if (record === undefined) return end(failed('internal', nowMs, 'there is no decision'));
  if (record.kind === 'failed') return end(failed(record.why, nowMs, record.detail));
  if (record.kind === 'skipped') return end(skipped(record.why, nowMs, record.detail));
  const { decision } = record.sealed;
  if (!isGenuine(record.sealed, opening, ref, deps)) {
    tellSecurity(deps, 'decision_refused');
    return end(failed('signing', nowMs, 'the decision was altered after it was made'));
  }
  return go(decision);
}

/** Whether the decider sealed this decision, for this very run and proposal, and under the preferences that the run pinned. */
function isGenuine(sealed: SealedDecision, opening: Opening, ref: VoteRef, { deciderKey }: VoteDeps): boolean {
  const { decision } = sealed;
  try {
    return (
      decision.run_id === ref.runId &&
      // A decision made for one owner must not move the vote of another who happens to want the same.
      decision.owner === ref.owner &&
      decision.space_id === ref.space &&
      decision.proposal_id === ref.proposal &&
      decision.content_hash === ref.contentHash &&
      // The pinned preferences carry no code of their own: the decision names their version.
      decision.preferences_version === preferencesVersion(opening.preferences) &&
      sealIsGood(sealed, deciderKey)
    );
  } catch (error) {
    // Text that is not well-formed has no canonical form: nobody sealed it.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/**
 * What to cast under the preferences as they are now, or where the proposal ends instead. A reason that was made for an owner who
 * lets less be published by now is left out: what was published nobody takes back.
 */
export async function judgeNow(
  decision: Decision,
  opening: Opening,
  ref: VoteRef,
  deps: VoteDeps,
): Promise<Step<Approved>> {
  const pinned = inSpace(opening.preferences, ref.space);
  const preferences = opening.dry_run ? pinned : await preferencesNow(pinned, opening, ref, deps);
  const nowMs = deps.now();
  if (preferences === null) return end(skipped('preferences', nowMs));
  const judgement = judge(decision, preferences);
  if (judgement.kind === 'no_decision') return end(failed('model_output', nowMs));
  const { verdict } = judgement;
  switch (verdict.kind) {
    case 'hold':
      return end(held(verdict.why, nowMs));
    case 'skip':
      return end(skipped(verdict.why, nowMs));
    case 'cast': {
      const wanted = {
        ballot: verdict.ballot,
        inputsHash: decision.inputs_hash,
        evidenceHash: decision.evidence_hash,
        revise: preferences.revise_votes ? 'by_decision' : 'never',
      } as const;
      const isAsWanted = preferences.publish_reason === pinned.publish_reason;
      return go({ wanted, decision: isAsWanted ? decision : { ...decision, public_reason: '' } });
    }
  }
}

/** The stricter of the pinned and the current preferences, or null where the decision was made under others. */
async function preferencesNow(
  pinned: SpacePreferences,
  opening: Opening,
  ref: VoteRef,
  deps: VoteDeps,
): Promise<SpacePreferences | null> {
  const stored = await deps.preferences.load(ref.owner);
  // What was there when the run began and is gone or broken now says nothing about what its owner wants.
  if (stored.kind === 'unusable' || (stored.kind === 'missing' && opening.preferences_applied)) return null;
  const both = stricter(pinned, inSpace(stored.preferences, ref.space));
  if (both.changed) return null;
  const text = await storedProposal(ref, deps);
  if (text === null || proposerRefused(text.author, both.preferences) !== null) return null;
  return both.preferences;
}

/** The proposal as it was decided on; null where it is no longer stored, or is not what its hash says. */
export async function storedProposal(ref: VoteRef, { records }: VoteDeps): Promise<Proposal | null> {
  const proposal = await records.proposal(ref.contentHash);
  return proposal !== null && contentHash(proposal) === ref.contentHash ? proposal : null;
}
