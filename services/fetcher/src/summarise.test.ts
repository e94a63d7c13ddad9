import type { Usage } from '@quorum/shared/decision';
import { newRunId } from '@quorum/shared/ids';
import type { DecisionRecord, OutcomeRecord } from '@quorum/shared/records';
import { AgentRunResponse } from '@quorum/shared/run';
import type { Proposal, ProposalId } from '@quorum/snapshot/proposal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aDecision, aHash, anAnswer, aReceipt, ballotFor, LABELS } from '../../../packages/shared/test/samples.ts';
import { anOpening, aProposal, aRun, NOW_MS } from '../test/samples.ts';
import { summarise, unopened } from './summarise.ts';

const usage = (calls: number, cost: number | null = calls / 100): Usage => ({
  calls,
  input_tokens: calls * 1_000,
  output_tokens: calls * 100,
  cost_usd: cost,
});

function decided(proposal: Proposal, given: Parameters<typeof aDecision>[0] = {}): DecisionRecord {
  return { kind: 'decided', sealed: { decision: aDecision({ proposal_id: proposal.id, ...given }), mac: aHash() } };
}

const settled = (outcome: OutcomeRecord['outcome'], given: Partial<OutcomeRecord> = {}): OutcomeRecord => ({
  outcome,
  settled_at: NOW_MS,
  ...given,
});

type Entry = {
  proposal: Proposal;
  spent?: Usage;
  decision?: DecisionRecord;
  outcome?: OutcomeRecord;
  text?: Proposal | null;
};

function response(entries: readonly Entry[], errors: string[] = []): AgentRunResponse {
  const runId = newRunId();
  const decisions = new Map(
    entries.flatMap(({ proposal, decision }): [ProposalId, DecisionRecord][] =>
      decision === undefined ? [] : [[proposal.id, decision]],
    ),
  );
  const outcomes = new Map(
    entries.flatMap(({ proposal, outcome }): [ProposalId, OutcomeRecord][] =>
      outcome === undefined ? [] : [[proposal.id, outcome]],
    ),
  );
  const spent = new Map(
    entries.flatMap(({ proposal, spent: charged }): [ProposalId, Usage][] =>
      charged === undefined ? [] : [[proposal.id, charged]],
    ),
  );
  const texts = new Map(entries.map(({ proposal, text = proposal }) => [proposal.id, text]));
  const opening = anOpening(
    entries.map(({ proposal }) => proposal),
    { errors },
  );
  return summarise(aRun(runId, { decisions, spent }), opening, outcomes, texts, {
    status: 'completed',
    nextMs: null,
    nowMs: NOW_MS,
  });
}

const anyOutcome: fc.Arbitrary<OutcomeRecord> = fc
  .constantFrom<OutcomeRecord['outcome']>(
    { kind: 'cast' },
    { kind: 'simulated' },
    { kind: 'held', why: 'risk' },
    { kind: 'skipped', why: 'already_voted' },
    { kind: 'failed', why: 'internal' },
    { kind: 'failed', why: 'vote_rejected' },
  )
  .chain((outcome) => fc.constantFrom({}, { detail: 'more of it' }).map((given) => settled(outcome, given)));

const anyEntry: fc.Arbitrary<Entry> = fc
  .record({ made: fc.constantFrom('decided', 'failed', 'nothing'), calls: fc.nat({ max: 9 }), outcome: anyOutcome })
  .map(({ made, calls, outcome }) => {
    const proposal = aProposal({ choices: LABELS });
    if (made === 'nothing') return { proposal, outcome };
    const failed: DecisionRecord = { kind: 'failed', why: 'model_output', detail: '', usage: usage(calls) };
    return { proposal, outcome, decision: made === 'failed' ? failed : decided(proposal, { usage: usage(calls) }) };
  });

describe('the response of a run', () => {
  it('says of every proposal where it ended, and casts nothing in words', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 6 }), (entries) => {
        const told = response(entries, ['said at the opening']);
        expect(AgentRunResponse.parse(told)).toEqual(told);
        const made = entries.filter(({ decision }) => decision?.kind === 'decided');
        expect(told.decisions.map((one) => one.proposal_id)).toEqual(made.map(({ proposal }) => proposal.id));
        expect(told.decisions.map((one) => one.outcome)).toEqual(made.map(({ outcome }) => outcome?.outcome));
        expect(told.proposals_analyzed).toBe(made.length);
        expect(told.votes_cast).toEqual(told.decisions.filter((one) => one.outcome.kind === 'cast'));
        const failed = entries.filter(({ outcome }) => outcome?.outcome.kind === 'failed');
        expect(told.errors).toHaveLength(1 + failed.length);
        const calls = entries.reduce((sum, { decision }) => sum + usageCalls(decision), 0);
        expect(told.usage).toMatchObject({ calls, input_tokens: calls * 1_000, output_tokens: calls * 100 });
        expect(told.usage.cost_usd).toBeCloseTo(calls / 100, 10);
      }),
    );
  });

  it('shows a decision with its ballot, its encoding and what speaks for it', () => {
    const proposal = aProposal({ choices: LABELS, title: 'Dredge the basin' });
    const receipt = aReceipt();
    const samples = [
      anAnswer({ ballot: ballotFor(2), confidence: 0.9 }),
      anAnswer({ ballot: ballotFor(2), confidence: 0.8 }),
      anAnswer({ ballot: ballotFor(2), confidence: 0.7, model: 'second', stand_in: 'spare' }),
    ];
    const decision = decided(proposal, { samples, strategy_used: 'conservative' });
    const [shown] = response([{ proposal, decision, outcome: settled({ kind: 'cast' }, { receipt }) }]).decisions;
    expect(shown).toMatchObject({
      title: 'Dredge the basin',
      ballot: ballotFor(2),
      choice: 2,
      agreement: 1,
      confidence: 0.8,
      models: ['stand-in', 'spare'],
      strategy_used: 'conservative',
      outcome: { kind: 'cast' },
      receipt,
      link: proposal.link,
    });
  });

  it('shows no ballot where the answers agreed on none', () => {
    const proposal = aProposal({ choices: LABELS });
    const samples = [1, 2, 3].map((index) => anAnswer({ ballot: ballotFor(index) }));
    const outcome = settled({ kind: 'skipped', why: 'disagreement' });
    const [shown] = response([{ proposal, decision: decided(proposal, { samples }), outcome }]).decisions;
    expect(shown).toMatchObject({ ballot: null, choice: null });
  });

  it('shows no encoding where the text is gone, or where the ballot does not fit it', () => {
    const proposal = aProposal({ choices: ['Yes', 'No'] });
    const outcome = settled({ kind: 'failed', why: 'internal' });
    const decision = decided(proposal);
    for (const text of [null, proposal]) {
      const told = response([{ proposal, decision, outcome, text }]);
      expect(told.decisions).toMatchObject([{ ballot: ballotFor(1), choice: null, outcome: { kind: 'failed' } }]);
    }
  });

  it('says in words what was not decided for want of a budget: it stands in no decision', () => {
    const proposal = aProposal({ title: 'Dredge the basin' });
    const detail = 'the cap of the run is $5.00 (BUDGET_USD_PER_RUN)';
    const record: DecisionRecord = { kind: 'skipped', why: 'budget', detail, usage: usage(0) };
    const outcome = settled({ kind: 'skipped', why: 'budget' }, { detail });
    const told = response([{ proposal, decision: record, outcome }]);
    expect(told.errors).toEqual([`No vote on "Dredge the basin": there is no budget to decide it (${detail}).`]);
    expect(told).toMatchObject({ proposals_analyzed: 0, decisions: [], usage: usage(0) });
  });

  it('says in words what failed, by title and on one line', () => {
    const proposal = aProposal({ title: 'Repair\u001b[31m the \r\nquay\u202e ' });
    const outcome = settled({ kind: 'failed', why: 'vote_rejected' }, { detail: 'no voting\u0007 power' });
    expect(response([{ proposal, outcome }]).errors).toEqual([
      'No vote on "Repair [31m the quay": Snapshot refused the vote (no voting power).',
    ]);
  });

  it('knows the cost only where it knows that of every part', () => {
    const [one, other] = [aProposal({ choices: LABELS }), aProposal({ choices: LABELS })];
    const outcome = settled({ kind: 'simulated' });
    const told = response([
      { proposal: one, outcome, decision: decided(one, { usage: usage(3) }) },
      { proposal: other, outcome, decision: decided(other, { usage: usage(3, null) }) },
    ]);
    expect(told.usage).toMatchObject({ calls: 6, cost_usd: null });
  });

  it('is as it was charged: with what a decision does not tell of, and what came to none', () => {
    const [one, other, third] = [aProposal(), aProposal(), aProposal()];
    const outcome = settled({ kind: 'failed', why: 'internal' });
    const told = response([
      { proposal: one, outcome, decision: decided(one, { usage: usage(3) }), spent: usage(5) },
      { proposal: other, outcome, decision: decided(other, { usage: usage(3) }) },
      { proposal: third, outcome, spent: usage(2) },
    ]);
    expect(told.usage).toMatchObject({ calls: 10, input_tokens: 10_000 });
  });

  it('counts the time from the start, and none where it never started', () => {
    const at = (startedAtMs: number | null): AgentRunResponse => {
      const run = aRun(newRunId(), { startedAtMs });
      return summarise(run, unopened(run), new Map(), new Map(), { status: 'failed', nextMs: null, nowMs: NOW_MS });
    };
    expect(at(NOW_MS - 1_500)).toMatchObject({ execution_time: 1.5, finished_at: new Date(NOW_MS).toISOString() });
    expect(at(null)).toMatchObject({ execution_time: 0, started_at: null });
    // A clock that was set back in between makes no negative time.
    expect(at(NOW_MS + 60_000).execution_time).toBe(0);
  });

  it('of a run that never opened has zero counts', () => {
    const run = aRun(newRunId(), { dryRun: true });
    const told = summarise(run, unopened(run), new Map(), new Map(), { status: 'failed', nextMs: null, nowMs: NOW_MS });
    expect(AgentRunResponse.parse(told)).toEqual(told);
    expect(told).toMatchObject({ dry_run: true, user_preferences_applied: false, votes_cast: [], decisions: [] });
    const { ranked, ...counts } = told.filter_metrics;
    expect([...Object.values(counts), ...ranked].every((count) => count === 0)).toBe(true);
  });
});

function usageCalls(decision: DecisionRecord | undefined): number {
  if (decision === undefined) return 0;
  return decision.kind === 'decided' ? decision.sealed.decision.usage.calls : decision.usage.calls;
}
