/** What an owner is told of proposals that a run leaves without a vote. */
import { fc, test as property } from '@fast-check/vitest';
import { FailedWhy, HeldWhy, Outcome, SkippedWhy } from '@quorum/shared/outcome';
import { newRunId } from '@quorum/shared/ids';
import { describe, expect, it } from 'vitest';
import { anAddress, anOwner, aSpace } from '../../../packages/shared/test/samples.ts';
import { anOpening, aProposal, HOUR_S, NOW_MS } from '../test/samples.ts';
import { missedNotices } from './missed.ts';

const NOW_S = NOW_MS / 1_000;
const LEAD_S = HOUR_S;
const run = { runId: newRunId(), owner: anOwner(), space: aSpace(), dryRun: false };

/** The events that are told of a proposal which ends in so many seconds, with when. */
function told(outcome: Outcome | undefined, leftS: number, given: { dryRun?: boolean; voter?: null } = {}) {
  const proposal = aProposal({ end: NOW_S + leftS });
  const opening = anOpening([proposal], { voter: given.voter === null ? null : anAddress() });
  const outcomes = new Map(outcome === undefined ? [] : [[proposal.id, { outcome }] as const]);
  const asked = { ...run, dryRun: given.dryRun ?? false };
  return missedNotices(asked, opening, outcomes, { leadS: LEAD_S, nowMs: NOW_MS }).map(({ payload, delayMs }) => {
    expect(payload).toMatchObject({ owner: run.owner, space_id: run.space, proposal_id: proposal.id });
    return [payload.event, delayMs / 1_000];
  });
}
const failed = Outcome.parse({ kind: 'failed', why: 'upstream_unavailable' });

describe('a vote that failed', () => {
  it('close to the end is told at once, and the deadline once it has passed', () => {
    expect(told(failed, LEAD_S)).toEqual([
      ['vote_failed', 0],
      ['deadline_missed', LEAD_S + 120],
    ]);
  });

  it('long before is tried again first', () => {
    expect(told(failed, LEAD_S + 1)).toEqual([['deadline_missed', LEAD_S + 121]]);
  });

  it('after the end is a missed deadline', () => {
    expect(told(failed, -3_600)).toEqual([['deadline_missed', 0]]);
  });

  it('in a run that found no outcome is one all the same', () => {
    expect(told(undefined, 60)).toEqual([
      ['vote_failed', 0],
      ['deadline_missed', 180],
    ]);
  });
});

it.each([
  ['cast', { kind: 'cast' }],
  ['held', { kind: 'held', why: 'below_confidence' }],
  ['held while voting is paused: told as a hold', { kind: 'held', why: 'voting_paused' }],
  ['skipped by policy', { kind: 'skipped', why: 'risk' }],
  ['voted on by the owner', { kind: 'skipped', why: 'already_voted' }],
  ['cancelled by the owner', { kind: 'skipped', why: 'cancelled' }],
])('nothing is told of what is %s', (_what, outcome) => {
  expect(told(Outcome.parse(outcome), 60)).toEqual([]);
});

it.each(['proposal_changed', 'preferences', 'vote_cap'])(
  'what was skipped for %s is a deadline that may be missed',
  (why) => {
    expect(told(Outcome.parse({ kind: 'skipped', why }), 60)).toEqual([['deadline_missed', 180]]);
  },
);

it('what came too late for our vote is told at once: there may be time for one by hand', () => {
  const closed = Outcome.parse({ kind: 'skipped', why: 'closed' });
  expect(told(closed, 110)).toEqual([
    ['vote_failed', 0],
    ['deadline_missed', 230],
  ]);
  expect(told(closed, 0)).toEqual([['deadline_missed', 120]]);
});

it('preferences that cannot be used keep a run from voting: that is told', () => {
  expect(told({ kind: 'simulated' }, 7_200)).toEqual([['deadline_missed', 7_320]]);
});

it('a dry run, and an owner without a signer, miss nothing', () => {
  expect(told(failed, 60, { dryRun: true })).toEqual([]);
  expect(told({ kind: 'simulated' }, 60, { dryRun: true })).toEqual([]);
  expect(told({ kind: 'simulated' }, 60, { voter: null })).toEqual([]);
});

const anyOutcome: fc.Arbitrary<Outcome> = fc
  .oneof(
    fc.constantFrom('cast', 'simulated').map((kind) => ({ kind })),
    fc.constantFrom(...FailedWhy.options).map((why) => ({ kind: 'failed', why })),
    fc.constantFrom(...HeldWhy.options).map((why) => ({ kind: 'held', why })),
    fc.constantFrom(...SkippedWhy.options).map((why) => ({ kind: 'skipped', why })),
  )
  .map((outcome) => Outcome.parse(outcome));

property.prop([anyOutcome, fc.integer({ min: -100_000, max: 1_000_000 })])(
  'every failed vote has its deadline watched, never before the close, and no cast or held one is told of',
  (outcome, leftS) => {
    const deadlines = told(outcome, leftS).filter(([event]) => event === 'deadline_missed');
    if (outcome.kind === 'failed') expect(deadlines).toHaveLength(1);
    if (outcome.kind === 'cast' || outcome.kind === 'held') expect(told(outcome, leftS)).toEqual([]);
    for (const [, delayS] of deadlines) expect(Number(delayS)).toBeGreaterThanOrEqual(Math.max(0, leftS));
  },
);
