/** Well-formed records for tests, and the fast-check arbitraries that make any of them. */
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { type Ballot, Ballot as BallotSchema } from '@quorum/snapshot/ballot';
import { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import fc from 'fast-check';
import { pino, type Logger } from 'pino';
import { Decision, type Sample } from '../src/decision.ts';
import { newRunId, OwnerId, type RunId } from '../src/ids.ts';
import { createLogger, serializeError } from '../src/log.ts';
import { FailedWhy, HeldWhy, SkippedWhy } from '../src/outcome.ts';
import { type SpacePreferences, UserPreferences } from '../src/preferences.ts';
import { AgentRunResponse, RunStatus } from '../src/run.ts';

/** Says nothing. */
export const quiet: Logger = createLogger('test', 'silent');

/** A logger whose lines a test can read. */
export function listeningLogger(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { log: pino({ level: 'trace', serializers: { err: serializeError } }, sink), lines };
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

export const anAddress = (): Address => Address.parse(`0x${hex(20)}`);
export const aProposalId = (): ProposalId => ProposalId.parse(`0x${hex(32)}`);
export const aHash = (): string => hex(32);
export const anOwner = (): OwnerId => OwnerId.parse(`owner-${hex(4)}`);
export const aSpace = (name = 'harbour.eth'): SpaceId => SpaceId.parse(name);

export const LABELS = ['For', 'Against', 'Abstain', 'Later', 'Never'];
const options = LABELS.map((label, at) => ({ index: at + 1, label }));

/** The single-choice ballot for the choice at this position, from 1. */
export function ballotFor(index: number): Ballot {
  return BallotSchema.parse({ kind: 'single', choice: { index, label: LABELS[index - 1] } });
}

/** The weighted ballot that gives these shares to the choices in their order; 0 leaves one out. */
export function sharesOf(...shares: number[]): Ballot {
  const weights = options.flatMap((option, at) => {
    const weight = shares[at] ?? 0;
    return weight > 0 ? [{ ...option, weight }] : [];
  });
  return BallotSchema.parse({ kind: 'weights', weights });
}

type Answer = Extract<Sample, { kind: 'answer' }>;

/** An answer; what a test is about is given, the rest is filled in. */
export function anAnswer(given: Partial<Answer> = {}): Answer {
  return {
    kind: 'answer',
    model: 'stand-in',
    ballot: ballotFor(1),
    confidence: 0.9,
    risk_level: 'low',
    stakes: 'low',
    rationale: 'The breakwater must hold. The sum is small.',
    key_factors: ['the sum is small'],
    ...given,
  };
}

export function noAnswer(model = 'stand-in'): Sample {
  return { kind: 'no_answer', model, why: 'timeout' };
}

export function aDecision(given: Partial<Decision> = {}): Decision {
  return {
    run_id: newRunId(),
    proposal_id: aProposalId(),
    content_hash: aHash(),
    preferences_version: aHash(),
    strategy_used: 'balanced',
    executable: false,
    samples: [anAnswer(), anAnswer(), anAnswer({ confidence: 0.8 })],
    signals: [],
    stakes: 'low',
    inputs_hash: aHash(),
    evidence_hash: aHash(),
    public_reason: 'An AI agent voted For on behalf of its owner.',
    usage: { calls: 3, input_tokens: 3_000, output_tokens: 300, cost_usd: 0.01 },
    decided_at: 1_795_000_000_000,
    ...given,
  };
}

export function preferences(given: Partial<UserPreferences> = {}): UserPreferences {
  return { ...UserPreferences.parse({}), ...given };
}

export function aReceipt(): Receipt {
  return Receipt.parse({
    id: `0x${hex(32)}`,
    ipfs: 'bafkreib',
    relayer: { address: anAddress(), receipt: `0x${hex(65)}` },
  });
}

const NO_COUNTS = {
  fetched: 0,
  blacklisted: 0,
  not_whitelisted: 0,
  already_voted: 0,
  no_voting_power: 0,
  flagged: 0,
  decided_before: 0,
  closing_too_soon: 0,
  check_failed: 0,
  beyond_limit: 0,
  selected: 0,
  ranked: [],
};

export function filterMetrics(given: Partial<Record<keyof typeof NO_COUNTS, number>> = {}) {
  return { ...NO_COUNTS, ...given, ranked: [] };
}

export function aResponse(runId: RunId, given: Partial<AgentRunResponse> = {}): AgentRunResponse {
  return {
    run_id: runId,
    status: 'completed',
    space_id: aSpace(),
    dry_run: false,
    proposals_analyzed: 0,
    votes_cast: [],
    decisions: [],
    user_preferences_applied: true,
    filter_metrics: filterMetrics(),
    usage: { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
    errors: [],
    execution_time: 1.5,
    started_at: '2026-11-20T10:00:00.000Z',
    finished_at: '2026-11-20T10:00:01.500Z',
    next_check_time: null,
    ...given,
  };
}

// ---- arbitraries ----

const anyOptions = fc.shuffledSubarray(options, { minLength: 1 });
const anyShare = fc.double({ min: 0, max: 1, noNaN: true }).map((share) => share + 0);
const anyText = fc.string({ unit: 'grapheme', maxLength: 40 });
const anyCount = fc.nat({ max: 100_000 });
const anyHash = fc.stringMatching(/^[0-9a-f]{64}$/);
export const anyAddress: fc.Arbitrary<Address> = fc
  .stringMatching(/^0x[0-9a-f]{40}$/)
  .map((text) => Address.parse(text));

export const anySingle: fc.Arbitrary<Ballot> = fc.constantFrom(...options).map((choice) => ({ kind: 'single', choice }));
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
  return fc.record({
    kind: fc.constant('answer'),
    model: fc.constant('stand-in'),
    ballot,
    confidence: anyShare,
    risk_level: anyRisk,
    stakes: anyStakes,
    rationale: fc.constantFrom('a', 'b', 'c'),
    key_factors: fc.constant([]),
  });
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

const anyOutcome = fc.oneof(
  fc.constantFrom({ kind: 'cast' } as const, { kind: 'simulated' } as const),
  fc.record({ kind: fc.constant('held'), why: fc.constantFrom(...HeldWhy.options) }),
  fc.record({
    kind: fc.constant('held'),
    why: fc.constantFrom(...HeldWhy.options),
    answered: fc.constantFrom('approved', 'rejected', 'expired'),
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
