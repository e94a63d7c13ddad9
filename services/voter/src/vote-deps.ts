/** What the parts of a vote need, and what they are about. */
import type { Appointments } from '@quorum/shared/appointments';
import type { AuditChain } from '@quorum/shared/audit-chain';
import type { Decision } from '@quorum/shared/decision';
import type { Hold, HoldSubject } from '@quorum/shared/hold';
import type { JobPayload } from '@quorum/shared/jobs';
import type { HoldId, OwnerId, RunId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { HOLD_NOTICES, Notice } from '@quorum/shared/notices';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import type { Records, RunForVote } from '@quorum/shared/records';
import type { VoteClock } from '@quorum/shared/run-times';
import type { SendAllowance } from '@quorum/shared/send-allowance';
import type { Transitions } from '@quorum/shared/transitions';
import type { Ballot } from '@quorum/snapshot/ballot';
import type { Hub } from '@quorum/snapshot/hub';
import type { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Sequencer } from '@quorum/snapshot/sequencer';
import type { Sealing } from './secret-choice.ts';
import type { Licence } from './signers.ts';

export type VoteSettings = {
  readonly minTimeToVoteS: number;
  readonly backdateS: number;
  readonly retryWindowS: number;
  readonly aliasValidS: number;
};

/** What is looked at again, and what is told, on the queues. */
export type Sweeps = {
  /** Has a vote looked at again in so many milliseconds. */
  readonly add: (payload: JobPayload<'sweep'>, delayMs: number) => Promise<void>;
  readonly tell: (notice: JobPayload<'notify'>) => Promise<void>;
};

/** What holds wait for, on the queues. Everything here may be done twice. */
export type HoldJobs = {
  /** Has it end at its deadline, and its owner told. */
  readonly keep: (hold: Hold) => Promise<void>;
  /** Has its owner told this, now. */
  readonly tell: (subject: HoldSubject, event: (typeof HOLD_NOTICES)[number]) => Promise<void>;
};

export type VoteDeps = {
  readonly hub: Hub;
  readonly sequencer: Sequencer;
  /** What the sequencer takes a minute, of all voter processes together. */
  readonly allowance: SendAllowance;
  readonly records: Records;
  readonly transitions: Transitions;
  readonly auditChain: AuditChain;
  readonly appointments: Pick<Appointments, 'at' | 'make' | 'bringForward'>;
  readonly preferences: Pick<PreferenceStore, 'load'>;
  readonly licences: ReadonlyMap<OwnerId, Licence>;
  readonly deciderKey: Buffer;
  readonly voterKey: Buffer;
  readonly sealing: Sealing;
  readonly sweeps: Sweeps;
  /** Keys that came before it: what they sealed is ours too. */
  readonly oldVoterKeys: readonly Buffer[];
  /** By which answers to holds are known to be the gateway's. */
  readonly answerKey: Buffer;
  readonly holdJobs: HoldJobs;
  /** Has owners told, now or later. What is told twice is told once. */
  readonly notify: (notices: readonly Notice[]) => Promise<void>;
  readonly settings: VoteSettings;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Told of each step that is done; whoever sends nothing keeps no times. */
  readonly mark?: VoteClock['mark'];
};

/** What a run keeps to from its first vote on, whatever the operator changes meanwhile. */
export type RunTerms = Pick<VoteDeps, 'hub' | 'sequencer' | 'settings'>;

/** What a vote job needs before it knows its run. */
export type VoteJobDeps = Omit<VoteDeps, keyof RunTerms> & {
  readonly termsOf: (run: RunForVote) => Promise<RunTerms>;
};

/** Which vote this is about. */
export type VoteRef = {
  readonly runId: RunId;
  readonly owner: OwnerId;
  readonly space: SpaceId;
  readonly proposal: ProposalId;
  readonly contentHash: string;
  /** The hold that the vote is made for; absent where the run itself makes it. */
  readonly hold?: HoldId;
  /** How often this job was picked up, this time included. */
  readonly tries: number;
};

/** A ballot that the policy lets be cast, and on whose licence. */
export type Casting = {
  readonly ref: VoteRef;
  /** Of the decision behind it what the vote shows, and what a later one is compared with. */
  readonly decision: Pick<Decision, 'evidence_hash' | 'public_reason' | 'preferences_version'> & {
    /** Null where the owner chose the ballot: then no decision replaces it. */
    readonly inputs_hash: string | null;
  };
  readonly ballot: Ballot;
  readonly licence: Licence;
};
