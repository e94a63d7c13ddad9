/** Each law of the chaos runs can be broken: an account that breaks it alone is told apart from one that is whole. */
import type { AgentRunView } from '@quorum/shared/run';
import { NO_PROPOSALS } from '@quorum/shared/run';
import { RunId } from '@quorum/shared/ids';
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { expect, test } from 'vitest';
import { type Account, brokenLaws, lawNames, type LAWS } from './invariants.ts';

const RUN = RunId.parse('01a2b3c4-0000-7000-8000-000000000001');
const PROPOSAL = ProposalId.parse(`0x${'1'.repeat(64)}`);
const ballot = (index: number) => ({ kind: 'single' as const, choice: { index, label: `${index}` } });
const SPACE = SpaceId.parse('a.eth');
const AT = '2026-01-01T00:00:00.000Z';

type Result = NonNullable<AgentRunView['result']>;

function aResult(more: Partial<Result> = {}): Result {
  const vote: Result['decisions'][number] = {
    proposal_id: PROPOSAL,
    title: 'A bench',
    ballot: ballot(1),
    choice: 1,
    confidence: 1,
    agreement: 1,
    reasoning: '',
    key_factors: [],
    risk_level: 'low',
    stakes: 'low',
    strategy_used: 'balanced',
    models: [],
    evidence_hash: 'e'.repeat(64),
    outcome: { kind: 'cast' },
    link: 'https://snapshot.example',
  };
  return {
    run_id: RUN,
    status: 'completed',
    space_id: SPACE,
    dry_run: false,
    proposals_analyzed: 1,
    votes_cast: [vote],
    decisions: [vote],
    user_preferences_applied: true,
    filter_metrics: { ...NO_PROPOSALS, fetched: 1, selected: 1 },
    usage: { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
    errors: [],
    execution_time: 1,
    started_at: AT,
    finished_at: AT,
    next_check_time: null,
    ...more,
  };
}

const aRun = (more: Partial<AgentRunView> = {}): AgentRunView => ({
  run_id: RUN,
  status: 'completed',
  space_id: SPACE,
  dry_run: false,
  accepted_at: AT,
  started_at: AT,
  finished_at: AT,
  proposals: [{ proposal_id: PROPOSAL, title: 'A bench', step: 'done', outcome: { kind: 'cast' } }],
  result: aResult(),
  ...more,
});

const LEVELS = { clients: 30, open_files: 40, memory_mb: 150, forever: ['ledger', 'audit'] } as const;

const WHOLE: Account = {
  accepted: [{ run_id: RUN, dry_run: false }],
  runs: [aRun()],
  holds: [],
  stored: [{ id: '0xa', proposal: PROPOSAL, by: 'agent', at_ms: 10_000 }],
  standing: [{ id: '0xa', proposal: PROPOSAL, by: 'agent', ballot: ballot(1) }],
  ends: new Map([[PROPOSAL, 100]]),
  pauses: [{ from_ms: 20_000, to_ms: 30_000 }],
  audit: [],
  leftovers: [],
  exposed: [],
  levels: { before: LEVELS, now: LEVELS },
};
const [STORED] = WHOLE.stored;
const [STANDS] = WHOLE.standing;
if (STORED === undefined || STANDS === undefined) throw new Error('nothing stands');

const BREAKS: Readonly<Record<keyof typeof LAWS, Partial<Account>>> = {
  'no accepted run is lost': { accepted: [{ run_id: 'lost', dry_run: false }] },
  'every run ends': { runs: [aRun(), aRun({ status: 'running' })] },
  'every proposal of a run has one outcome': {
    runs: [aRun({ proposals: [{ proposal_id: PROPOSAL, title: '', step: 'voting', outcome: null }] })],
  },
  'one vote of ours on a proposal': { stored: [STORED, { ...STORED, id: '0xb' }] },
  'a vote that stands says what was decided': { standing: [{ ...STANDS, ballot: ballot(2) }] },
  'what is called cast was stored': { stored: [{ ...STORED, by: 'hand' }], standing: [{ ...STANDS, by: 'hand' }] },
  'a dry run casts nothing': { runs: [aRun({ dry_run: true })] },
  'the vote of an owner stands': { stored: [STORED, { ...STORED, by: 'hand', id: '0xc' }] },
  'nothing is stored after the end': { stored: [{ ...STORED, at_ms: 100_001 }] },
  'nothing is sent while voting is paused': { stored: [{ ...STORED, at_ms: 25_000 }] },
  'the audit chain is whole': { audit: ['record 3 was changed'] },
  'nothing half done is left': { leftovers: ['active:owner:a.eth'] },
  'no secret is exposed': { exposed: ['mac.key'] },
  'nothing piles up': { levels: { before: LEVELS, now: { ...LEVELS, clients: 60 } } },
};

test('an account in which all is well breaks none', () => {
  expect(brokenLaws(WHOLE)).toEqual([]);
});

test.each(lawNames())('%s: broken by what breaks it, and by nothing else', (law) => {
  const broken = brokenLaws({ ...WHOLE, ...BREAKS[law] });
  expect(new Set(broken.map((each) => each.law))).toEqual(new Set([law]));
});

test.each([{ open_files: 80 }, { memory_mb: 500 }, { forever: ['ledger', 'run-events'] }])('%o piles up', (more) => {
  const levels = { before: LEVELS, now: { ...LEVELS, ...more } };
  expect(brokenLaws({ ...WHOLE, levels }).map(({ law }) => law)).toEqual(['nothing piles up']);
});

test('a count that does not add up, and a proposal that is there twice, are told too', () => {
  const odd = aResult({ filter_metrics: { ...NO_PROPOSALS, fetched: 2, selected: 1 } });
  expect(brokenLaws({ ...WHOLE, runs: [aRun({ result: odd })] }).map(({ what }) => what)).toEqual([
    `${RUN} fetched 2 and counts 1`,
  ]);
  const { proposals } = aRun();
  const twice = aRun({ proposals: [...proposals, ...proposals] });
  expect(brokenLaws({ ...WHOLE, runs: [twice] })).toHaveLength(1);
});
