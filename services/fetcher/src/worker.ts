/**
 * The worker of the queue `agent-run`: the root of a run's tree, a step job.
 *
 *   picked up with step `fetch`      start the run, open it (pinned: a retry finds the opening), add the missing trees,
 *                                    note the next step, wait for the children
 *                                    a run that was cancelled before it opened is closed instead
 *                                    while the hub asks for a pause: delayed, for a quarter of an hour at most
 *   picked up with step `summarise`  wait for the children again (a crash may lie between the note and the wait), then close
 *   picked up when the run has ended wait for what still works, and say how it ended
 *   the last attempt fails           end the run as failed, which stops what is not reserved; wait for what still works
 *
 * A child is added only if no job of its id exists: BullMQ would put one that has already failed back among the dependencies,
 * and the root would wait for it for ever.
 */
import { NotFoundError, QuorumError } from '@quorum/shared/errors';
import { RunId } from '@quorum/shared/ids';
import { JOBS, type JobResult, type RetrySettings } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { Opening, RunRecord } from '@quorum/shared/records';
import { createFlowProducer } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { runWorker, type RunningWorker, type StepJob } from '@quorum/shared/run-worker';
import { postponedUntilOpen } from '@quorum/shared/upstream-gate';
import { Queue, type FlowJob } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { closeRun, failRun, type CloseDeps } from './close.ts';
import { openRun, type OpenDeps } from './open.ts';
import { unopened } from './summarise.ts';
import { childTrees, type ChildTree } from './tree.ts';

/** For how long a run waits for a hub that asks for a pause; then it is an error like any other. */
const PATIENCE_MS = 15 * 60 * 1_000;

/** What a run keeps to from its first job on, whatever the operator changes meanwhile. */
export type RunTerms = Pick<OpenDeps, 'hub' | 'minTimeToVoteS' | 'deadlineLeadS'> & { readonly retries: RetrySettings };

export type FetcherDeps = Omit<OpenDeps, keyof RunTerms> &
  CloseDeps & { readonly termsOf: (run: RunRecord) => Promise<RunTerms> };

export type FetcherOptions = {
  readonly connection: Redis;
  readonly concurrency: number;
  /** Seconds after which the jobs of a worker that vanished are taken back. */
  readonly lockS: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly deps: FetcherDeps;
};

/** Starts the worker. `close` ends it and what it opened. */
export function startFetcher({ connection, concurrency, lockS, log, metrics, deps }: FetcherOptions): RunningWorker {
  const flow = createFlowProducer(connection, log);
  const votes = new Queue('vote', { connection, prefix: BULL_PREFIX });
  votes.on('error', (error: unknown) => log.error({ err: error }, 'queue error'));

  const { records, transitions } = deps;

  async function readRun(runId: RunId): Promise<RunRecord> {
    const run = await records.run(runId);
    if (run === null) throw new NotFoundError(`run ${runId}`);
    return run;
  }

  /** The run as far as it can be read: one that cannot be read whole must end all the same. */
  async function readToEnd(runId: RunId): Promise<RunRecord | null> {
    try {
      return await records.run(runId);
    } catch (error) {
      log.error({ err: error, run_id: runId }, 'run record cannot be read whole');
      return records.runHead(runId);
    }
  }

  /** Opens a run; while the hub asks for a pause it is put off, which costs no attempt. */
  async function openUnhurried(run: RunRecord, terms: RunTerms, signal: AbortSignal): Promise<Opening> {
    try {
      return await openRun(run, { ...deps, ...terms }, signal);
    } catch (error) {
      const nowMs = deps.now();
      throw postponedUntilOpen(error, { nowMs, untilMs: (run.startedAtMs ?? nowMs) + PATIENCE_MS });
    }
  }

  async function addMissing(trees: readonly ChildTree[], rootId: string): Promise<void> {
    const known = await Promise.all(trees.map((tree) => votes.getJob(tree.voteId)));
    const missing = trees.filter((_, at) => known[at] === undefined);
    if (missing.length > 0) await flow.addBulk(missing.map((tree) => flowOf(tree, rootId)));
  }

  const worker = runWorker({
    name: 'agent-run',
    job: JOBS['agent-run'],
    connection,
    concurrency,
    lockS,
    log,
    metrics,
    async handle(payload, attempt, signal, step): Promise<JobResult<'agent-run'>> {
      const { run_id: runId } = payload;
      const status = await transitions.start(runId, deps.now());
      if (status === 'missing') throw new NotFoundError(`run ${runId}`);
      if (status !== 'running') return ended(step, runId, status);

      if (payload.step === 'fetch') {
        const run = await readRun(runId);
        if (run.cancelled && run.opening === null) {
          return { run_id: runId, status: await closeRun(run, unopened(run), deps) };
        }
        const terms = await deps.termsOf(run);
        const opening = run.opening ?? (await records.open(runId, await openUnhurried(run, terms, signal)));
        attempt.log.info({ filter_metrics: { ...opening.filter_metrics, ranked: undefined } }, 'proposals selected');
        await addMissing(childTrees(run, opening, terms.retries, deps.now()), step.id);
        await step.update({ run_id: runId, step: 'summarise' });
      }
      await step.waitForChildren();
      const run = await readRun(runId);
      if (run.opening === null) throw new NotFoundError(`opening of run ${runId}`);
      return { run_id: runId, status: await closeRun(run, run.opening, deps) };
    },
    async onFinalError(payload, error, _attempt, step): Promise<JobResult<'agent-run'>> {
      const run = await readToEnd(payload.run_id);
      if (run === null) throw error;
      return ended(step, payload.run_id, await failRun(run, error, deps));
    },
    async onLost(data, error) {
      const { run_id: runId } = z.object({ run_id: RunId }).parse(data);
      log.error({ err: error, run_id: runId }, 'job of a run lost');
      const run = await readToEnd(runId);
      const lost = 'The job of this run was lost; the log has the details.';
      if (run !== null) await failRun(run, new QuorumError('internal', lost, { cause: error }), deps);
    },
  });

  return {
    ...worker,
    async close(deadlineMs) {
      await worker.close(deadlineMs);
      await Promise.all([flow.close(), votes.close()]);
    },
  };
}

/** A run that has ended may still have children at work: a root that completes before them would be refused. */
async function ended(
  step: StepJob,
  runId: RunId,
  status: JobResult<'agent-run'>['status'],
): Promise<JobResult<'agent-run'>> {
  await step.waitForChildren();
  return { run_id: runId, status };
}

function flowOf(tree: ChildTree, rootId: string): FlowJob {
  return {
    name: 'vote',
    queueName: 'vote',
    data: tree.payload,
    opts: { ...tree.voteOptions, jobId: tree.voteId, parent: { id: rootId, queue: `${BULL_PREFIX}:agent-run` } },
    children: [
      {
        name: 'decide',
        queueName: 'decide',
        data: tree.payload,
        opts: { ...tree.decideOptions, jobId: tree.decideId },
      },
    ],
  };
}
