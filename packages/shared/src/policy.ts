/**
 * When a vote is cast, held or skipped: one pure function, first match wins. The decider asks it, and the voter service asks it
 * again on the samples before it signs anything.
 *
 *   executable payload                        → held, whatever `approval` says
 *   hard signal in the text                   → held, whatever `approval` says
 *   soft signal in the text                   → unsure
 *   high stakes without unanimity             → unsure
 *   no ballot that more than half agree on    → unsure
 *   confidence below the threshold            → unsure
 *   risk above what the strategy takes        → unsure
 *   approval: always                          → held
 *   otherwise                                 → cast
 *
 * Unsure is held, or skipped where `approval` is never.
 */
import type { Ballot } from '@quorum/snapshot/ballot';
import { aggregate, type Aggregate } from './aggregate.ts';
import type { Decision, RiskLevel, Signal, Stakes } from './decision.ts';
import type { HeldWhy } from './outcome.ts';
import type { SpacePreferences, VotingStrategy } from './preferences.ts';

export type PolicyInput = {
  readonly executable: boolean;
  readonly signals: readonly Signal[];
  readonly stakes: Stakes;
  readonly ballot: Ballot | null;
  readonly agreement: number;
  readonly confidence: number;
  readonly risk_level: RiskLevel;
};

export const UNSURE_WHYS = [
  'injection',
  'stakes',
  'disagreement',
  'below_confidence',
  'risk',
] as const satisfies readonly HeldWhy[];
type UnsureWhy = (typeof UNSURE_WHYS)[number];

export type Verdict =
  | { readonly kind: 'cast'; readonly ballot: Ballot }
  | { readonly kind: 'hold'; readonly why: Exclude<HeldWhy, 'voting_paused'> }
  | { readonly kind: 'skip'; readonly why: UnsureWhy };

const RISK = { low: 0, medium: 1, high: 2 } as const satisfies Record<RiskLevel, number>;
const RISK_TAKEN = { conservative: 0, balanced: 1, aggressive: 2 } as const satisfies Record<VotingStrategy, number>;

/** Decides what becomes of a decision under the owner's preferences. */
export function policy(
  input: PolicyInput,
  preferences: Pick<SpacePreferences, 'approval' | 'confidence_threshold' | 'voting_strategy'>,
): Verdict {
  const unsure = (why: UnsureWhy): Verdict =>
    preferences.approval === 'never' ? { kind: 'skip', why } : { kind: 'hold', why };

  if (input.executable) return { kind: 'hold', why: 'executable' };
  if (input.signals.some((signal) => signal.strength === 'hard')) return { kind: 'hold', why: 'injection' };
  if (input.signals.length > 0) return unsure('injection');
  if (input.stakes === 'high' && input.agreement < 1) return unsure('stakes');
  if (input.ballot === null) return unsure('disagreement');
  if (input.confidence < preferences.confidence_threshold) return unsure('below_confidence');
  if (RISK[input.risk_level] > RISK_TAKEN[preferences.voting_strategy]) return unsure('risk');
  if (preferences.approval === 'always') return { kind: 'hold', why: 'approval_always' };
  return { kind: 'cast', ballot: input.ballot };
}

/** A decision judged: what its samples say together, and what the policy makes of it. */
export type Judgement =
  | { readonly kind: 'no_decision' }
  | {
      readonly kind: 'judged';
      readonly aggregate: Extract<Aggregate, { kind: 'aggregated' }>;
      readonly verdict: Verdict;
    };

/** Aggregates the samples of a decision and runs the policy on them. Whoever acts on a decision calls this, and nothing else. */
export function judge(
  decision: Pick<Decision, 'executable' | 'samples' | 'signals' | 'stakes'>,
  preferences: Pick<SpacePreferences, 'approval' | 'confidence_threshold' | 'voting_strategy'>,
): Judgement {
  const together = aggregate(decision.samples);
  if (together.kind === 'too_few_answers') return { kind: 'no_decision' };
  const stakes = decision.stakes === 'high' ? 'high' : together.stakes;
  const { executable, signals } = decision;
  return {
    kind: 'judged',
    aggregate: { ...together, stakes },
    verdict: policy({ ...together, executable, signals, stakes }, preferences),
  };
}
