/**
 * How a live run leaves a proposal to later ones, by its outcome.
 *
 *   done        voted on: the hub says so from now on
 *   by_policy   decided for good under this text and these preferences: dropped as `decided_before`
 *   in_vain     the reason would most likely be met again: tried once more, but after everything else
 *   undone      its turn comes first again
 *
 * What is none of the last is off the way of the others. A run may follow another at once only because of such a one, so each of
 * them has to be noted where the next run finds it: that is why this is said in one place.
 */
import { assertNever } from '@quorum/shared/assert-never';
import type { Outcome } from '@quorum/shared/outcome';
import type { LeftAs } from '@quorum/shared/left-records';

export function leftAs(outcome: Outcome): 'done' | LeftAs | 'undone' {
  switch (outcome.kind) {
    case 'cast':
      return 'done';
    case 'simulated':
      return 'undone';
    case 'held':
      return outcome.why === 'voting_paused' ? 'undone' : 'by_policy';
    case 'failed':
      return ['model_output', 'vote_rejected', 'internal'].includes(outcome.why) ? 'in_vain' : 'undone';
    case 'skipped':
      return leftSkipped(outcome.why);
  }
}

function leftSkipped(why: Extract<Outcome, { kind: 'skipped' }>['why']): LeftAs | 'undone' {
  switch (why) {
    case 'injection':
    case 'stakes':
    case 'disagreement':
    case 'below_confidence':
    case 'risk':
      return 'by_policy';
    case 'proposal_changed':
    case 'preferences':
    case 'vote_cap':
    case 'cancelled':
      return 'undone';
    // What costs too much today must not keep the rest from being decided.
    case 'budget':
      return 'in_vain';
    // The voter service saw these; the hub may go on saying otherwise to the fetcher.
    case 'already_voted':
    case 'no_voting_power':
    case 'closed':
    case 'flagged':
    case 'expired':
    case 'not_allowed':
      return 'in_vain';
    default:
      return assertNever(why);
  }
}

/**
 * Whether no model was asked for want of a budget. Such a proposal comes after the others, and all the same a later run has to take it
 * up, and no run follows at once for it: the next proposals would be told the same.
 */
export function lacksBudget(outcome: Outcome): boolean {
  return outcome.kind === 'skipped' && outcome.why === 'budget';
}
