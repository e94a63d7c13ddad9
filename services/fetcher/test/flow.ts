/**
 * What the flow of a run is tested on: a Redis, a sandbox on the real clock, the fetcher's worker, and workers for `decide` and
 * `vote` that do as a test says. One test at a time: each ends its workers and empties the queues.
 */
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import type { World } from '@quorum/sandbox/world';
import { createAppointments, type Appointments } from '@quorum/shared/appointments';
import { createHubCache } from '@quorum/shared/hub-cache';
import { newRunId, RunId, upstreamId, type OwnerId } from '@quorum/shared/ids';
import {
  JOBS,
  jobIds,
  jobOptions,
  QUEUES,
  type JobPayload,
  type QueueName,
  type RetrySettings,
} from '@quorum/shared/jobs';
import { createMetrics } from '@quorum/shared/metrics';
import type { Outcome } from '@quorum/shared/outcome';
import { UserPreferences, preferencesVersion } from '@quorum/shared/preferences';
import { createRecords, type Records, type RunRecord } from '@quorum/shared/records';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import type { RunningWorker } from '@quorum/shared/run-worker';
import type { Accepted } from '@quorum/shared/accept';
import { createTransitions, type Transitions } from '@quorum/shared/transitions';
import { createGate } from '@quorum/shared/upstream-gate';
import { createWatches, type Watches } from '@quorum/shared/watches';
import { createHub } from '@quorum/snapshot/hub';
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { FlowProducer, Queue, QueueEvents, Worker, type Job, type JobNode } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { aDecision, aHash, anAddress, anOwner, aSpace, quiet } from '../../../packages/shared/test/samples.ts';
import { auditOf, useRedis } from '../../../packages/shared/test/world.ts';
import type { TestRedis } from '../../../test/redis.ts';
import { Listing } from '../src/listing.ts';
import { startFetcher, type FetcherOptions } from '../src/worker.ts';
import { control } from './control.ts';
import { inWorld, type WorldProposal } from './samples.ts';
import { PATIENT } from '../../../test/patience.ts';

const FAST: RetrySettings = { maxRetryAttempts: 3, retryDelayS: 0.01 };

export type Asker = { readonly owner: OwnerId; readonly voter: Address; readonly space: SpaceId };
type Ref = JobPayload<'decide'>;

export type FlowStand = {
  readonly redis: Redis;
  readonly server: TestRedis;
  readonly sandbox: Sandbox;
  readonly records: Records;
  readonly transitions: Transitions;
  readonly appointments: Appointments;
  readonly watches: Watches;
  readonly queue: (name: QueueName) => Queue;
  /** An owner with a signer and a space of their own with so many proposals open, the first of them the first in rank. */
  ask(proposals: number, given?: { space?: SpaceId }): Promise<Asker & { ids: ProposalId[] }>;
  add(world: World): Promise<void>;
  fault(fault: Record<string, unknown>): Promise<void>;
  clearFaults(): Promise<void>;
  /** Whether a run of this owner and space would be accepted now: 'created' where they are free. */
  tryStart(owner: OwnerId, space: SpaceId): Promise<string>;
  /** Accepts a run and enqueues its job. */
  start(
    asker: Asker,
    given?: { cancelled?: boolean; retries?: RetrySettings; data?: (runId: RunId) => unknown },
  ): Promise<RunId>;
  fetcher(
    given?: Partial<FetcherOptions> & {
      hubUrl?: string;
      apiKey?: string;
      timeoutMs?: number;
      retries?: RetrySettings;
      deadlineLeadS?: number;
      openRunsMost?: () => number;
      now?: () => number;
      /** What the owners want, where it is not the default. */
      preferences?: Readonly<Record<string, unknown>>;
    },
  ): RunningWorker;
  /** A worker for `decide` that decides, unless told otherwise. Returns what it was given, in order. */
  decider(handle?: (ref: Ref) => Promise<void>): ProposalId[];
  /** A worker for `vote` that settles as `cast`, unless told otherwise. */
  voter(handle?: (ref: Ref) => Promise<Outcome>): ProposalId[];
  /** The end of the run's job, and of nothing but it; throws where it never ends, or fails. */
  ended(runId: RunId): Promise<unknown>;
  run(runId: RunId): Promise<RunRecord>;
  tree(runId: RunId): Promise<JobNode>;
  job(runId: RunId): Promise<Job>;
  /** A worker that knows nothing of ours. */
  bareWorker(queue: QueueName, handle: (job: Job, token: string) => Promise<unknown>): Worker;
  /** What any other job of the queue comes to. */
  jobEnd(job: Job): Promise<unknown>;
  /** The runs of this owner and space so far, oldest first. */
  runsOf(asker: Asker): Promise<RunId[]>;
  /** The one run of this owner and space. */
  onlyRun(asker: Asker): Promise<RunId>;
  /** The turn that keeps an appointment for a live run. */
  turnAt(asker: Asker & { readonly at: number }): Promise<Job>;
  /** A proposal of a space, to be added. */
  proposalIn(space: SpaceId, given: Partial<WorldProposal> & { nowS?: number }): WorldProposal;
  closeWorkers(): Promise<void>;
};

/** Starts everything before the tests of this file. */
export function useFlow(): () => FlowStand {
  const { redis, server } = useRedis();
  const closers: (() => Promise<unknown>)[] = [];
  let stand: FlowStand | undefined;
  beforeAll(async () => {
    const sandbox = await startSandbox();
    const connection = { url: server().url };
    const queues = new Map(QUEUES.map((name) => [name, new Queue(name, { connection, prefix: BULL_PREFIX })]));
    const events = new QueueEvents('agent-run', { connection, prefix: BULL_PREFIX });
    const flow = new FlowProducer({ connection, prefix: BULL_PREFIX });
    await events.waitUntilReady();
    closers.push(
      () => sandbox.close(),
      () => events.close(),
      () => flow.close(),
    );
    for (const queue of queues.values()) {
      // Each job that is waited for listens.
      queue.setMaxListeners(0);
      closers.push(() => queue.close());
    }
    stand = standOn({ redis: redis(), server: server(), sandbox, queues, events, flow });
  });
  afterEach(async () => {
    await stand?.closeWorkers();
    await stand?.clearFaults();
    for (const name of QUEUES) await stand?.queue(name).obliterate({ force: true });
    // What the watchdog would look at.
    await stand?.redis.del(keys.openRuns(), keys.appointments(), keys.watches());
  });
  afterAll(async () => {
    for (const close of closers) await close();
  });
  return () => {
    if (stand === undefined) throw new Error('the stand of this file is not up yet');
    return stand;
  };
}

type Parts = {
  readonly redis: Redis;
  readonly server: TestRedis;
  readonly sandbox: Sandbox;
  readonly queues: ReadonlyMap<QueueName, Queue>;
  readonly events: QueueEvents;
  readonly flow: FlowProducer;
};

let spaces = 0;
let fetchers = 0;

function standOn({ redis, server, sandbox, queues, events, flow }: Parts): FlowStand {
  const records = createRecords(redis);
  const transitions = createTransitions(redis);
  const [appointments, watches] = [createAppointments(redis), createWatches(redis)];
  const working: (() => Promise<unknown>)[] = [];
  const there = <T>(what: string, part: T | null | undefined): T => {
    if (part === undefined || part === null) throw new Error(`there is no ${what}`);
    return part;
  };
  const queue = (name: QueueName): Queue => there(name, queues.get(name));
  const job = async (runId: RunId): Promise<Job> => there('job', await queue('agent-run').getJob(jobIds.run(runId)));

  const accept = (owner: OwnerId, space: SpaceId): Promise<Accepted> =>
    transitions.accept({ runId: newRunId(), owner, space, dryRun: false, idempotency: null, nowMs: Date.now() });
  const runsOf = async ({ owner }: Asker): Promise<RunId[]> => {
    const entries = await auditOf(redis, keys.auditOwner(owner));
    return entries.filter(({ kind }) => kind === 'accepted').map(({ run }) => RunId.parse(run));
  };
  const add = (world: World): Promise<void> => control(sandbox, 'PATCH', 'world', world);

  /** A worker on the queue of a child; it keeps the order of what it was given. */
  function child(name: 'decide' | 'vote', handle: (ref: Ref) => Promise<unknown>): ProposalId[] {
    const seen: ProposalId[] = [];
    const worker = new Worker(
      name,
      async ({ data }: Job) => {
        const ref = JOBS[name].payload.parse(data);
        seen.push(ref.proposal_id);
        return handle(ref);
      },
      { connection: { url: server.url, maxRetriesPerRequest: null }, prefix: BULL_PREFIX, concurrency: 20 },
    );
    worker.on('error', () => undefined);
    working.push(() => worker.close());
    return seen;
  }

  async function decideOne(ref: Ref): Promise<void> {
    const preferences_version = preferencesVersion(UserPreferences.parse({}));
    const decision = aDecision({ ...ref, preferences_version });
    await records.decide(ref.run_id, ref.proposal_id, { kind: 'decided', sealed: { decision, mac: aHash() } });
  }

  return {
    redis,
    server,
    sandbox,
    records,
    transitions,
    appointments,
    watches,
    queue,
    job,
    add,
    fault: (fault) => control(sandbox, 'POST', 'faults', fault),
    clearFaults: () => control(sandbox, 'DELETE', 'faults'),
    async ask(count, given = {}) {
      spaces += 1;
      const { space = aSpace(`s${spaces}.eth`) } = given;
      const nowS = Math.floor(Date.now() / 1_000);
      const proposals = Array.from({ length: count }, (_, at): WorldProposal =>
        inWorld(space, { nowS, end: nowS + (at + 1) * 86_400 }),
      );
      const asker = { owner: anOwner(), voter: anAddress(), space };
      await add({ spaces: [{ id: space }], proposals, voting_power: [{ space, default: true, vp: 10 }] });
      await records.announceSigner(asker.owner, { voter: asker.voter, kind: 'own_key', allowed_spaces: [space] });
      return { ...asker, ids: proposals.map(({ id }) => JOBS.decide.payload.shape.proposal_id.parse(id)) };
    },
    tryStart: async (owner, space) => (await accept(owner, space)).kind,
    async start({ owner, space }, { cancelled = false, retries = FAST, data } = {}) {
      const { kind, runId } = await accept(owner, space);
      if (kind !== 'created') throw new Error(`the run was not created: ${kind}`);
      if (cancelled) await transitions.cancel({ runId, owner, space }, Date.now());
      const options = { ...jobOptions('agent-run', retries), jobId: jobIds.run(runId) };
      await queue('agent-run').add('agent-run', data?.(runId) ?? { run_id: runId, step: 'fetch' }, options);
      return runId;
    },
    fetcher({
      hubUrl = `${sandbox.url}/graphql`,
      apiKey,
      timeoutMs = PATIENT.timeout,
      retries = FAST,
      deadlineLeadS = 3_600,
      openRunsMost = () => 100,
      now = Date.now,
      preferences: wanted = {},
      ...given
    } = {}) {
      const metrics = createMetrics('test');
      const log = given.log ?? quiet;
      // Each fetcher's own: no test finds what another one left.
      fetchers += 1;
      const upstream = upstreamId(hubUrl, `${fetchers}`);
      const terms = async () => ({
        hub: createHub({ url: hubUrl, apiKey, timeoutMs, around: createGate(redis, upstream, 'hub').pass }),
        minTimeToVoteS: 120,
        deadlineLeadS,
        retries,
      });
      const worker = startFetcher({
        connection: redis,
        concurrency: 20,
        lockS: 30,
        log,
        metrics,
        deps: {
          cache: createHubCache({ redis, upstream, schema: Listing, log }),
          records,
          transitions,
          preferences: {
            async load() {
              const preferences = UserPreferences.parse({ max_proposals_per_run: 3, ...wanted });
              return { kind: 'missing', preferences, version: preferencesVersion(preferences) };
            },
          },
          log,
          appointments,
          watches,
          termsOf: terms,
          termsNow: terms,
          keeps: () => ({ service: 'fetcher', settings: {} }),
          openRunsMost,
          now,
        },
        ...given,
      });
      working.push(() => worker.close(0));
      return worker;
    },
    decider: (handle = decideOne) =>
      child('decide', async (ref) => {
        await handle(ref);
        return { kind: 'decided' };
      }),
    voter: (handle = async () => ({ kind: 'cast' })) =>
      child('vote', async (ref) => {
        const outcome = await handle(ref);
        await records.settle(ref.run_id, ref.proposal_id, { outcome, settled_at: Date.now() });
        return outcome;
      }),
    ended: async (runId) => (await job(runId)).waitUntilFinished(events, PATIENT.timeout),
    run: async (runId) => there('run', await records.run(runId)),
    tree: async (runId) =>
      there('tree', await flow.getFlow({ id: jobIds.run(runId), queueName: 'agent-run', prefix: BULL_PREFIX })),
    bareWorker(name, handle) {
      const connection = { url: server.url, maxRetriesPerRequest: null };
      const work = (one: Job, token = ''): Promise<unknown> => handle(one, token);
      const worker = new Worker(name, work, { connection, prefix: BULL_PREFIX });
      worker.on('error', () => undefined);
      working.push(() => worker.close());
      return worker;
    },
    jobEnd: (one) => one.waitUntilFinished(events, PATIENT.timeout),
    runsOf,
    async onlyRun(asker) {
      const [runId, ...others] = await runsOf(asker);
      if (runId === undefined || others.length > 0) throw new Error(`there are ${others.length + 1} runs, or none`);
      return runId;
    },
    turnAt: async ({ owner, space, at }) =>
      there(
        'turn',
        await queue('agent-run').getJob(jobIds.appointment({ owner, space_id: space, dry_run: false, at })),
      ),
    proposalIn: inWorld,
    async closeWorkers() {
      await Promise.all(working.splice(0).map((close) => close()));
    },
  };
}
