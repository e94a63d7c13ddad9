/** Proposals, worlds and records for the fetcher's tests, and the arbitraries that make any of them. */
import type { World } from '@quorum/sandbox/world';
import type { RunId } from '@quorum/shared/ids';
import type { Opening, RunRecord, Selected } from '@quorum/shared/records';
import { contentHash } from '@quorum/snapshot/content-hash';
import { type Proposal, type SpaceId } from '@quorum/snapshot/proposal';
import fc from 'fast-check';
import {
  aHash,
  anOwner,
  aProposalId,
  aSpace,
  filterMetrics,
  preferences,
} from '../../../packages/shared/test/samples.ts';
import { aProposal as aFixedProposal } from '../../../packages/snapshot/test/samples.ts';

export const NOW_MS = Date.UTC(2026, 10, 20, 12);
export const NOW_S = NOW_MS / 1_000;
export const HOUR_S = 60 * 60;
export const DAY_S = 24 * HOUR_S;

/** A proposal with an id of its own that is open for another day. */
export function aProposal(given: Record<string, unknown> = {}): Proposal {
  return aFixedProposal({ id: aProposalId(), start: NOW_S - DAY_S, end: NOW_S + DAY_S, ...given });
}

const anyScore = fc.oneof(
  fc.constantFrom(0, 1, 50, 100),
  fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }),
  // The hub gives what a strategy made; nothing keeps it from being negative.
  fc.double({ min: -1e6, max: 0, noNaN: true }),
);

/** Proposals with numbers of every size; their ends lie near each other now and then, so that there are ties. */
export const anyProposal: fc.Arbitrary<Proposal> = fc
  .record({
    id: fc.stringMatching(/^0x[0-9a-f]{8}$/),
    left: fc.oneof(fc.constantFrom(-60, 0, 119, 120, HOUR_S, DAY_S), fc.integer({ min: -1_000, max: 2_000_000_000 })),
    quorum: fc.oneof(fc.constantFrom(0, 100), fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true })),
    quorum_type: fc.constantFrom('default', 'rejection'),
    scores: fc.array(anyScore, { maxLength: 4 }),
    scores_total: fc.oneof(fc.constantFrom(0, 50, 100), fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true })),
    flagged: fc.boolean(),
    author: fc.constantFrom(...authors()),
  })
  .map(({ left, ...rest }) => aProposal({ ...rest, end: NOW_S + left }));

/** Four proposers, as the hub spells them. */
export function authors(): string[] {
  return ['1', '2', '3', '4'].map((digit) => `0x${digit.repeat(40)}`);
}

/** Proposals whose ids differ. */
export const anyProposals = fc.uniqueArray(anyProposal, { selector: ({ id }) => id, maxLength: 12 });

function selectedOf(proposal: Proposal): Selected {
  const { id, title, link, end } = proposal;
  return { proposal_id: id, content_hash: contentHash(proposal), title, link, end, voting_power: 10 };
}

export function anOpening(proposals: readonly Proposal[], given: Partial<Opening> = {}): Opening {
  const selected = proposals.map(selectedOf);
  return {
    preferences: preferences(),
    preferences_version: aHash(),
    preferences_applied: true,
    dry_run: false,
    voter: null,
    errors: [],
    filter_metrics: filterMetrics({ fetched: selected.length, selected: selected.length }),
    selected,
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
    ...given,
  };
}

export function aRun(runId: RunId, given: Partial<RunRecord> = {}): RunRecord {
  return {
    runId,
    requestId: null,
    owner: anOwner(),
    space: aSpace(),
    dryRun: false,
    acceptedAtMs: NOW_MS - 2_000,
    state: 'running',
    startedAtMs: NOW_MS - 1_500,
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
    ...given,
  };
}

export type WorldProposal = NonNullable<World['proposals']>[number];

/** A proposal of the sandbox's world, open for another day by this clock. */
export function inWorld(space: SpaceId, given: Partial<WorldProposal> & { nowS?: number } = {}): WorldProposal {
  const { nowS = NOW_S, ...rest } = given;
  return {
    id: aProposalId(),
    space,
    title: 'Repair the breakwater',
    body: 'The northern breakwater has settled by a metre.',
    choices: ['For', 'Against', 'Abstain'],
    start: nowS - DAY_S,
    end: nowS + DAY_S,
    ...rest,
  };
}
