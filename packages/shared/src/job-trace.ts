/**
 * The span of a job: one for each time that it is taken.
 *
 *   a job that a run is made of (its root, a decision, a vote) → in the run's trace, below what added it, or below the run's first
 *                                                                span where nobody of this run did
 *   another job that names a run (a sweep, a notice)           → a trace of its own, linked to the run's: it may come days later
 *   any other                                                  → below what added it; without that, a trace of its own
 */
import { RunId } from './ids.ts';
import type { JobName, QueueName } from './jobs.ts';
import { errorType, firstSpanOf, parseTraceparent, within, type Attributes, type Where } from './trace-context.ts';
import type { Traces } from './traces.ts';

/** What a run is made of. */
const OF_A_RUN: ReadonlySet<string> = new Set<JobName>(['agent-run', 'decide', 'vote']);

/** What BullMQ is told by an exception: the job moves, and nothing went wrong. */
const MOVES = new Map([
  ['DelayedError', 'postponed'],
  ['WaitingChildrenError', 'waits_for_children'],
  ['WaitingError', 'handed_back'],
]);

/** What is read of a job of BullMQ's. */
export type TracedJob = {
  readonly id?: string | undefined;
  readonly name: string;
  readonly data: unknown;
  readonly opts: { readonly telemetry?: { readonly metadata?: string | undefined } | undefined };
  readonly attemptsMade: number;
  readonly attemptsStarted: number;
};

/** Does the work on a job in a span of its own, if traces are on. */
export async function traceJob<T>(
  traces: Traces | null,
  queue: QueueName,
  job: TracedJob,
  work: () => Promise<T>,
): Promise<T> {
  if (traces === null) return work();
  const about = { name: `process ${job.name}`, kind: 'consumer', attributes: attributesOf(queue, job) } as const;
  const span = traces.begin(about, whereOf(job));
  try {
    const result = await within(span, work);
    span.set({ 'quorum.job.end': 'completed' });
    return result;
  } catch (error) {
    const move = error instanceof Error ? MOVES.get(error.name) : undefined;
    span.set({ 'quorum.job.end': move ?? 'failed' });
    if (move === undefined) span.fail(errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

function attributesOf(queue: QueueName, { id, data, name, attemptsMade, attemptsStarted }: TracedJob): Attributes {
  const run = runIdOf(data);
  const proposal = textOf(data, 'proposal_id');
  const hold = textOf(data, 'hold_id');
  return {
    'messaging.system': 'bullmq',
    'messaging.destination.name': queue,
    'messaging.operation.type': 'process',
    'messaging.operation.name': name,
    ...(id === undefined ? {} : { 'messaging.message.id': id }),
    'quorum.job.attempt': attemptsMade + 1,
    'quorum.job.pickup': Math.max(1, attemptsStarted),
    ...(run === null ? {} : { 'quorum.run_id': run }),
    ...(proposal === null ? {} : { 'quorum.proposal_id': proposal }),
    ...(hold === null ? {} : { 'quorum.hold_id': hold }),
  };
}

function whereOf({ name, data, opts }: TracedJob): Where {
  const run = runIdOf(data);
  const carried = parseTraceparent(opts.telemetry?.metadata);
  if (run === null) return carried === null ? { kind: 'new', link: null } : { kind: 'child', of: carried };
  const first = firstSpanOf(run);
  if (!OF_A_RUN.has(name)) return { kind: 'new', link: carried ?? first };
  return { kind: 'child', of: carried?.traceId === first.traceId ? carried : first };
}

function runIdOf(data: unknown): RunId | null {
  return RunId.safeParse(textOf(data, 'run_id')).data ?? null;
}

function textOf(data: unknown, field: string): string | null {
  if (typeof data !== 'object' || data === null) return null;
  const value: unknown = Reflect.get(data, field);
  return typeof value === 'string' ? value : null;
}
