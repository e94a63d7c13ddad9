/** Runs as the fetcher leaves them for the decider, in a real Redis. */
import { NO_PROPOSALS } from '@quorum/shared/run';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Proposal } from '@quorum/snapshot/proposal';
import { newRunId, OwnerId, type RunId } from '@quorum/shared/ids';
import type { JobPayload } from '@quorum/shared/jobs';
import { preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import type { DecisionRecord, Opening, Records } from '@quorum/shared/records';
import type { Transitions } from '@quorum/shared/transitions';
import { aResponse } from '../../../packages/shared/test/samples.ts';
import { aProposal, type ProposalChanges } from './fixtures.ts';

export const OWNER = OwnerId.parse('owner');

export type Stores = { readonly records: Records; readonly transitions: Transitions };

export type TestRun = {
  readonly payload: JobPayload<'decide'>;
  readonly proposal: Proposal;
  readonly preferences: UserPreferences;
  /** The decision that is recorded now. */
  readonly decision: () => Promise<DecisionRecord | undefined>;
};

/** A running run with one selected proposal, each in a space of its own so that runs do not join. */
export function openRun(
  stores: Stores,
  changes: ProposalChanges = {},
  wishes: Record<string, unknown> = {},
): Promise<TestRun> {
  const runId = newRunId();
  return openOn(stores, runId, aProposal({ space: `${runId}.eth`, ...changes }), wishes, OWNER);
}

/** Ends a run, and opens the next one on the same proposal. */
export async function nextRun(
  stores: Stores,
  { payload, proposal }: TestRun,
  { wishes = {}, owner = OWNER, changes = {} }: { wishes?: object; owner?: OwnerId; changes?: ProposalChanges } = {},
): Promise<TestRun> {
  const response = aResponse(payload.run_id, { space_id: proposal.space });
  await stores.transitions.finish({ owner: OWNER, dryRun: false }, response, Date.now());
  return openOn(stores, newRunId(), aProposal({ ...proposal, ...changes }), wishes, owner);
}

async function openOn(
  { records, transitions }: Stores,
  runId: RunId,
  proposal: Proposal,
  wishes: object,
  owner: OwnerId,
): Promise<TestRun> {
  const preferences = UserPreferences.parse(wishes);
  const nowMs = Date.now();
  await transitions.accept({ runId, owner, space: proposal.space, dryRun: false, idempotency: null, nowMs });
  await transitions.start(runId, nowMs);
  await records.open(runId, openingOf(proposal, preferences));
  await records.putProposal(contentHash(proposal), proposal);
  const payload = { run_id: runId, proposal_id: proposal.id, content_hash: contentHash(proposal) };
  const decision = async (): Promise<DecisionRecord | undefined> =>
    (await records.run(runId))?.decisions.get(proposal.id);
  return { payload, proposal, preferences, decision };
}

function openingOf(proposal: Proposal, preferences: UserPreferences): Opening {
  const { id, title, link, end } = proposal;
  return {
    preferences,
    preferences_version: preferencesVersion(preferences),
    preferences_applied: true,
    dry_run: false,
    voter: null,
    errors: [],
    filter_metrics: { ...NO_PROPOSALS, fetched: 1, selected: 1 },
    selected: [{ proposal_id: id, content_hash: contentHash(proposal), title, link, end, voting_power: 1 }],
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
  };
}

/** What was decided. Throws where that is nothing. */
export async function decisionOf(
  run: Pick<TestRun, 'decision'>,
): Promise<Extract<DecisionRecord, { kind: 'decided' }>['sealed']['decision']> {
  const record = await run.decision();
  if (record?.kind !== 'decided') throw new Error(`No decision: ${JSON.stringify(record)}`);
  return record.sealed.decision;
}
