/** What the parts of a vote need, and what they are about. */
import type { Decision } from '@quorum/shared/decision';
import type { OwnerId, RunId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import type { Records, RunRecord } from '@quorum/shared/records';
import type { Transitions } from '@quorum/shared/transitions';
import type { Ballot } from '@quorum/snapshot/ballot';
import type { Hub } from '@quorum/snapshot/hub';
import type { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Sequencer } from '@quorum/snapshot/sequencer';
import type { Licence } from './signers.ts';

export type VoteSettings = {
  readonly minTimeToVoteS: number;
  readonly backdateS: number;
  readonly retryWindowS: number;
  readonly aliasValidS: number;
};

export type VoteDeps = {
  readonly hub: Hub;
  readonly sequencer: Sequencer;
  readonly records: Records;
  readonly transitions: Transitions;
  readonly preferences: Pick<PreferenceStore, 'load'>;
  readonly licences: ReadonlyMap<OwnerId, Licence>;
  readonly deciderKey: Buffer;
  readonly voterKey: Buffer;
  readonly settings: VoteSettings;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** What a run keeps to from its first vote on, whatever the operator changes meanwhile. */
export type RunTerms = Pick<VoteDeps, 'hub' | 'sequencer' | 'settings'>;

/** What a vote job needs before it knows its run. */
export type VoteJobDeps = Omit<VoteDeps, keyof RunTerms> & {
  readonly termsOf: (run: RunRecord) => Promise<RunTerms>;
};

/** Which vote this is about. */
export type VoteRef = {
  readonly runId: RunId;
  readonly owner: OwnerId;
  readonly space: SpaceId;
  readonly proposal: ProposalId;
  readonly contentHash: string;
  /** How often this job was picked up, this time included. */
  readonly tries: number;
};

/** A ballot that the policy lets be cast, and on whose licence. */
export type Casting = {
  readonly ref: VoteRef;
  readonly decision: Decision;
  readonly ballot: Ballot;
  readonly licence: Licence;
};
