/**
 * Every Redis key of Quorum is spelt here and nowhere else. BullMQ's own keys begin with `quorum:bull:`.
 *
 * | key                                | type   | writer           | readers          | kept                     |
 * | ---------------------------------- | ------ | ---------------- | ---------------- | ------------------------ |
 * | run:<run>                          | hash   | all, transitions | all              | 30 days after its end    |
 * | active:<owner>:<space>             | string | accept, finish   | accept           | while the run is open    |
 * | open-runs                          | zset   | accept, finish   | fetcher          | while a run is open      |
 * | appointments                       | hash   | finish, fetcher  | fetcher          | until kept or called off |
 * | watches                            | hash   | gateway          | gateway, fetcher | until deleted            |
 * | idempotency:<owner>:<key>          | string | accept           | accept           | 24 hours                 |
 * | proposal:<content hash>            | string | fetcher          | all              | 30 days                  |
 * | evidence:<evidence hash>           | string | decider          | whoever asks why | 30 days                  |
 * | signers                            | hash   | voter            | fetcher, doctor  | until announced anew     |
 * | preferences:<owner>                | string | Redis store      | Redis store      | for ever                 |
 * | preferences-last-good:<owner>      | string | Redis store      | Redis store      | for ever                 |
 * | preferences-version:<owner>        | string | both stores      | both stores      | for ever                 |
 * | decided-before:<owner>:<space>     | hash   | fetcher          | fetcher          | 30 days after the last   |
 * | mode                               | string | voter            | voter            | for ever                 |
 * | voting:global, voting:owner:<owner>| string | kill switch      | reserve, maySend | for ever; absent: paused |
 * | ledger:<voter>:<space>:<proposal>  | hash   | reserve, keepReceipt, confirm | voter            | for ever                 |
 * | cap:<voter>:<day>                  | string | reserve          | reserve          | 2 days                   |
 * | api-keys                           | hash   | npm run keys     | gateway          | until revoked            |
 * | gate:<upstream>                    | string | whoever is told to wait | whoever asks it | 2 minutes at most  |
 * | listing:<upstream>:<space>         | string | fetcher          | fetcher          | 3 seconds                |
 * | reading:<upstream>:<space>         | string | fetcher          | fetcher          | while the list is read   |
 * | power:<upstream>:<voter>:<proposal>| string | fetcher          | fetcher          | 10 minutes               |
 * | audit:owner:<owner>                | stream | accept, cancel, finish | whoever asks why | for ever                 |
 * | audit:voter:<voter>                | stream | reserve, maySend, keepReceipt, confirm | whoever asks why | for ever        |
 * | stops                              | channel| cancel, finish   | workers          | a message is a run's id  |
 */
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { OwnerId, RunId, UpstreamId } from './ids.ts';

const PREFIX = 'quorum:';

/** The prefix of BullMQ's keys; every queue, worker and flow producer is made with it. */
export const BULL_PREFIX = `${PREFIX}bull`;

const HOUR_S = 60 * 60;
const DAY_S = 24 * HOUR_S;

/** How long records are kept, in seconds. */
export const RETENTION_S = {
  finishedRun: 30 * DAY_S,
  idempotencyKey: DAY_S,
  proposalText: 30 * DAY_S,
  evidence: 30 * DAY_S,
  decidedBefore: 30 * DAY_S,
  voteCap: 2 * DAY_S,
} as const;

/** What a client chose may hold any visible character, a colon too: encoded, it can never run into the next part of a key. */
const part = (value: string): string => encodeURIComponent(value);

export const keys = {
  run: (run: RunId): string => `${PREFIX}run:${run}`,
  active: (owner: OwnerId, space: SpaceId): string => `${PREFIX}active:${owner}:${part(space)}`,
  openRuns: (): string => `${PREFIX}open-runs`,
  appointments: (): string => `${PREFIX}appointments`,
  watches: (): string => `${PREFIX}watches`,
  stops: (): string => `${PREFIX}stops`,
  idempotency: (owner: OwnerId, key: string): string => `${PREFIX}idempotency:${owner}:${part(key)}`,
  proposal: (contentHash: string): string => `${PREFIX}proposal:${contentHash}`,
  evidence: (evidenceHash: string): string => `${PREFIX}evidence:${evidenceHash}`,
  signers: (): string => `${PREFIX}signers`,
  preferences: (owner: OwnerId): string => `${PREFIX}preferences:${owner}`,
  preferencesLastGood: (owner: OwnerId): string => `${PREFIX}preferences-last-good:${owner}`,
  preferencesVersion: (owner: OwnerId): string => `${PREFIX}preferences-version:${owner}`,
  decidedBefore: (owner: OwnerId, space: SpaceId): string => `${PREFIX}decided-before:${owner}:${part(space)}`,
  mode: (): string => `${PREFIX}mode`,
  votingGlobal: (): string => `${PREFIX}voting:global`,
  votingOwner: (owner: OwnerId): string => `${PREFIX}voting:owner:${owner}`,
  ledger: (voter: Address, space: SpaceId, proposal: ProposalId): string =>
    `${PREFIX}ledger:${voter}:${part(space)}:${proposal}`,
  cap: (voter: Address, day: string): string => `${PREFIX}cap:${voter}:${day}`,
  apiKeys: (): string => `${PREFIX}api-keys`,
  gate: (upstream: UpstreamId): string => `${PREFIX}gate:${upstream}`,
  listing: (upstream: UpstreamId, space: SpaceId): string => `${PREFIX}listing:${upstream}:${part(space)}`,
  reading: (upstream: UpstreamId, space: SpaceId): string => `${PREFIX}reading:${upstream}:${part(space)}`,
  power: (upstream: UpstreamId, voter: Address, proposal: ProposalId): string =>
    `${PREFIX}power:${upstream}:${voter}:${proposal}`,
  auditOwner: (owner: OwnerId): string => `${PREFIX}audit:owner:${owner}`,
  auditVoter: (voter: Address): string => `${PREFIX}audit:voter:${voter}`,
} as const;

/** Fields of the hashes that are one for all owners. No owner and no encoded space holds a colon. */
export const fields = {
  appointment: (owner: OwnerId, space: SpaceId, dryRun: boolean): string =>
    `${owner}:${part(space)}:${dryRun ? 'dry' : 'live'}`,
  watch: (owner: OwnerId, space: SpaceId): string => `${owner}:${part(space)}`,
} as const;
