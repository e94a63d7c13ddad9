import type { VoteDecision } from '@quorum/shared/decision';
import { NO_PROPOSALS } from '@quorum/shared/run';
import type { Opening, RunRecord } from '@quorum/shared/records';
import { OwnerId, RunId } from '@quorum/shared/ids';
import { AgentRunResponse, AgentRunView } from '@quorum/shared/run';
import { UserPreferences } from '@quorum/shared/preferences';
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { expect, test } from 'vitest';
import { aHash, aResponse, ballotFor } from '../../../packages/shared/test/samples.ts';
import { viewOf } from './view.ts';

const runId = RunId.parse('0198a3f0-0000-7000-8000-000000000000');
const space = SpaceId.parse('quorum-demo.eth');
const [first, second, third] = ['0xa1', '0xb2', '0xc3'].map((id) => ProposalId.parse(id));

const QUEUED: RunRecord = {
  runId,
  requestId: null,
  owner: OwnerId.parse('owner'),
  space,
  dryRun: false,
  acceptedAtMs: Date.UTC(2026, 10, 22, 10),
  state: 'queued',
  startedAtMs: null,
  finishedAtMs: null,
  cancelled: false,
  settings: new Map(),
  opening: null,
  decisions: new Map(),
  spent: new Map(),
  tried: new Map(),
  outcomes: new Map(),
  later: new Map(),
  response: null,
};

const FILTER_METRICS = { ...NO_PROPOSALS, fetched: 3, selected: 3 };

function openingOf(ids: readonly (ProposalId | undefined)[], dryRun: boolean): Opening {
  const known = ids.filter((id) => id !== undefined);
  const selected = known.map((proposal_id) => ({
    proposal_id,
    content_hash: 'c'.repeat(64),
    title: `Proposal ${proposal_id}`,
    link: `https://snapshot.box/#/s:${space}/proposal/${proposal_id}`,
    end: 1_800_000_000,
    voting_power: 1,
  }));
  return {
    preferences: UserPreferences.parse({}),
    preferences_version: 'v',
    preferences_applied: true,
    dry_run: dryRun,
    voter: null,
    errors: [],
    filter_metrics: FILTER_METRICS,
    selected,
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
  };
}

/** A decision that failed to be cast. */
const aDecisionOn = (proposal_id: ProposalId): VoteDecision => ({
  proposal_id,
  title: 'Repair the breakwater',
  ballot: ballotFor(1),
  choice: 1,
  confidence: 0.9,
  agreement: 1,
  reasoning: '',
  key_factors: [],
  risk_level: 'low',
  stakes: 'low',
  strategy_used: 'balanced',
  models: ['careful'],
  evidence_hash: aHash(),
  outcome: { kind: 'failed', why: 'upstream_unavailable' },
  link: 'https://snapshot.box',
});

test('a queued run has no times and no proposals', () => {
  expect(AgentRunView.strict().parse(viewOf(QUEUED))).toEqual({
    run_id: runId,
    status: 'queued',
    space_id: space,
    dry_run: false,
    accepted_at: '2026-11-22T10:00:00.000Z',
    started_at: null,
    finished_at: null,
    proposals: [],
    result: null,
  });
});

test('a running run shows how far each proposal is', () => {
  if (second === undefined || third === undefined) throw new Error('three proposals');
  const usage = { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };
  const view = viewOf({
    ...QUEUED,
    state: 'running',
    startedAtMs: QUEUED.acceptedAtMs + 1_500,
    opening: openingOf([first, second, third], false),
    decisions: new Map([second, third].map((id) => [id, { kind: 'failed', why: 'timeout', detail: '', usage }])),
    outcomes: new Map([[third, { outcome: { kind: 'held', why: 'stakes' }, settled_at: 1 }]]),
  });
  expect(view.started_at).toBe('2026-11-22T10:00:01.500Z');
  expect(view.proposals).toEqual([
    { proposal_id: first, title: 'Proposal 0xa1', step: 'deciding', outcome: null },
    { proposal_id: second, title: 'Proposal 0xb2', step: 'voting', outcome: null },
    { proposal_id: third, title: 'Proposal 0xc3', step: 'done', outcome: { kind: 'held', why: 'stakes' } },
  ]);
});

test('what was settled after the end stands beside the outcome, in the view and in the result', () => {
  if (first === undefined || second === undefined) throw new Error('two proposals');
  const [one, other] = [aDecisionOn(first), aDecisionOn(second)];
  const response = aResponse(runId, { decisions: [one, other], votes_cast: [other] });
  const view = viewOf({
    ...QUEUED,
    state: 'completed',
    opening: openingOf([first, second], false),
    outcomes: new Map([[first, { outcome: { kind: 'failed', why: 'upstream_unavailable' }, settled_at: 1 }]]),
    later: new Map([[first, { outcome: { kind: 'cast', counted: 'as_cast' }, settled_at: 1_000, detail: 'late' }]]),
    response,
  });
  const settled_later = {
    outcome: { kind: 'cast', counted: 'as_cast' },
    detail: 'late',
    at: '1970-01-01T00:00:01.000Z',
  };
  expect(AgentRunView.parse(view)).toEqual(view);
  expect(view.proposals[0]).toMatchObject({ outcome: { kind: 'failed' }, settled_later });
  expect(view.proposals[1]).not.toHaveProperty('settled_later');
  expect(view.result).toEqual({ ...response, decisions: [{ ...one, settled_later }, other], votes_cast: [other] });
});

test('a run that was made a dry run says so', () => {
  expect(viewOf({ ...QUEUED, state: 'running', opening: openingOf([], true) }).dry_run).toBe(true);
});

test('a run that has ended has its result, and nothing in it is under way', () => {
  const response = AgentRunResponse.parse({
    run_id: runId,
    status: 'failed',
    space_id: space,
    dry_run: false,
    proposals_analyzed: 0,
    votes_cast: [],
    decisions: [],
    user_preferences_applied: true,
    filter_metrics: FILTER_METRICS,
    usage: { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
    errors: ['The hub did not answer.'],
    execution_time: 2,
    started_at: '2026-11-22T10:00:00.000Z',
    finished_at: '2026-11-22T10:00:02.000Z',
    next_check_time: null,
  });
  const finishedAtMs = QUEUED.acceptedAtMs + 2_000;
  const view = viewOf({ ...QUEUED, state: 'failed', finishedAtMs, opening: openingOf([first], false), response });
  expect(view).toMatchObject({ status: 'failed', finished_at: '2026-11-22T10:00:02.000Z', result: response });
  expect(view.proposals).toMatchObject([{ step: 'done', outcome: null }]);
});
