/** The fast-check arbitraries of the models: any ballot, samples, preferences and response that can be. */
import type { Ballot } from '@quorum/snapshot/ballot';
import { ProposalId } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import fc from 'fast-check';
import type { Sample } from '../src/decision.ts';
import { newRunId } from '../src/ids.ts';
import { FailedWhy, HeldWhy, SkippedWhy } from '../src/outcome.ts';
import { type SpacePreferences, UserPreferences } from '../src/preferences.ts';
import { type AgentRunResponse, RunStatus } from '../src/run.ts';
import { type Answer, anyAddress, aSpace, noAnswer, options } from './samples.ts';

const anyOptions = fc.shuffledSubarray(options, { minLength: 1 });
const anyShare = fc.double({ min: 0, max: 1, noNaN: true }).map((share) => share + 0);
const anyText = fc.string({ unit: 'grapheme', maxLength: 40 });
const anyCount = fc.nat({ max: 100_000 });
const anyHash = fc.stringMatching(/^[0-9a-f]{64}$/);

const anySingle: fc.Arbitrary<Ballot> = fc.constantFrom(...options).map((choice) => ({ kind: 'single', choice }));
const anyApproval: fc.Arbitrary<Ballot> = anyOptions.map((choices) => ({ kind: 'approval', choices }));
const anyRanking: fc.Arbitrary<Ballot> = fc
  .shuffledSubarray(options, { minLength: options.length })
  .map((ranking) => ({ kind: 'ranking', ranking }));
const anyWeights: fc.Arbitrary<Ballot> = fc
  .tuple(anyOptions, fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 5, maxLength: 5 }))
  .map(([some, weights]) => ({
    kind: 'weights',
    weights: some.map((option, at) => ({ ...option, weight: weights[at] ?? 1 })),
  }));

/** Ballots of one kind each: what the samples of one proposal are. */
export const anyKindOfBallot: fc.Arbitrary<fc.Arbitrary<Ballot>> = fc.constantFrom(
  anySingle,
  anyApproval,
  anyRanking,
  anyWeights,
);
export const anyBallot: fc.Arbitrary<Ballot> = fc.oneof(anySingle, anyApproval, anyRanking, anyWeights);

const anyRisk = fc.constantFrom('low', 'medium', 'high');
const anyStakes = fc.constantFrom('low', 'high');

function anyAnswer(ballot: fc.Arbitrary<Ballot>): fc.Arbitrary<Answer> {
  const answer = fc.record({
    kind: fc.constant<'answer'>('answer'),
    model: fc.constant<string>('stand-in'),
    ballot,
    confidence: anyShare,
    risk_level: anyRisk,
    stakes: anyStakes,
    rationale: fc.constantFrom('a', 'b', 'c'),
    key_factors: fc.constant<string[]>([]),
  });
  // A ground that says of which risk it is one.
  return answer.map((said) => ({ ...said, risk_ground: `${said.risk_level}, for ${said.rationale}` }));
}

/** The samples of one decision by one model: ballots of one kind, some of them missing. */
export function anySamples(kind: fc.Arbitrary<fc.Arbitrary<Ballot>> = anyKindOfBallot): fc.Arbitrary<Sample[]> {
  return kind.chain((ballot) =>
    fc.array(fc.oneof({ weight: 6, arbitrary: anyAnswer(ballot) }, { weight: 1, arbitrary: fc.constant(noAnswer()) }), {
      minLength: 1,
      maxLength: 9,
    }),
  );
}

export const anySpacePreferences: fc.Arbitrary<SpacePreferences> = fc.record(
  {
    voting_strategy: fc.constantFrom('conservative', 'balanced', 'aggressive'),
    confidence_threshold: anyShare,
    max_proposals_per_run: fc.integer({ min: 1, max: 10 }),
    blacklisted_proposers: fc.array(anyAddress, { maxLength: 3 }),
    whitelisted_proposers: fc.array(anyAddress, { maxLength: 3 }),
    instructions: anyText,
    approval: fc.constantFrom('never', 'when_unsure', 'always'),
    publish_reason: fc.constantFrom('template', 'full', 'none'),
    revise_votes: fc.boolean(),
  },
  { requiredKeys: requiredPreferences() },
);

function requiredPreferences() {
  return [
    'voting_strategy',
    'confidence_threshold',
    'max_proposals_per_run',
    'blacklisted_proposers',
    'whitelisted_proposers',
    'approval',
    'publish_reason',
    'revise_votes',
  ] satisfies (keyof SpacePreferences)[];
}

/** Any preferences of an owner, with what differs in some spaces. */
export const anyPreferences: fc.Arbitrary<UserPreferences> = fc
  .tuple(
    anySpacePreferences,
    fc.dictionary(
      fc.constantFrom('harbour.eth', 'ünion.eth', '🦄.eth', 'constructor', 'a.b.c.eth'),
      fc.record(
        {
          voting_strategy: fc.constantFrom('conservative', 'balanced', 'aggressive'),
          confidence_threshold: anyShare,
          instructions: anyText,
          approval: fc.constantFrom('never', 'when_unsure', 'always'),
          publish_reason: fc.constantFrom('template', 'full', 'none'),
          revise_votes: fc.boolean(),
        },
        { requiredKeys: [] },
      ),
      { noNullPrototype: true },
    ),
  )
  .map(([general, space_overrides]) => UserPreferences.parse({ ...general, space_overrides }));

const anyOutcome = fc.oneof(
  fc.constantFrom({ kind: 'cast' } as const, { kind: 'simulated' } as const),
  fc.record({ kind: fc.constant('held'), why: fc.constantFrom(...HeldWhy.options) }),
  fc.record({
    kind: fc.constant('held'),
    why: fc.constantFrom(...HeldWhy.options),
    answered: fc.record({
      kind: fc.constantFrom('approved', 'rejected', 'expired', 'resumed', 'superseded'),
      outcome: fc.constantFrom({ kind: 'cast' } as const, { kind: 'skipped', why: 'closed' } as const, null),
    }),
  }),
  fc.record({ kind: fc.constant('skipped'), why: fc.constantFrom(...SkippedWhy.options) }),
  fc.record({ kind: fc.constant('failed'), why: fc.constantFrom(...FailedWhy.options) }),
);

const anyId = anyHash.map((digits) => ProposalId.parse(`0x${digits}`));
const anyReceipt = fc
  .tuple(anyHash, anyAddress)
  .map(([digits, address]) =>
    Receipt.parse({ id: `0x${digits}`, ipfs: 'bafkreib', relayer: { address, receipt: '0xab' } }),
  );

const anyVoteDecision = fc.record(
  {
    proposal_id: anyId,
    title: anyText,
    ballot: fc.option(anyBallot),
    choice: fc.oneof(
      fc.constant(null),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.integer({ min: 1, max: 9 })),
      fc.dictionary(fc.stringMatching(/^[1-9]$/), fc.integer({ min: 1 }), { noNullPrototype: true }),
    ),
    confidence: anyShare,
    agreement: anyShare,
    reasoning: anyText,
    key_factors: fc.array(anyText, { maxLength: 3 }),
    risk_level: anyRisk,
    stakes: anyStakes,
    strategy_used: fc.constantFrom('conservative', 'balanced', 'aggressive'),
    models: fc.array(anyText, { maxLength: 2 }),
    evidence_hash: anyHash,
    outcome: anyOutcome,
    receipt: anyReceipt,
    link: anyText,
  },
  {
    requiredKeys: [
      'proposal_id',
      'title',
      'ballot',
      'choice',
      'confidence',
      'agreement',
      'reasoning',
      'key_factors',
      'risk_level',
      'stakes',
      'strategy_used',
      'models',
      'evidence_hash',
      'outcome',
      'link',
    ],
  },
);

const anyRanked = fc.record({
  proposal_id: anyId,
  score: anyShare,
  urgency: anyShare,
  weight: anyShare,
  contest: anyShare,
});
const anyTime = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** Any response of a run, as the fetcher may write it. */
export const anyResponse: fc.Arbitrary<AgentRunResponse> = fc.record({
  run_id: fc.constant(null).map(() => newRunId()),
  status: fc.constantFrom(...RunStatus.options),
  space_id: fc.constantFrom(aSpace(), aSpace('🦄.eth'), aSpace('ünion.eth')),
  dry_run: fc.boolean(),
  proposals_analyzed: anyCount,
  votes_cast: fc.array(anyVoteDecision, { maxLength: 2 }),
  decisions: fc.array(anyVoteDecision, { maxLength: 3 }),
  user_preferences_applied: fc.boolean(),
  filter_metrics: fc.record({
    fetched: anyCount,
    blacklisted: anyCount,
    not_whitelisted: anyCount,
    already_voted: anyCount,
    no_voting_power: anyCount,
    flagged: anyCount,
    decided_before: anyCount,
    closing_too_soon: anyCount,
    check_failed: anyCount,
    beyond_limit: anyCount,
    selected: anyCount,
    ranked: fc.array(anyRanked, { maxLength: 3 }),
  }),
  usage: fc.record({
    calls: anyCount,
    input_tokens: anyCount,
    output_tokens: anyCount,
    cost_usd: fc.option(fc.double({ min: 0, max: 1_000, noNaN: true }).map((cost) => cost + 0)),
  }),
  errors: fc.array(anyText, { maxLength: 2 }),
  execution_time: fc.double({ min: 0, max: 10_000, noNaN: true }),
  started_at: fc.option(anyTime),
  finished_at: anyTime,
  next_check_time: fc.option(anyTime),
});
