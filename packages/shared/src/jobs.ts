/**
 * The job catalogue: every job as plain data. Producers import only this; handlers live with the services. A payload is checked
 * when it is enqueued and again when it is taken.
 *
 * Jobs carry references, never a text, a key or a secret: their data can be read in Redis by anyone who may look.
 */
import { ProposalId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { RunId } from './ids.ts';
import { FailedWhy, Outcome } from './outcome.ts';
import { RunStatus } from './run.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_S = 60 * 60;

/** Reference to a proposal of a run. The text is stored under its content hash. */
const ProposalRef = z.strictObject({
  run_id: RunId,
  proposal_id: ProposalId,
  content_hash: z.string().regex(/^[0-9a-f]{64}$/),
});

/** One job: what it carries, what it gives back, how long an attempt may take, how many attempts there are. */
export type JobDefinition<P, R> = {
  readonly payload: z.ZodType<P>;
  readonly result: z.ZodType<R>;
  readonly timeoutMs: number;
  readonly attempts: 'config' | number;
};

export const JOBS = {
  'agent-run': {
    /** The root of a run's tree. Taken twice: to fetch and fan out, and to summarise once all children have settled. */
    payload: z.strictObject({ run_id: RunId, step: z.enum(['fetch', 'summarise']) }),
    result: z.object({ run_id: RunId, status: RunStatus }),
    timeoutMs: 2 * MINUTE_MS,
    /** Attempts after which the job has failed; 'config' takes `MAX_RETRY_ATTEMPTS`. */
    attempts: 'config',
  },
  decide: {
    payload: ProposalRef,
    /** Never a thrown error in the end: a last attempt that fails is a value, so that its vote job still runs and records it. */
    result: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('decided') }),
      z.object({ kind: z.literal('failed'), why: FailedWhy }),
    ]),
    timeoutMs: 5 * MINUTE_MS,
    attempts: 'config',
  },
  vote: {
    payload: ProposalRef,
    result: Outcome,
    timeoutMs: 5 * MINUTE_MS,
    /** A vote is bounded by time, in its handler; these attempts are for what nobody foresaw. */
    attempts: 5,
  },
} as const satisfies Record<string, JobDefinition<unknown, unknown>>;

export type JobName = keyof typeof JOBS;
export type JobPayload<N extends JobName> = z.infer<(typeof JOBS)[N]['payload']>;
export type JobResult<N extends JobName> = z.infer<(typeof JOBS)[N]['result']>;

/** Each job has a queue of its own, of the same name. */
export const QUEUES = ['agent-run', 'decide', 'vote'] as const satisfies readonly JobName[];

/** What the operator sets about retries. */
export type RetrySettings = { readonly maxRetryAttempts: number; readonly retryDelayS: number };

/**
 * The BullMQ options of a job. Finished trees are kept an hour: long enough to look at in Bull Board and to outlast a retry of
 * the root; our own records are the truth.
 */
export function jobOptions(name: JobName, settings: RetrySettings) {
  const { attempts } = JOBS[name];
  return {
    attempts: attempts === 'config' ? settings.maxRetryAttempts : attempts,
    backoff: { type: 'exponential', delay: settings.retryDelayS * SECOND_MS, jitter: 0.5 },
    removeOnComplete: { age: HOUR_S, count: 10_000 },
    removeOnFail: { age: HOUR_S, count: 10_000 },
  };
}

/** The largest priority that BullMQ takes; smaller runs first. */
const MAX_PRIORITY = 2_097_151;

/** Minutes to the end of a proposal, as a job priority: what closes first is worked on first. */
export function deadlinePriority(endS: number, nowMs: number): number {
  const minutes = Math.ceil((endS * SECOND_MS - nowMs) / MINUTE_MS);
  return Math.min(MAX_PRIORITY, Math.max(1, minutes));
}

/** Ids of the jobs of one run's tree. An id dedupes: the same child is never added twice. */
export const jobIds = {
  run: (run: RunId): string => run,
  decide: (run: RunId, proposal: ProposalId): string => `decide-${run}-${proposal}`,
  vote: (run: RunId, proposal: ProposalId): string => `vote-${run}-${proposal}`,
} as const;
