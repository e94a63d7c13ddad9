/**
 * The job catalogue: every job as plain data. Producers import only this; handlers live with the services. A payload is checked
 * when it is enqueued and again when it is taken.
 *
 * | job       | queue     | does                                                                          |
 * | --------- | --------- | ----------------------------------------------------------------------------- |
 * | agent-run | agent-run | opens a run, and closes it once its children have settled                     |
 * | turn      | agent-run | starts a run because it is time: a watch's tick, or an appointment            |
 * | rank      | agent-run | says what a run would choose, without one                                     |
 * | watchdog  | agent-run | finds what was lost or hangs, and puts it back or ends it                     |
 * | decide    | decide    | one proposal in, one decision out                                             |
 * | vote      | vote      | one decision in, one outcome out                                              |
 * | sweep     | vote      | settles what a vote left unsettled, and compares a secret one after its reveal |
 * | seal      | vote      | links the audit records that are new into the chains of their voters          |
 * | cast-hold | vote      | makes the vote of a hold that its owner approved, or for which voting resumed |
 * | expire    | vote      | ends a hold at its deadline                                                   |
 * | notify    | notify    | something to tell an owner: a signed webhook, tried until it is delivered     |
 *
 * Jobs carry references, never a text, a key or a secret: their data can be read in Redis by anyone who may look.
 */
import { createHash } from 'node:crypto';
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { ERROR_CATEGORIES } from './errors.ts';
import { HoldId, OwnerId, RequestId, RunId } from './ids.ts';
import { HoldState } from './hold.ts';
import { noticeId, NoticePayload } from './notices.ts';
import { FailedWhy, Outcome, SkippedWhy } from './outcome.ts';
import { ProposalRanking, RunStatus } from './run.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_S = 60 * 60;

/** Reference to a proposal of a run. The text is stored under its content hash. */
const ProposalRef = z.strictObject({
  request_id: RequestId.optional(),
  run_id: RunId,
  proposal_id: ProposalId,
  content_hash: z.string().regex(/^[0-9a-f]{64}$/),
});

/** What has a queue of its own. Jobs of one queue are worked by one worker. */
export const QUEUES = ['agent-run', 'decide', 'vote', 'notify'] as const;
export type QueueName = (typeof QUEUES)[number];

/** What a `rank` job comes to; a failure in the categories of errors, for whoever waits. */
const RankAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ranked'), ranking: ProposalRanking }),
  z.object({
    kind: z.literal('failed'),
    category: z.enum(ERROR_CATEGORIES),
    message: z.string(),
    retry_after_s: z.number().nullable(),
  }),
]);

/** One job: what it carries, what it gives back, how long an attempt may take, how many attempts there are. */
export type JobDefinition<P, R> = {
  readonly queue: QueueName;
  readonly payload: z.ZodType<P>;
  readonly result: z.ZodType<R>;
  readonly timeoutMs: number;
  /** Attempts after which the job has failed; 'config' takes `MAX_RETRY_ATTEMPTS`. */
  readonly attempts: 'config' | number;
  /** For how long a finished job is kept, in seconds. */
  readonly keepS: number;
};

export const JOBS = {
  'agent-run': {
    queue: 'agent-run',
    /** The root of a run's tree. Taken twice: to fetch and fan out, and to summarise once all children have settled. */
    payload: z.strictObject({
      request_id: RequestId.optional(),
      run_id: RunId,
      step: z.enum(['fetch', 'summarise']),
    }),
    result: z.object({ run_id: RunId, status: RunStatus }),
    timeoutMs: 2 * MINUTE_MS,
    attempts: 'config',
    /** Finished trees: long enough to look at in Bull Board and to outlast a retry of the root; our own records are the truth. */
    keepS: HOUR_S,
  },
  turn: {
    queue: 'agent-run',
    payload: z.discriminatedUnion('from', [
      /** A watch's tick. What the watch wants stands in its record. */
      z.strictObject({ from: z.literal('watch'), owner: OwnerId, space_id: SpaceId }),
      /** An appointment, which counts as long as its record says this time. */
      z.strictObject({
        from: z.literal('appointment'),
        owner: OwnerId,
        space_id: SpaceId,
        dry_run: z.boolean(),
        at: z.int().describe('Unix milliseconds'),
      }),
    ]),
    result: z.object({
      kind: z
        .enum(['created', 'joined', 'replayed', 'put_off', 'superseded'])
        .describe('What came of it: a run, one that was under way, another time, or nothing, since it counts no more'),
      run_id: RunId.nullable(),
    }),
    timeoutMs: MINUTE_MS,
    /** A turn needs nothing but Redis. */
    attempts: 10,
    keepS: HOUR_S,
  },
  rank: {
    queue: 'agent-run',
    payload: z.strictObject({ owner: OwnerId, space_id: SpaceId }),
    result: RankAnswer,
    timeoutMs: 30 * SECOND_MS,
    /** Somebody waits for it and can ask again. */
    attempts: 1,
    /** Whoever asked takes it away. Not less than the others of its queue: BullMQ goes by the job that ends, for all that have. */
    keepS: HOUR_S,
  },
  watchdog: {
    queue: 'agent-run',
    payload: z.strictObject({}),
    result: z.object({
      open_runs: z.int(),
      put_back: z.int().describe('Jobs of runs and turns that were missing'),
      ended: z.int().describe('Runs that could not go on'),
      freed: z.int().describe('Runs that waited for children that will not come'),
    }),
    timeoutMs: 2 * MINUTE_MS,
    /** The next one comes soon. */
    attempts: 1,
    keepS: HOUR_S,
  },
  decide: {
    queue: 'decide',
    payload: ProposalRef,
    /** Never a thrown error in the end: a last attempt that fails is a value, so that its vote job still runs and records it. */
    result: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('decided') }),
      z.object({ kind: z.literal('failed'), why: FailedWhy }),
      z.object({ kind: z.literal('skipped'), why: SkippedWhy.extract(['budget']) }),
    ]),
    timeoutMs: 5 * MINUTE_MS,
    attempts: 'config',
    keepS: HOUR_S,
  },
  vote: {
    queue: 'vote',
    payload: ProposalRef,
    result: Outcome,
    timeoutMs: 5 * MINUTE_MS,
    /** A vote is bounded by time, in its handler; these attempts are for what nobody foresaw. */
    attempts: 5,
    keepS: HOUR_S,
  },
  sweep: {
    queue: 'vote',
    payload: ProposalRef.extend({ vote_id: z.string().regex(/^0x[0-9a-f]{64}$/) }),
    result: z.object({
      end: z
        .enum(['settled', 'counted', 'voided', 'given_up', 'nothing'])
        .describe(
          'voided: it closed without this vote; given_up: nobody could say; nothing: another vote stands there by now',
        ),
    }),
    /** Two questions to the hub, each of which has its own limit. */
    timeoutMs: 2 * MINUTE_MS,
    /** As a vote's: it is bounded by time, in its handler. */
    attempts: 5,
    keepS: HOUR_S,
  },
  seal: {
    queue: 'vote',
    payload: z.strictObject({}),
    result: z.object({
      sealed: z.int().describe('Records that were put behind their chains'),
      refused: z.int().describe('Those among them that tell of an entry which was not ours'),
    }),
    timeoutMs: MINUTE_MS,
    /** The next one comes soon. */
    attempts: 1,
    keepS: HOUR_S,
  },
  'cast-hold': {
    queue: 'vote',
    payload: z.strictObject({ request_id: RequestId.optional(), hold_id: HoldId }),
    result: z.object({ state: HoldState }),
    timeoutMs: 5 * MINUTE_MS,
    /** As a vote's. */
    attempts: 5,
    keepS: HOUR_S,
  },
  expire: {
    queue: 'vote',
    payload: z.strictObject({ hold_id: HoldId }),
    result: z.object({ state: HoldState }),
    timeoutMs: MINUTE_MS,
    /** The watchdog puts back what is lost all the same. */
    attempts: 10,
    keepS: HOUR_S,
  },
  notify: {
    queue: 'notify',
    payload: NoticePayload,
    result: z.object({
      end: z
        .enum(['delivered', 'dead', 'dropped', 'no_webhook'])
        .describe('dead: tried in vain; dropped: it counts no more; no_webhook: the owner wants none'),
    }),
    timeoutMs: MINUTE_MS,
    /** Deliveries are tried again by their own record; these attempts are for what nobody foresaw. */
    attempts: 10,
    keepS: HOUR_S,
  },
} as const satisfies Record<string, JobDefinition<unknown, unknown>>;

export type JobName = keyof typeof JOBS;
export type JobPayload<N extends JobName> = z.infer<(typeof JOBS)[N]['payload']>;
export type JobResult<N extends JobName> = z.infer<(typeof JOBS)[N]['result']>;
/** The jobs of a queue. */
export type JobOn<Q extends QueueName> = {
  [N in JobName]: (typeof JOBS)[N]['queue'] extends Q ? N : never;
}[JobName];

/** The names of the jobs of a queue. */
export function jobsOn(queue: QueueName): string[] {
  return Object.entries(JOBS)
    .filter(([, job]) => job.queue === queue)
    .map(([name]) => name);
}

type Appointment = Extract<JobPayload<'turn'>, { from: 'appointment' }>;

/** What the operator sets about retries. */
export type RetrySettings = { readonly maxRetryAttempts: number; readonly retryDelayS: number };

/** The BullMQ options of a job. */
export function jobOptions(name: JobName, settings: RetrySettings) {
  const { attempts, keepS } = JOBS[name];
  return {
    attempts: attempts === 'config' ? settings.maxRetryAttempts : attempts,
    backoff: { type: 'exponential', delay: settings.retryDelayS * SECOND_MS, jitter: 0.5 },
    removeOnComplete: { age: keepS, count: 10_000 },
    removeOnFail: { age: keepS, count: 10_000 },
  };
}

/** The largest priority that BullMQ takes: whatever has another one, or none, runs first. */
export const MAX_PRIORITY = 2_097_151;

/** Minutes to the end of a proposal, as a job priority: what closes first is worked on first. */
export function deadlinePriority(endS: number, nowMs: number): number {
  const minutes = Math.ceil((endS * SECOND_MS - nowMs) / MINUTE_MS);
  return Math.min(MAX_PRIORITY, Math.max(1, minutes));
}

/** Ids of jobs. An id dedupes as long as the job is there: the same child, turn or notice is never added twice. */
export const jobIds = {
  run: (run: RunId): string => run,
  decide: (run: RunId, proposal: ProposalId): string => `decide-${run}-${proposal}`,
  vote: (run: RunId, proposal: ProposalId): string => `vote-${run}-${proposal}`,
  sweep: ({ run_id, vote_id }: JobPayload<'sweep'>): string => `sweep-${run_id}-${vote_id}`,
  appointment: ({ owner, space_id, dry_run, at }: Omit<Appointment, 'from'>): string =>
    `turn-${fingerprint([owner, space_id, dry_run])}-${at}`,
  castHold: (hold: HoldId): string => `cast-hold-${hold}`,
  expire: (hold: HoldId): string => `expire-${hold}`,
  notify: noticeId,
} as const;

/** A space's name may hold what no id may; its hash does not. */
export function fingerprint(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
