/**
 * Strategy × threshold × approval, each set for the owner and for a space alone, on proposals that differ in what they ask of them:
 * what the API says became of each decision is what its own confidence and risk, and these preferences, lead to. The rules are
 * written here once more, as `docs/operations/holds.md` and the README have them, and not taken from the product.
 */
import type { VoteDecision } from '@quorum/shared/decision';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack, type Stack } from '../stack.ts';
import { ask, ORDER, PAYLOAD, RISKIER, TEXT } from './outcome-cases.ts';
import { openWorld } from './world.ts';

const STRATEGIES = ['conservative', 'balanced', 'aggressive'] as const;
const THRESHOLDS = [0, 0.8, 1] as const;
const APPROVALS = ['never', 'when_unsure', 'always'] as const;
type Wishes = {
  readonly voting_strategy: (typeof STRATEGIES)[number];
  readonly confidence_threshold: number;
  readonly approval: (typeof APPROVALS)[number];
};

/** What each proposal says, by its number in its space. */
const RISKIEST = `${TEXT} The engine is untested. The code is unaudited. The step cannot be undone.`;
const BODIES = [TEXT, RISKIER, RISKIEST, `${TEXT}\n\n${ORDER}`, TEXT] as const;
const [INSTRUCTS, EXECUTES] = [3, 4];

const MATRIX: readonly Wishes[] = STRATEGIES.flatMap((strategy) =>
  THRESHOLDS.flatMap((threshold) =>
    APPROVALS.map((approval) => ({ voting_strategy: strategy, confidence_threshold: threshold, approval })),
  ),
);
const spaces = MATRIX.map((_, at) => `matrix-${at}.eth`);

let stack: Stack;
beforeAll(async () => {
  const world = openWorld({
    spaces: [...spaces, 'owner.eth'],
    types: BODIES.map(() => 'basic'),
    choices: ['For', 'Against'],
  });
  stack = await startStack({
    world: {
      ...world,
      proposals: world.proposals.map((proposal, at) => ({
        ...proposal,
        body: BODIES[at % BODIES.length] ?? TEXT,
        scores: [1_000_000, 0],
        votes: 300,
        ...(at % BODIES.length === EXECUTES ? { plugins: PAYLOAD } : {}),
      })),
    },
    space: 'owner.eth',
    moreSpaces: spaces,
    preferences: {
      max_proposals_per_run: 10,
      // The reverse of what each space has, so that a value which an override does not replace shows.
      voting_strategy: 'conservative',
      confidence_threshold: 1,
      approval: 'never',
      space_overrides: Object.fromEntries(spaces.map((space, at) => [space, MATRIX[at]])),
    },
    env: { DECIDER_SAMPLES: '1', DECIDER_SECOND_READING: 'never' },
  });
});
afterAll(() => stack.stop());

const RISK = { low: 0, medium: 1, high: 2 } as const;

/** What these wishes lead to, first rule first. */
function expected(
  nth: number,
  { confidence, risk_level: risk }: VoteDecision,
  wishes: Wishes,
): { kind: string; why?: string } {
  const unsure = (why: string) => ({ kind: wishes.approval === 'never' ? 'skipped' : 'held', why });
  if (nth === EXECUTES) return { kind: 'held', why: 'executable' };
  if (nth === INSTRUCTS) return unsure('injection');
  if (confidence < wishes.confidence_threshold) return unsure('below_confidence');
  if (RISK[risk] > STRATEGIES.indexOf(wishes.voting_strategy)) return unsure('risk');
  if (wishes.approval === 'always') return { kind: 'held', why: 'approval_always' };
  return { kind: 'simulated' };
}

async function outcomes(space: string, wishes: Wishes, seen: Set<string>): Promise<void> {
  const { decisions, errors } = await stack.run({ space_id: space, dry_run: true });
  expect(errors).toEqual([]);
  expect(decisions.length).toBe(BODIES.length);
  for (const decision of decisions) {
    const nth = Number.parseInt(decision.proposal_id.slice(-32), 10) - 1;
    const wanted = expected(nth, decision, wishes);
    expect(decision.outcome, `${space} ${nth}: ${JSON.stringify({ ...wishes, ...decision })}`).toEqual(wanted);
    seen.add(`${decision.outcome.kind} ${wanted.why ?? ''} ${decision.risk_level}`);
  }
}

test('of a space, by its overrides', async () => {
  const seen = new Set<string>();
  for (const [at, wishes] of MATRIX.entries()) await outcomes(`matrix-${at}.eth`, wishes, seen);
  // A matrix in which a rule never speaks would prove nothing of it.
  expect([...seen].map((each) => each.split(' ').slice(0, 2).join(' ').trim())).toEqual(
    expect.arrayContaining([
      'simulated',
      ...['executable', 'injection', 'below_confidence', 'risk', 'approval_always'].map((why) => `held ${why}`),
      ...['injection', 'below_confidence', 'risk'].map((why) => `skipped ${why}`),
    ]),
  );
  expect(new Set([...seen].map((each) => each.split(' ').at(-1)))).toEqual(new Set(['low', 'medium', 'high']));
});

test('of the owner, where a space says nothing else', async () => {
  for (const wishes of MATRIX) {
    await ask(stack, 'PATCH', '/user-preferences', wishes);
    await outcomes('owner.eth', wishes, new Set());
  }
});
