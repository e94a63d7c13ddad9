/**
 * What the voter service's tests stand on: a real Redis, the sandbox over HTTP, keys made at run time. `aVote` makes a proposal,
 * an owner with a signer, and a run whose decision waits to be cast; nothing in it is shared with another test.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import { createAppointments } from '@quorum/shared/appointments';
import { createAuditChain } from '@quorum/shared/audit-chain';
import type { Decision } from '@quorum/shared/decision';
import { newRunId, type OwnerId, type RunId, upstreamId } from '@quorum/shared/ids';
import type { Outcome } from '@quorum/shared/outcome';
import { createMetrics } from '@quorum/shared/metrics';
import { preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import { createRecords, type Opening, type OutcomeRecord } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import { PostponeError } from '@quorum/shared/run-worker';
import { createSendAllowance } from '@quorum/shared/send-allowance';
import { sealDecision } from '@quorum/shared/sealed-decision';
import { PREFERENCES_FILE } from '@quorum/shared/owner-folder';
import { recordedVersions } from '@quorum/shared/recorded-versions';
import { filePreferenceStore } from '@quorum/shared/store-file';
import { createTransitions } from '@quorum/shared/transitions';
import { enableVoting } from '@quorum/shared/voting';
import { type Ballot, ballotKind } from '@quorum/snapshot/ballot';
import { contentHash } from '@quorum/snapshot/content-hash';
import { encodeBallot } from '@quorum/snapshot/encode';
import { buildVote } from '@quorum/snapshot/envelope';
import { createHub, type HubVote } from '@quorum/snapshot/hub';
import { Address, type Proposal, ProposalId, SpaceId, type VotingType } from '@quorum/snapshot/proposal';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { createShutter } from '@quorum/snapshot/shutter';
import { type HDNodeWallet, Wallet } from 'ethers';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import {
  aDecision,
  anAnswer,
  anOwner,
  aResponse,
  filterMetrics,
  quiet,
} from '../../../packages/shared/test/samples.ts';
import { EON_PUBLIC_KEY } from '../../../packages/sandbox/src/sequencer/shutter-keys.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { loadSigner } from '../src/signer-key.ts';
import type { Licence } from '../src/signers.ts';
import { openQueues } from '../src/queues.ts';
import type { VoteDeps, VoteJobDeps, VoteSettings } from '../src/vote-deps.ts';
import { voteJob } from '../src/vote.ts';
import { auditKinds } from './audit.ts';
import { PATIENT } from '../../../test/patience.ts';

const HOUR_S = 60 * 60;
/** How long a postponed vote waits here, in place of half a second and more. */
const SHORTENED_MS = 100;
export const DAY_S = 24 * HOUR_S;
export const LABELS = ['For', 'Against', 'Abstain'];

export const SETTINGS: VoteSettings = {
  minTimeToVoteS: 120,
  backdateS: DAY_S,
  retryWindowS: 900,
  aliasValidS: 30 * DAY_S,
};

/** What is retried at once here. */
const RETRIES = { maxRetryAttempts: 3, retryDelayS: 0.01 };

export const nowS = (): number => Math.floor(Date.now() / 1_000);
const options = LABELS.map((label, at) => ({ index: at + 1, label }));

/** A ballot of the kind that this voting type takes; `first` is the choice that it prefers. */
export function ballotOf(type: VotingType, first = 1): Ballot {
  const [a, b, c] = [0, 1, 2].map((step) => options[(first - 1 + step) % 3] ?? { index: 0, label: '' });
  if (a === undefined || b === undefined || c === undefined) throw new Error('three labels');
  switch (ballotKind(type)) {
    case 'single':
      return { kind: 'single', choice: a };
    case 'approval':
      return { kind: 'approval', choices: [c, a] };
    case 'ranking':
      return { kind: 'ranking', ranking: [b, a, c] };
    case 'weights':
      return {
        kind: 'weights',
        weights: [
          { ...c, weight: 30.5 },
          { ...a, weight: 69.5 },
        ],
      };
  }
}

export type Given = {
  readonly type?: VotingType;
  readonly ballot?: Ballot;
  /** More fields of the sandbox's proposal. */
  readonly proposal?: Readonly<Record<string, unknown>>;
  readonly decision?: Partial<Decision>;
  /** The owner's preference file; none where null. */
  readonly preferences?: Readonly<Record<string, unknown>> | null;
  readonly opening?: Partial<Opening>;
  readonly kind?: Licence['kind'];
  /** When the alias was made known, Unix seconds; null: never. */
  readonly aliasCreated?: number | null;
  readonly power?: number;
  readonly votesPerDay?: number;
  readonly allowedSpaces?: readonly string[];
  readonly dryRun?: boolean;
  /** Keys that several votes have in common, so that one process works them all; each vote has its own where absent. */
  readonly keys?: ServiceKeys;
};

/** The key files of the voter service. */
export type ServiceKeys = Pick<VoteDeps, 'deciderKey' | 'voterKey' | 'answerKey'>;

export function someKeys(): ServiceKeys {
  return { deciderKey: randomBytes(32), voterKey: randomBytes(32), answerKey: randomBytes(32) };
}

export type VoteCase = {
  readonly owner: OwnerId;
  readonly voter: Address;
  readonly space: SpaceId;
  readonly proposal: Proposal;
  readonly main: HDNodeWallet;
  readonly signer: Address;
  readonly runId: RunId;
  readonly deps: VoteDeps;
  /** Works the job as the queue would: a postponed one is taken up again, after a fraction of the wait. */
  readonly vote: (given?: Partial<VoteDeps>) => Promise<Outcome>;
  /** Works it once. */
  readonly deliver: (given?: Partial<VoteDeps>, signal?: AbortSignal) => Promise<Outcome>;
  /** Ends this run and opens the next one, with a decision of its own. */
  readonly nextRun: (given?: Pick<Given, 'ballot' | 'decision' | 'opening'>) => Promise<VoteCase>;
  readonly record: () => Promise<OutcomeRecord | undefined>;
  readonly ledger: () => Promise<LedgerEntry | null>;
  /** Kinds of the audit records of this voter, oldest first. */
  readonly audit: () => Promise<string[]>;
  /** The bodies that the sequencer was sent for this proposal. */
  readonly sends: () => unknown[];
  readonly hubVote: () => Promise<HubVote | null>;
  /** Asks the run to stop. */
  readonly cancel: () => Promise<void>;
  /** Votes by the owner's own hand, with the main key. */
  readonly ownerVotes: (ballot: Ballot, timestamp?: number) => Promise<string>;
  readonly security: () => Promise<Record<string, number>>;
  readonly writePreferences: (preferences: Readonly<Record<string, unknown>> | string | null) => Promise<void>;
  /** The owner names the same alias anew. */
  readonly renewAlias: () => Promise<void>;
  readonly editProposal: (fields: Readonly<Record<string, unknown>>) => Promise<void>;
};

export type Stand = {
  readonly redis: () => Redis;
  readonly server: () => TestRedis;
  readonly sandbox: () => Sandbox;
  readonly dir: () => string;
  readonly control: (method: string, command: string, body?: unknown) => Promise<void>;
  /** A fault on calls about this proposal (or with another text in them). */
  readonly fault: (fault: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly aVote: (given?: Given) => Promise<VoteCase>;
};

/** These, with the same terms for every run. */
export function jobDeps({ hub, sequencer, settings, ...deps }: VoteDeps): VoteJobDeps {
  return { ...deps, termsOf: async () => ({ hub, sequencer, settings }) };
}

/** Waits for something that happens elsewhere and tells nobody. */
export async function until<T>(what: string, check: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + PATIENT.timeout;
  while (Date.now() < deadline) {
    const value = await check();
    if (value !== null && value !== undefined && value !== false) return value;
    await pause(10);
  }
  throw new Error(`waited in vain for: ${what}`);
}

/** Redis and sandbox for one test file. The Redis keeps its data when it is killed where `appendonly`. */
export function useStand(redisOptions: { readonly appendonly?: boolean } = {}): Stand {
  let parts: (Parts & { server: TestRedis }) | undefined;
  const started = (): NonNullable<typeof parts> => {
    if (parts === undefined) throw new Error('the stand is not started yet');
    return parts;
  };
  beforeAll(async () => {
    const server = await startTestRedis(redisOptions);
    const dir = await mkdtemp(path.join(tmpdir(), 'quorum-voter-'));
    const redis = connectPatient(server.url, quiet);
    const queues = openQueues({ connection: redis, retries: () => RETRIES, log: quiet, now: Date.now });
    parts = { server, redis, sandbox: await startSandbox(), dir, queues };
  });
  beforeEach(() => control('DELETE', 'faults'));
  afterAll(async () => {
    await parts?.queues.close();
    parts?.redis.disconnect();
    await parts?.sandbox.close();
    await parts?.server.stop();
    if (parts !== undefined) await rm(parts.dir, { recursive: true, force: true });
  });

  async function control(method: string, command: string, body?: unknown): Promise<void> {
    const response = await fetch(`${started().sandbox.url}/_sandbox/${command}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} /_sandbox/${command}: ${await response.text()}`);
  }

  return {
    redis: () => started().redis,
    server: () => started().server,
    sandbox: () => started().sandbox,
    dir: () => started().dir,
    control,
    fault: (fault) => control('POST', 'faults', fault),
    aVote: (given = {}) => aVote({ ...started(), control }, given),
  };
}

type Parts = {
  readonly redis: Redis;
  readonly sandbox: Sandbox;
  readonly dir: string;
  readonly queues: ReturnType<typeof openQueues>;
};
type Around = Parts & { control: Stand['control'] };

async function aVote(around: Around, given: Given): Promise<VoteCase> {
  const { redis, sandbox, dir, control } = around;
  const owner = anOwner();
  const folder = path.join(dir, owner);
  await mkdir(folder);
  const main = Wallet.createRandom();
  const voter = Address.parse(main.address);
  const kind = given.kind ?? 'alias';
  const signingWallet = kind === 'alias' ? Wallet.createRandom() : main;
  const keyFile = path.join(folder, 'signer.key');
  await writeFile(keyFile, signingWallet.privateKey, { mode: 0o600 });
  const signer = await loadSigner({ kind: 'plain', file: keyFile }, false);

  const type = given.type ?? 'basic';
  const space = SpaceId.parse('harbour.eth');
  const id = ProposalId.parse(given.proposal?.['id'] ?? `0x${randomBytes(32).toString('hex')}`);
  const row = {
    id,
    space,
    type,
    title: `A proposal of type ${type}`,
    body: 'The northern breakwater has settled by a metre.',
    choices: LABELS,
    start: nowS() - 3 * DAY_S,
    end: nowS() + DAY_S,
    ...given.proposal,
  };
  const aliasCreated = given.aliasCreated === undefined ? nowS() - HOUR_S : given.aliasCreated;
  await control('PATCH', 'world', {
    spaces: [{ id: space, name: 'Harbour' }],
    proposals: [row],
    voting_power: [{ proposal: id, voter, vp: given.power ?? 100 }],
    aliases:
      kind === 'own_key' || aliasCreated === null
        ? []
        : [{ id: randomBytes(16).toString('hex'), address: voter, alias: signer.address, created: aliasCreated }],
  });
  const hub = createHub({ url: `${sandbox.url}/graphql`, timeoutMs: PATIENT.timeout });
  const proposal = await hub.proposal(id);
  if (proposal === null) throw new Error('the sandbox did not take the proposal');

  const licence: Licence = {
    owner,
    voter,
    kind,
    allowedSpaces: (given.allowedSpaces ?? [space]).map((name) => SpaceId.parse(name)),
    votesPerDay: given.votesPerDay ?? 50,
    signer,
  };
  const { deciderKey, voterKey, answerKey } = given.keys ?? someKeys();
  const deps: VoteDeps = {
    hub,
    sequencer: createSequencer({ url: `${sandbox.url}/`, timeoutMs: PATIENT.timeout }),
    allowance: createSendAllowance(redis, upstreamId(`${sandbox.url}/${owner}`, undefined), () => 1_000),
    records: createRecords(redis),
    transitions: createTransitions(redis, voterKey),
    auditChain: createAuditChain(redis),
    appointments: createAppointments(redis),
    preferences: filePreferenceStore({
      dir,
      defaults: () => ({ confidence_threshold: 0.7, max_proposals_per_run: 3 }),
      recorded: recordedVersions(redis),
    }),
    licences: new Map([[owner, licence]]),
    deciderKey,
    voterKey,
    oldVoterKeys: [],
    sweeps: around.queues.sweeps,
    notify: around.queues.notify,
    sealing: { shutter: createShutter(EON_PUBLIC_KEY), key: voterKey },
    answerKey,
    holdJobs: around.queues.holdJobs,
    settings: SETTINGS,
    metrics: createMetrics('voter'),
    log: quiet,
    now: Date.now,
  };
  const writePreferences: VoteCase['writePreferences'] = async (preferences) => {
    const file = path.join(folder, PREFERENCES_FILE);
    if (preferences === null) return rm(file, { force: true });
    return writeFile(file, typeof preferences === 'string' ? preferences : JSON.stringify(preferences));
  };
  const wanted = given.preferences === undefined ? {} : given.preferences;
  await writePreferences(wanted);
  await deps.records.putProposal(contentHash(proposal), proposal);
  await enableVoting(redis, owner);
  const basis = { around, owner, voter, space, proposal, main, signer: signer.address, deps, row, writePreferences };
  return openRun({ ...basis, pinned: UserPreferences.parse(wanted ?? {}), applied: wanted !== null }, given);
}

type Basis = Pick<
  VoteCase,
  'owner' | 'voter' | 'space' | 'proposal' | 'main' | 'signer' | 'deps' | 'writePreferences'
> & {
  readonly around: Around;
  readonly row: Readonly<Record<string, unknown>>;
  readonly pinned: UserPreferences;
  readonly applied: boolean;
};

/** Accepts, starts and opens a run on the proposal, with a sealed decision. */
async function openRun(basis: Basis, given: Given): Promise<VoteCase> {
  const { owner, voter, space, proposal, deps, pinned } = basis;
  const { redis, sandbox, control } = basis.around;
  const runId = newRunId();
  const dryRun = given.dryRun ?? false;
  const nowMs = Date.now();
  const hash = contentHash(proposal);
  await deps.transitions.accept({ runId, owner, space, dryRun, idempotency: null, nowMs });
  await deps.transitions.start(runId, nowMs);
  await deps.records.open(runId, {
    preferences: pinned,
    preferences_version: preferencesVersion(pinned),
    preferences_applied: basis.applied,
    dry_run: dryRun,
    voter,
    errors: [],
    filter_metrics: filterMetrics(),
    selected: [
      {
        proposal_id: proposal.id,
        content_hash: hash,
        title: proposal.title,
        link: proposal.link,
        end: proposal.end,
        voting_power: 100,
      },
    ],
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
    ...given.opening,
  });
  const ballot = given.ballot ?? ballotOf(proposal.type);
  const decision = aDecision({
    run_id: runId,
    owner,
    space_id: space,
    proposal_id: proposal.id,
    content_hash: hash,
    preferences_version: preferencesVersion(pinned),
    samples: [anAnswer({ ballot }), anAnswer({ ballot }), anAnswer({ ballot, confidence: 0.8 })],
    decided_at: nowMs,
    ...given.decision,
  });
  await deps.records.decide(runId, proposal.id, { kind: 'decided', sealed: sealDecision(decision, deps.deciderKey) });

  const payload = { run_id: runId, proposal_id: proposal.id, content_hash: hash };
  const deliver: VoteCase['deliver'] = (changed = {}, signal = new AbortController().signal) =>
    voteJob(payload, jobDeps({ ...deps, ...changed }), signal);
  const readVote = async (): Promise<HubVote | null> =>
    (await deps.hub.votes({ voter, proposals: [proposal.id] }))[0] ?? null;
  return {
    ...basis,
    runId,
    deliver,
    async vote(changed) {
      for (let tries = 1; tries <= 10; tries += 1) {
        try {
          return await deliver(changed);
        } catch (error) {
          if (!(error instanceof PostponeError)) throw error;
          await pause(Math.min(error.delayMs, SHORTENED_MS));
        }
      }
      throw new Error('postponed ten times');
    },
    async nextRun(next = {}) {
      await deps.transitions.finish({ owner, dryRun: false }, aResponse(runId, { space_id: space }), Date.now());
      return openRun(basis, { ...next, dryRun: false });
    },
    cancel: async () => void (await deps.transitions.cancel({ runId, owner, space }, Date.now())),
    record: async () => (await deps.records.run(runId))?.outcomes.get(proposal.id),
    ledger: () => deps.records.ledger(voter, space, proposal.id),
    audit: () => auditKinds(redis, voter),
    sends: () =>
      sandbox.world.received
        .filter(({ endpoint, body }) => endpoint === 'sequencer' && JSON.stringify(body).includes(proposal.id))
        .map(({ body }) => body),
    hubVote: readVote,
    async ownerVotes(own, timestamp = nowS()) {
      const secret = proposal.privacy === 'shutter';
      const draft = buildVote({
        voter,
        space,
        proposal,
        ballot: own,
        sealedChoice: secret
          ? await createShutter(EON_PUBLIC_KEY).seal(encodeBallot(own, proposal), proposal.id, randomBytes(32))
          : undefined,
        reason: secret ? '' : 'by hand',
        app: 'snapshot-v2',
        metadata: {},
        timestamp,
      });
      const sig = await basis.main.signTypedData(draft.domain, draft.types, draft.message);
      // Sent past our own client: the owner's browser knows nothing of us.
      const response = await fetch(`${sandbox.url}/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ address: voter, sig, data: draft }),
      });
      return `${response.status} ${await response.text()}`;
    },
    async security() {
      const { values } = await deps.metrics.security.get();
      const told = values.filter(({ value }) => value > 0);
      return Object.fromEntries(told.map(({ labels, value }) => [String(labels['event']), value]));
    },
    renewAlias: () =>
      control('PATCH', 'world', {
        aliases: [{ id: randomBytes(16).toString('hex'), address: voter, alias: basis.signer, created: nowS() }],
      }),
    editProposal: (fields) => control('PATCH', 'world', { proposals: [{ ...basis.row, ...fields }] }),
  };
}
