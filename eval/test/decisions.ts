/** Decisions by hand, to count. */
import type { Decided, Outcome } from '../src/decider.ts';

export const CHOICES = ['For', 'Against', 'Abstain'] as const;

/** `why` empty: cast. `off`: the reason with the detectors off, where it is another. */
export function aDecision(
  choice: (typeof CHOICES)[number] | null,
  why = '',
  more: Partial<Omit<Decided, 'ballot'>> & { readonly off?: string } = {},
): Decided {
  const { off = why, ...rest } = more;
  const ballot = choice === null ? null : ballotFor(choice);
  return {
    ballot,
    confidence: 0.9,
    outcomes: { on: outcome(why), off: outcome(off) },
    stakes: 'low',
    signals: [],
    ballots: ballot === null ? [] : [ballot],
    missing: [],
    publicReason: '',
    usage: { calls: 3, input_tokens: 100, output_tokens: 10, cost_usd: 0.5 },
    ...rest,
  };
}

function ballotFor(label: (typeof CHOICES)[number]) {
  return { kind: 'single', choice: { index: CHOICES.indexOf(label) + 1, label } } as const;
}

function outcome(why: string): Outcome {
  return why === '' ? { kind: 'cast', why } : { kind: 'held', why };
}
