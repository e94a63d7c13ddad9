import { AgentRunResponse } from '@quorum/shared/run';
import { describe, expect, test } from 'vitest';
import { printRun } from './print-run.ts';
import { textWidth } from './text-width.ts';

const RECEIPT = {
  id: `0x${'ab'.repeat(32)}`,
  ipfs: 'bafkreib',
  relayer: { address: '0x000000000000000000000000000000000000dEaD', receipt: `0x${'00'.repeat(65)}` },
};

function decision(title: string, label: string, outcome: object, more: object = {}): object {
  return {
    proposal_id: '0x01',
    title,
    ballot: { kind: 'single', choice: { index: 1, label } },
    choice: 1,
    confidence: 0.874,
    agreement: 1,
    reasoning: '',
    key_factors: [],
    risk_level: 'low',
    stakes: 'low',
    strategy_used: 'balanced',
    models: ['careful'],
    evidence_hash: 'a'.repeat(64),
    outcome,
    link: 'https://example.org',
    ...more,
  };
}

function run(more: object = {}): AgentRunResponse {
  const metrics = { fetched: 8, flagged: 1, beyond_limit: 4, selected: 3, ranked: [] };
  const none = [
    'blacklisted',
    'not_whitelisted',
    'already_voted',
    'no_voting_power',
    'decided_before',
    'closing_too_soon',
  ];
  return AgentRunResponse.parse({
    run_id: '0d3d3e0a-6a8f-4b4f-9a53-0a2a1f0f8a11',
    status: 'completed',
    space_id: 'quorum-demo.eth',
    dry_run: false,
    proposals_analyzed: 3,
    votes_cast: [],
    decisions: [],
    user_preferences_applied: true,
    filter_metrics: { ...Object.fromEntries([...none, 'check_failed'].map((name) => [name, 0])), ...metrics },
    usage: { calls: 9, input_tokens: 100, output_tokens: 10, cost_usd: 0 },
    errors: [],
    execution_time: 1.26,
    started_at: '2026-01-01T00:00:00Z',
    finished_at: '2026-01-01T00:00:01Z',
    next_check_time: null,
    ...more,
  });
}

describe('the result of a run', () => {
  const cast = decision('Fund the audit', 'For', { kind: 'cast' }, { receipt: RECEIPT });

  test('tells of each proposal its ballot, confidence, outcome, and the receipt or why there is none', () => {
    const held = decision('Raise the limit', 'Against', { kind: 'held', why: 'stakes' });
    const text = printRun(run({ decisions: [cast, held], votes_cast: [cast] }), { colour: false });
    expect(text).toContain('1 vote cast in quorum-demo.eth, 3 decisions in 1.3 s');
    expect(text).toMatch(/Fund the audit +For +87 % +✓ cast +vote 0xabababab…ababab/);
    expect(text).toMatch(/Raise the limit +Against +87 % +‖ held +the stakes are high and/);
    expect(text).toContain('8 active proposals: 3 selected, 1 flagged as spam, 4 left for a later run. 9 model calls.');
  });

  test('stays within 100 columns whatever a title holds, and passes on no control character', () => {
    const nasty = '港の理事会を選ぶ\u001b[2J\u001b]0;owned\u0007'.repeat(9);
    const decisions = [decision(nasty, nasty, { kind: 'skipped', why: 'injection' })];
    const text = printRun(run({ decisions, errors: [nasty], space_id: `${'x'.repeat(200)}.eth` }), { colour: false });
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    for (const line of text.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(100);
  });

  test.each([
    [80, 80],
    [91, 91],
    [40, 80],
    [300, 100],
  ])('in a terminal of %i columns its lines take at most %i, and a receipt stays whole', (columns, most) => {
    const title = 'A two-year partnership with Meridian Freight for invoice lending';
    const decisions = [{ ...cast, title }, decision(title, title, { kind: 'held', why: 'stakes' })];
    const text = printRun(run({ decisions, errors: [title.repeat(3)] }), { colour: false, columns });
    const widths = text.split('\n').map(textWidth);
    expect(Math.max(...widths)).toBeLessThanOrEqual(most);
    expect(Math.max(...widths)).toBeGreaterThan(most - 4);
    expect(text).toContain('vote 0xabababab…ababab');
    expect(text).toMatch(/lending( |$)/m);
  });

  test('colours the outcome only when asked to', () => {
    const response = run({ decisions: [cast] });
    expect(printRun(response, { colour: true })).toContain('\u001b[32m✓ cast');
    expect(printRun(response, { colour: false })).not.toContain('\u001b');
  });

  test('says what went wrong, and that a run failed', () => {
    const text = printRun(run({ status: 'failed', errors: ['the hub did not answer'] }), { colour: false });
    expect(text).toContain('The run in quorum-demo.eth failed after 1.3 s');
    expect(text).toContain('! the hub did not answer');
  });

  test('a dry run says that nothing was cast', () => {
    expect(printRun(run({ dry_run: true }), { colour: false })).toContain('A dry run: 3 decisions');
  });
});
