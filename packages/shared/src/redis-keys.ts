/**
 * Every Redis key of Quorum is spelt here and nowhere else. All begin with `{quorum}:`, BullMQ's own with `{quorum}:bull:`. The braces
 * are a hash tag: on a cluster all of them are in one slot, since scripts touch many keys at once (ADR 25).
 *
 * | key                                | type   | writer           | readers          | kept                     |
 * | ---------------------------------- | ------ | ---------------- | ---------------- | ------------------------ |
 * | run:<run>                          | hash   | all, transitions | all              | 30 days after its end    |
 * | run-events:<run>                   | stream | all, transitions | gateway          | an hour after its end    |
 * | watching:<gateway>                 | stream | gateway          | gateway          | a minute                 |
 * | active:<owner>:<space>             | hash   | accept, cancel, finish | accept     | while the run is open    |
 * | open-runs                          | zset   | accept, finish   | start, fetcher   | while a run is open      |
 * | runs, runs:<owner>                 | zset   | accept           | gateway          | an entry 30 days or more |
 * | decided-runs, decided-runs:<owner> | zset   | finish           | gateway          | an entry 30 days         |
 * | appointments                       | hash   | finish, fetcher  | fetcher          | until kept or called off |
 * | watches                            | hash   | gateway          | gateway, fetcher | until deleted            |
 * | idempotency:<owner>:<key>          | string | accept           | accept           | 24 hours                 |
 * | proposal:<content hash>            | string | fetcher          | all              | 31 days                  |
 * | evidence:<evidence hash>           | string | decider          | gateway          | 30 days                  |
 * | signers                            | hash   | voter            | fetcher, doctor  | until announced anew     |
 * | voter-owners:<voter>               | set    | voter            | gateway          | for ever                 |
 * | preferences:<owner>                | string | Redis store      | Redis store      | for ever                 |
 * | preferences-last-good:<owner>      | string | Redis store      | Redis store      | for ever                 |
 * | preferences-version:<owner>        | string | both stores      | both stores      | for ever                 |
 * | decided-before:<owner>:<space>     | hash   | fetcher          | fetcher          | 30 days after the last; an entry a day after its end |
 * | heartbeat:<service>:<instance>     | string | each process     | gateway          | a minute                 |
 * | heartbeats                         | set    | each process     | gateway          | until a process starts   |
 * | probing:<service>:<upstream>       | string | whoever pings it | whoever would    | until it may be pinged   |
 * | mode                               | string | voter, npm run restore | voter      | for ever                 |
 * | ledger:<voter>:<space>:<proposal>  | hash   | reserve, keepReceipt, confirm, adopt, settleLater | voter | for ever               |
 * | voting:global, voting:owner:<owner>| string | setVoting, npm run restore | reserve, maySend | for ever; absent: paused |
 * | hold:<hold>                        | hash   | settle, answerHold, settleHold | gateway, voter, fetcher | 30 days after its deadline |
 * | standing-hold:<owner>:<space>:<proposal> | string | as above   | settle           | while that hold waits    |
 * | holds, holds:<owner>               | zset   | settle           | gateway          | an entry as its hold     |
 * | open-holds                         | zset   | as hold          | gateway, fetcher | while a hold is open     |
 * | cap:<voter>:<day>                  | string | reserve          | reserve          | 2 days                   |
 * | budget:run:<run>, budget:owner:<owner>:<day>, budget:day:<day> | hash | decider | decider      | 2 days after the last    |
 * | answers:<owner>:<inputs hash>      | string | decider          | decider          | 30 days                  |
 * | api-keys                           | hash   | npm run keys     | gateway          | until revoked            |
 * | limit:<budget>:owner:<owner>, limit:<budget>:address:<address> | string | gateway          | gateway          | until its window ends    |
 * | board-link:<hash of its token>     | string | gateway          | gateway          | until opened, a minute at most |
 * | board-session:<hash of its token>  | string | gateway          | gateway          | 8 hours                  |
 * | gate:<upstream>                    | string | whoever is told to wait | whoever asks it | 2 minutes at most  |
 * | sends:<upstream>                   | string | voter            | voter            | until the allowance is whole again |
 * | listing:<upstream>:<space>         | string | fetcher          | fetcher          | 3 seconds                |
 * | reading:<upstream>:<space>         | string | fetcher          | fetcher          | while the list is read   |
 * | power:<upstream>:<voter>:<proposal>| string | fetcher          | fetcher          | 10 minutes               |
 * | audit:voter:<voter>                | stream | reserve, maySend, keepReceipt, confirm, adopt, settleLater | sealing job | until sealed |
 * | audit:chain:<voter>                | stream | sealing job      | voter, gateway, doctor | for ever           |
 * | audit:owner:<owner>                | stream | accept, cancel, finish, setVoting, and what writes holds | whoever asks why | for ever |
 * | overriding:<upstream>              | string | fetcher          | fetcher          | 1 hour                   |
 * | webhooks                           | hash   | gateway          | gateway          | until deleted            |
 * | delivery:<delivery>                | hash   | gateway          | gateway          | 60 days                  |
 * | deliveries:<owner>:<state>         | zset   | gateway          | gateway          | an entry as its delivery |
 * | undelivered                        | zset   | gateway          | gateway          | while one is pending     |
 * | sending:<owner>                    | zset   | gateway          | gateway          | while notices are sent   |
 * | restoring:<key of the backup>      | as it  | npm run restore  | npm run restore  | until all of it is there |
 * | stops                              | channel| cancel, finish   | workers          | a message is a run's id  |
 * | ends                               | channel| finish           | gateway          | a message is a run's id  |
 */
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { DeliveryId, HoldId, OwnerId, RunId, UpstreamId } from './ids.ts';
import type { DeliveryState } from './notices.ts';

const PREFIX = '{quorum}:';

/** The prefix of BullMQ's keys; every queue, worker and flow producer is made with it. */
export const BULL_PREFIX = `${PREFIX}bull`;

/** What a copy of all keys goes by. `links` and `sessions` let somebody look at Bull Board: a right that no copy brings back. */
export const PREFIXES = {
  all: PREFIX,
  staged: `${PREFIX}restoring:`,
  links: `${PREFIX}board-link:`,
  sessions: `${PREFIX}board-session:`,
  votingOwners: `${PREFIX}voting:owner:`,
  auditChains: `${PREFIX}audit:chain:`,
} as const;

/** The mode as it was called before keys had a hash tag: where it stands, what was kept is under names that nobody reads. */
export const FORMER_MODE = 'quorum:mode';

const HOUR_S = 60 * 60;
const DAY_S = 24 * HOUR_S;

/** How long a process is remembered that says nothing more. */
export const HEARTBEAT_KEPT_MS = 60 * 1_000;

/** How long records are kept, in seconds. */
export const RETENTION_S = {
  finishedRun: 30 * DAY_S,
  /** From its end on, as long as its jobs. The record says all of it; a stream takes 5 KB, more than half of what a finished run may keep. */
  runEvents: HOUR_S,
  idempotencyKey: DAY_S,
  // Longer than the evidence that refers to it: the text is stored first.
  proposalText: 31 * DAY_S,
  evidence: 30 * DAY_S,
  decidedBefore: 30 * DAY_S,
  voteCap: 2 * DAY_S,
  /** From its deadline on. */
  hold: 30 * DAY_S,
  budget: 2 * DAY_S,
  answers: 30 * DAY_S,
  /** Longer than anything that a notice tells of: nothing is told twice. */
  delivery: 60 * DAY_S,
} as const;

/** What a client chose may hold any visible character, a colon too: encoded, it can never run into the next part of a key. */
const part = (value: string): string => encodeURIComponent(value);

export const keys = {
  run: (run: RunId): string => `${PREFIX}run:${run}`,
  runEvents: (run: RunId): string => `${PREFIX}run-events:${run}`,
  watching: (gateway: string): string => `${PREFIX}watching:${gateway}`,
  active: (owner: OwnerId, space: SpaceId): string => `${PREFIX}active:${owner}:${part(space)}`,
  openRuns: (): string => `${PREFIX}open-runs`,
  runs: (): string => `${PREFIX}runs`,
  runsOf: (owner: OwnerId): string => `${PREFIX}runs:${owner}`,
  decidedRuns: (): string => `${PREFIX}decided-runs`,
  decidedRunsOf: (owner: OwnerId): string => `${PREFIX}decided-runs:${owner}`,
  appointments: (): string => `${PREFIX}appointments`,
  watches: (): string => `${PREFIX}watches`,
  stops: (): string => `${PREFIX}stops`,
  ends: (): string => `${PREFIX}ends`,
  idempotency: (owner: OwnerId, key: string): string => `${PREFIX}idempotency:${owner}:${part(key)}`,
  proposal: (contentHash: string): string => `${PREFIX}proposal:${contentHash}`,
  evidence: (evidenceHash: string): string => `${PREFIX}evidence:${evidenceHash}`,
  signers: (): string => `${PREFIX}signers`,
  voterOwners: (voter: Address): string => `${PREFIX}voter-owners:${voter}`,
  preferences: (owner: OwnerId): string => `${PREFIX}preferences:${owner}`,
  preferencesLastGood: (owner: OwnerId): string => `${PREFIX}preferences-last-good:${owner}`,
  preferencesVersion: (owner: OwnerId): string => `${PREFIX}preferences-version:${owner}`,
  decidedBefore: (owner: OwnerId, space: SpaceId): string => `${PREFIX}decided-before:${owner}:${part(space)}`,
  heartbeat: (service: string, instance: string): string => `${PREFIX}heartbeat:${service}:${instance}`,
  heartbeats: (): string => `${PREFIX}heartbeats`,
  probing: (service: string, upstream: UpstreamId): string => `${PREFIX}probing:${service}:${upstream}`,
  mode: (): string => `${PREFIX}mode`,
  votingGlobal: (): string => `${PREFIX}voting:global`,
  votingOwner: (owner: OwnerId): string => `${PREFIX}voting:owner:${owner}`,
  hold: (hold: HoldId): string => `${PREFIX}hold:${hold}`,
  standingHold: (owner: OwnerId, space: SpaceId, proposal: ProposalId): string =>
    `${PREFIX}standing-hold:${owner}:${part(space)}:${proposal}`,
  holds: (): string => `${PREFIX}holds`,
  holdsOf: (owner: OwnerId): string => `${PREFIX}holds:${owner}`,
  openHolds: (): string => `${PREFIX}open-holds`,
  ledger: (voter: Address, space: SpaceId, proposal: ProposalId): string =>
    `${PREFIX}ledger:${voter}:${part(space)}:${proposal}`,
  cap: (voter: Address, day: string): string => `${PREFIX}cap:${voter}:${day}`,
  budgetRun: (run: RunId): string => `${PREFIX}budget:run:${run}`,
  budgetOwner: (owner: OwnerId, day: string): string => `${PREFIX}budget:owner:${owner}:${day}`,
  budgetDay: (day: string): string => `${PREFIX}budget:day:${day}`,
  answers: (owner: OwnerId, inputsHash: string): string => `${PREFIX}answers:${owner}:${inputsHash}`,
  apiKeys: (): string => `${PREFIX}api-keys`,
  limitOfOwner: (budget: string, owner: OwnerId): string => `${PREFIX}limit:${budget}:owner:${owner}`,
  limitOfAddress: (budget: string, address: string): string => `${PREFIX}limit:${budget}:address:${part(address)}`,
  boardLink: (tokenHash: string): string => `${PREFIX}board-link:${tokenHash}`,
  boardSession: (tokenHash: string): string => `${PREFIX}board-session:${tokenHash}`,
  gate: (upstream: UpstreamId): string => `${PREFIX}gate:${upstream}`,
  sends: (upstream: UpstreamId): string => `${PREFIX}sends:${upstream}`,
  listing: (upstream: UpstreamId, space: SpaceId): string => `${PREFIX}listing:${upstream}:${part(space)}`,
  reading: (upstream: UpstreamId, space: SpaceId): string => `${PREFIX}reading:${upstream}:${part(space)}`,
  power: (upstream: UpstreamId, voter: Address, proposal: ProposalId): string =>
    `${PREFIX}power:${upstream}:${voter}:${proposal}`,
  overriding: (upstream: UpstreamId): string => `${PREFIX}overriding:${upstream}`,
  webhooks: (): string => `${PREFIX}webhooks`,
  delivery: (delivery: DeliveryId): string => `${PREFIX}delivery:${delivery}`,
  deliveries: (owner: OwnerId, state: DeliveryState): string => `${PREFIX}deliveries:${owner}:${state}`,
  undelivered: (): string => `${PREFIX}undelivered`,
  sending: (owner: OwnerId): string => `${PREFIX}sending:${owner}`,
  auditOwner: (owner: OwnerId): string => `${PREFIX}audit:owner:${owner}`,
  auditVoter: (voter: Address): string => `${PREFIX}audit:voter:${voter}`,
  auditChain: (voter: Address): string => `${PREFIX}audit:chain:${voter}`,
} as const;

/** Fields of hashes that transitions write. No owner, no proposal's id and no encoded space holds a colon. */
export const fields = {
  appointment: (owner: OwnerId, space: SpaceId, dryRun: boolean): string =>
    `${owner}:${part(space)}:${dryRun ? 'dry' : 'live'}`,
  later: (proposal: ProposalId): string => `later:${proposal}`,
  outcome: (proposal: ProposalId): string => `outcome:${proposal}`,
  settings: (service: string): string => `settings:${service}`,
  spent: (proposal: ProposalId): string => `spent:${proposal}`,
  watch: (owner: OwnerId, space: SpaceId): string => `${owner}:${part(space)}`,
} as const;
