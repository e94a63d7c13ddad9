/**
 * The one state in which a proposal leaves a run. Each kind has its own closed list of reasons, so that a `cast` with a reason
 * against it, or a `held` for something that nobody can answer, does not type-check.
 */
import { z } from 'zod';
import { assertNever } from './assert-never.ts';

/** Reasons to wait for the owner. */
export const HeldWhy = z.enum([
  'executable',
  'injection',
  'stakes',
  'disagreement',
  'below_confidence',
  'risk',
  'approval_always',
  'voting_paused',
]);
export type HeldWhy = z.infer<typeof HeldWhy>;

/** Reasons for not voting that are not a fault. */
export const SkippedWhy = z.enum([
  'injection',
  'stakes',
  'disagreement',
  'below_confidence',
  'risk',
  'already_voted',
  'no_voting_power',
  'proposal_changed',
  'closed',
  'flagged',
  'cancelled',
  'expired',
  'preferences',
  'not_allowed',
  'vote_cap',
  'budget',
]);
export type SkippedWhy = z.infer<typeof SkippedWhy>;

/** Faults. Each is also told in the run's `errors`. */
export const FailedWhy = z.enum([
  'model_output',
  'upstream_unavailable',
  'vote_rejected',
  'signing',
  'timeout',
  'internal',
]);
export type FailedWhy = z.infer<typeof FailedWhy>;

export type Why = HeldWhy | SkippedWhy | FailedWhy;

/** Whether a secret vote counted as it was cast. */
export const Counted = z
  .enum(['unknown', 'as_cast', 'different'])
  .describe('Whether a secret (Shutter) vote counted as it was cast; unknown until its choice is revealed');
export type Counted = z.infer<typeof Counted>;

const Cast = z.object({
  kind: z.literal('cast').describe('A vote was accepted and read back from the hub'),
  counted: Counted.optional(),
});
const Skipped = z.object({
  kind: z.literal('skipped').describe('No vote, and no fault'),
  why: SkippedWhy.describe('Why there is no vote'),
});
const Failed = z.object({
  kind: z.literal('failed').describe('A fault'),
  why: FailedWhy.describe('What went wrong'),
});

/** Where a vote that was made for a hold ended. */
export const VoteEnd = z.discriminatedUnion('kind', [Cast, Skipped, Failed]).describe('Where its vote ended');
export type VoteEnd = z.infer<typeof VoteEnd>;

/** What became of a hold after the run that made it. */
export const Answered = z
  .object({
    kind: z
      .enum(['approved', 'rejected', 'expired', 'resumed', 'superseded'])
      .describe('resumed: voting was, so nobody was asked; superseded: by what a later run made of the proposal'),
    outcome: VoteEnd.nullable().describe('Where the vote ended; null where there is none, or none yet'),
  })
  .describe('What became of the hold later; the outcome itself stays as it was at the end of the run');
export type Answered = z.infer<typeof Answered>;

/** Where a proposal ended in this run. */
export const Outcome = z
  .discriminatedUnion('kind', [
    Cast,
    z.object({ kind: z.literal('simulated').describe('A dry run: this would have been cast') }),
    z.object({
      kind: z.literal('held').describe('Waits for the owner'),
      why: HeldWhy.describe('Why the owner is asked'),
      answered: Answered.optional(),
    }),
    Skipped,
    Failed,
  ])
  .describe('The one state in which the proposal left the run');
export type Outcome = z.infer<typeof Outcome>;

export const OutcomeKind = z
  .enum(['cast', 'simulated', 'held', 'skipped', 'failed'] satisfies Outcome['kind'][])
  .describe('Where a proposal ended in its run');
export type OutcomeKind = z.infer<typeof OutcomeKind>;

/** The words for a reason that the owner reads. */
export function wordsFor(why: Why): string {
  switch (why) {
    case 'executable':
      return 'it carries an executable payload, so you decide';
    case 'injection':
      return 'its text tries to steer its reader';
    case 'stakes':
      return 'the stakes are high and the answers were not unanimous';
    case 'disagreement':
      return 'the answers disagreed';
    case 'below_confidence':
      return 'the confidence is below your threshold';
    case 'risk':
      return 'the risk is above what your strategy takes';
    case 'approval_always':
      return 'you approve every vote yourself';
    case 'voting_paused':
      return 'voting is paused';
    case 'already_voted':
      return 'there is already a vote of yours';
    case 'no_voting_power':
      return 'you have no voting power on it';
    case 'proposal_changed':
      return 'the proposal changed after it was read';
    case 'closed':
      return 'its voting window is closed, or too short to vote safely';
    case 'flagged':
      return 'Snapshot flags it as spam or a scam';
    case 'cancelled':
      return 'the run was cancelled';
    case 'expired':
      return 'nobody answered in time';
    case 'preferences':
      return 'your preferences changed after it was decided';
    case 'not_allowed':
      return 'the signer may not vote on it';
    case 'vote_cap':
      return 'the daily number of votes is reached';
    case 'budget':
      return 'there is no budget to decide it';
    case 'model_output':
      return 'the model gave too few usable answers';
    case 'upstream_unavailable':
      return 'a service that it needs did not answer';
    case 'vote_rejected':
      return 'Snapshot refused the vote';
    case 'signing':
      return 'the vote could not be signed for you';
    case 'timeout':
      return 'it took too long';
    case 'internal':
      return 'something broke inside Quorum; the log has the details';
    default:
      return assertNever(why);
  }
}
