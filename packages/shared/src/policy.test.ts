import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../test/property-runs.ts';
import { anyBallot } from '../test/arbitraries.ts';
import { aDecision, anAnswer, ballotFor, noAnswer } from '../test/samples.ts';
import type { Approval, VotingStrategy } from './preferences.ts';
import { judge, policy, type PolicyInput } from './policy.ts';

type Wishes = { approval: Approval; confidence_threshold: number; voting_strategy: VotingStrategy };

const sure: PolicyInput = {
  executable: false,
  signals: [],
  stakes: 'low',
  ballot: ballotFor(1),
  agreement: 1,
  confidence: 0.9,
  risk_level: 'low',
};
const wishes: Wishes = { approval: 'when_unsure', confidence_threshold: 0.7, voting_strategy: 'balanced' };
const soft = { strength: 'soft', kind: 'instruction' } as const;
const hard = { strength: 'hard', kind: 'bidi_override' } as const;

/** The lines of the policy, in its order: what makes each true, and what it says. */
const LINES = [
  ['an executable payload', { executable: true }, {}, 'executable'],
  ['a hard signal', { signals: [hard] }, {}, 'injection'],
  ['a soft signal', { signals: [soft] }, {}, 'injection'],
  ['high stakes without unanimity', { stakes: 'high', agreement: 0.9 }, {}, 'stakes'],
  ['no ballot', { ballot: null }, {}, 'disagreement'],
  ['a confidence below the threshold', { confidence: 0.69 }, {}, 'below_confidence'],
  ['a risk above the strategy', { risk_level: 'high' }, {}, 'risk'],
  ['approval of everything', {}, { approval: 'always' }, 'approval_always'],
] as const satisfies readonly (readonly [string, Partial<PolicyInput>, Partial<Wishes>, string])[];

describe('the policy', () => {
  it('casts what nothing speaks against, with its ballot', () => {
    expect(policy(sure, wishes)).toEqual({ kind: 'cast', ballot: ballotFor(1) });
    expect(policy(sure, { ...wishes, approval: 'never' })).toEqual({ kind: 'cast', ballot: ballotFor(1) });
  });

  it.for(LINES)('holds for %s', ([, input, own, why]) => {
    expect(policy({ ...sure, ...input }, { ...wishes, ...own })).toEqual({ kind: 'hold', why });
  });

  it.for(LINES.slice(2, 7))('skips for %s where the owner is never asked', ([, input, , why]) => {
    expect(policy({ ...sure, ...input }, { ...wishes, approval: 'never' })).toEqual({ kind: 'skip', why });
  });

  it.for(LINES.slice(0, 2))('holds for %s even where the owner is never asked', ([, input, , why]) => {
    expect(policy({ ...sure, ...input }, { ...wishes, approval: 'never' })).toEqual({ kind: 'hold', why });
  });

  it.for(LINES.map((_line, at) => at))('says the first of the lines that are true (from line %i on)', (from) => {
    const after = LINES.slice(from).toReversed();
    const input = after.reduce<PolicyInput>((all, [, change]) => ({ ...all, ...change }), sure);
    const own = after.reduce<Wishes>((all, [, , change]) => ({ ...all, ...change }), wishes);
    // Line 2 overrides line 3's signal here; a text with both is hard.
    expect(policy(input, own)).toEqual({ kind: 'hold', why: LINES[from]?.[3] });
  });

  it('takes one hard signal among soft ones for hard', () => {
    const verdict = policy({ ...sure, signals: [soft, hard] }, { ...wishes, approval: 'never' });
    expect(verdict).toEqual({ kind: 'hold', why: 'injection' });
  });

  it('casts high stakes that are unanimous, and a confidence that is just the threshold', () => {
    expect(policy({ ...sure, stakes: 'high' }, wishes).kind).toBe('cast');
    expect(policy({ ...sure, confidence: 0.7 }, wishes).kind).toBe('cast');
  });

  it.for([
    ['conservative', 'low', true],
    ['conservative', 'medium', false],
    ['conservative', 'high', false],
    ['balanced', 'low', true],
    ['balanced', 'medium', true],
    ['balanced', 'high', false],
    ['aggressive', 'low', true],
    ['aggressive', 'medium', true],
    ['aggressive', 'high', true],
  ] as const)('%s takes a %s risk: %s', ([voting_strategy, risk_level, taken]) => {
    const verdict = policy({ ...sure, risk_level }, { ...wishes, voting_strategy });
    expect(verdict.kind).toBe(taken ? 'cast' : 'hold');
  });

  const anyInput: fc.Arbitrary<PolicyInput> = fc.record({
    executable: fc.boolean(),
    signals: fc.array(fc.constantFrom(soft, hard), { maxLength: 2 }),
    stakes: fc.constantFrom('low', 'high'),
    ballot: fc.option(anyBallot, { freq: 6 }),
    agreement: fc.constantFrom(0.5, 0.67, 1),
    confidence: fc.constantFrom(0, 0.5, 0.7, 1),
    risk_level: fc.constantFrom('low', 'medium', 'high'),
  });
  const anyWishes: fc.Arbitrary<Wishes> = fc.record({
    approval: fc.constantFrom('never', 'when_unsure', 'always'),
    confidence_threshold: fc.constantFrom(0, 0.5, 0.7, 1),
    voting_strategy: fc.constantFrom('conservative', 'balanced', 'aggressive'),
  });

  it('casts exactly when none of the reasons against it holds, and only the ballot that it was given', () => {
    const risky = { conservative: ['medium', 'high'], balanced: ['high'], aggressive: [] };
    fc.assert(
      fc.property(anyInput, anyWishes, (input, own) => {
        const against = [
          input.executable,
          input.signals.length !== 0,
          input.stakes === 'high' && input.agreement !== 1,
          input.ballot === null,
          !(input.confidence >= own.confidence_threshold),
          risky[own.voting_strategy].some((level) => level === input.risk_level),
          own.approval === 'always',
        ];
        const verdict = policy(input, own);
        expect(verdict.kind === 'cast').toBe(!against.includes(true));
        if (verdict.kind === 'cast') expect(verdict.ballot).toBe(input.ballot);
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('asks an owner who is never to be asked only about payloads and hard signals, and skips for nobody else', () => {
    fc.assert(
      fc.property(anyInput, anyWishes, (input, own) => {
        const verdict = policy(input, own);
        const grave = input.executable || input.signals.some(({ strength }) => strength === 'hard');
        if (own.approval === 'never') expect(verdict.kind === 'hold').toBe(grave);
        else expect(verdict.kind).not.toBe('skip');
      }),
      { numRuns: runs(1_000) },
    );
  });
});

describe('a decision judged', () => {
  const own: Wishes = { ...wishes, approval: 'never' };

  it('is cast with the ballot that its samples chose', () => {
    const judged = judge(aDecision(), own);
    expect(judged).toMatchObject({ kind: 'judged', verdict: { kind: 'cast', ballot: ballotFor(1) } });
  });

  it('is no decision where too few answered', () => {
    expect(judge(aDecision({ samples: [anAnswer(), noAnswer()] }), own)).toEqual({ kind: 'no_decision' });
  });

  it('has the stakes that code found, which answers can raise but never lower', () => {
    const split = [anAnswer(), anAnswer(), anAnswer(), anAnswer({ ballot: ballotFor(2) })];
    const verdict = { kind: 'skip', why: 'stakes' };
    expect(judge(aDecision({ stakes: 'high', samples: split }), own)).toMatchObject({
      verdict,
      aggregate: { stakes: 'high' },
    });
    const raised = split.map((answer, at) => (at === 0 ? { ...answer, stakes: 'high' as const } : answer));
    expect(judge(aDecision({ stakes: 'low', samples: raised }), own)).toMatchObject({ verdict });
    expect(judge(aDecision({ stakes: 'low', samples: split }), own)).toMatchObject({ verdict: { kind: 'cast' } });
  });

  it('is held for its payload or its signals, whatever its samples say', () => {
    expect(judge(aDecision({ executable: true }), own)).toMatchObject({ verdict: { kind: 'hold', why: 'executable' } });
    expect(judge(aDecision({ signals: [hard] }), own)).toMatchObject({ verdict: { kind: 'hold', why: 'injection' } });
    expect(judge(aDecision({ signals: [soft] }), own)).toMatchObject({ verdict: { kind: 'skip', why: 'injection' } });
  });
});
