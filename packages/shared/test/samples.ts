/** Well-formed records for tests. What a test is about it gives; the rest is filled in. */
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { type Ballot, Ballot as BallotSchema } from '@quorum/snapshot/ballot';
import { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import fc from 'fast-check';
import { pino, type Logger } from 'pino';
import type { Decision, Sample, VoteDecision } from '../src/decision.ts';
import { newRunId, OwnerId, type RunId } from '../src/ids.ts';
import { createLogger, serializeError } from '../src/log.ts';
import { UserPreferences } from '../src/preferences.ts';
import type { Opening } from '../src/records.ts';
import { NO_PROPOSALS, type AgentRunResponse, type FilterMetrics } from '../src/run.ts';

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
export const anyAddress: fc.Arbitrary<Address> = fc
  .stringMatching(/^0x[0-9a-f]{40}$/)
  .map((text) => Address.parse(text));
export const aProposalId = (): ProposalId => ProposalId.parse(`0x${hex(32)}`);
export const aHash = (): string => hex(32);
export const anOwner = (): OwnerId => OwnerId.parse(`owner-${hex(4)}`);
export const aSpace = (name = 'harbour.eth'): SpaceId => SpaceId.parse(name);

export const LABELS = ['For', 'Against', 'Abstain', 'Later', 'Never'];
/** The options of the choices that the ballots of these tests are about. */
export const options = LABELS.map((label, at) => ({ index: at + 1, label }));

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

export type Answer = Extract<Sample, { kind: 'answer' }>;

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
    owner: anOwner(),
    space_id: aSpace(),
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

/** A decision as the API shows it, of a vote that was cast. */
export function aVoteDecision(given: Partial<VoteDecision> = {}): VoteDecision {
  return {
    proposal_id: aProposalId(),
    title: 'Repair the breakwater',
    ballot: ballotFor(1),
    choice: 1,
    confidence: 0.9,
    agreement: 1,
    reasoning: 'The breakwater must hold.',
    key_factors: [],
    risk_level: 'low',
    stakes: 'low',
    strategy_used: 'balanced',
    models: ['stand-in'],
    evidence_hash: aHash(),
    outcome: { kind: 'cast' },
    link: 'https://snapshot.box/#/s:harbour.eth/proposal/0x1',
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

export function filterMetrics(given: Partial<Record<Exclude<keyof FilterMetrics, 'ranked'>, number>> = {}) {
  return { ...NO_PROPOSALS, ...given };
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

/** What a run was opened with that took up these proposals, all of the same title. */
export function openingOf(
  proposals: readonly ProposalId[],
  { title = 'Repair the breakwater', ...given }: Partial<Opening> & { readonly title?: string } = {},
): Opening {
  return {
    preferences: preferences(),
    preferences_version: aHash(),
    preferences_applied: true,
    dry_run: false,
    voter: anAddress(),
    errors: [],
    filter_metrics: filterMetrics({ fetched: proposals.length, selected: proposals.length }),
    selected: proposals.map((proposal_id) => ({
      proposal_id,
      content_hash: aHash(),
      title,
      link: `https://snapshot.box/#/s:harbour.eth/proposal/${proposal_id}`,
      end: 1_795_600_000,
      voting_power: null,
    })),
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
    ...given,
  };
}
