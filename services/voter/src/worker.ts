/** The worker of the queue `vote`: votes, and the sealing of the audit records of votes, each in a module of its own. */
import { toQuorumError, treatmentOf } from '@quorum/shared/errors';
import { handler } from '@quorum/shared/job-handler';
import { JOBS, type JobPayload } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Outcome } from '@quorum/shared/outcome';
import type { OutcomeRecord } from '@quorum/shared/records';
import { runWorker, type RunningWorker } from '@quorum/shared/run-worker';
import type { Traces } from '@quorum/shared/traces';
import type { Redis } from 'ioredis';
import { castHoldJob, failHold } from './cast-hold.ts';
import { expireJob } from './expire.ts';
import { failed } from './step.ts';
import { sweepJob } from './sweep.ts';
import { openSealQueue } from './seal-queue.ts';
import { createSealer } from './seal.ts';
import type { VoteJobDeps } from './vote-deps.ts';
import { settleOutcome, voteJob } from './vote.ts';

export type VoterOptions = {
  readonly connection: Redis;
  readonly concurrency: number;
  /** Seconds after which the jobs of a worker that vanished are taken back. */
  readonly lockS: number;
  readonly traces?: Traces | null;
  readonly deps: VoteJobDeps;
};

/** Starts the worker. `close` ends it and what it opened. */
export function startVoter({ connection, concurrency, lockS, traces = null, deps }: VoterOptions): RunningWorker {
  const { log, metrics, records } = deps;
  const queues = openSealQueue(connection, log);
  const seal = createSealer([...new Set([...deps.licences.values()].map(({ voter }) => voter))], deps);

  /** A vote that stands is told of in the chain before the next one is made, if that is possible; the next minute seals it too. */
  async function sealSoon(): Promise<void> {
    await queues.sealSoon().catch((error: unknown) => log.warn({ err: error }, 'sealing was not asked for'));
  }

  /** Ends a vote whose job failed for good. */
  async function failVote(
    payload: JobPayload<'vote'>,
    record: OutcomeRecord,
    tries: number,
    scoped: Logger,
  ): Promise<Outcome> {
    const run = await records.runForVote(payload.run_id, payload.proposal_id);
    if (run === null) return record.outcome;
    const { run_id: runId, proposal_id: proposal, content_hash: contentHash } = payload;
    const ref = { runId, owner: run.owner, space: run.space, proposal, contentHash, tries };
    return settleOutcome(run, ref, record, null, { ...deps, log: scoped.child({ owner: run.owner }) });
  }

  const worker = runWorker({
    queue: 'vote',
    handlers: {
      vote: handler(JOBS.vote, {
        async handle(payload, attempt, signal) {
          const outcome = await voteJob(payload, { ...deps, log: attempt.log }, signal, attempt.pickups);
          if (outcome.kind === 'cast') await sealSoon();
          return outcome;
        },
        onFinalError(payload, error, attempt) {
          const { why } = treatmentOf(error.category);
          // The reason says all that there is to say of what nobody foresaw.
          const detail = error.category === 'internal' ? undefined : error.message;
          return failVote(payload, failed(why, deps.now(), detail), attempt.pickups, attempt.log);
        },
        // Its workers died over it, again and again. What they sent may stand: it is looked at again like that of any other vote.
        async onLost(data) {
          const payload = JOBS.vote.payload.parse(data);
          const { run_id, proposal_id, request_id } = payload;
          await failVote(payload, failed('internal', deps.now()), 1, log.child({ run_id, proposal_id, request_id }));
        },
      }),
      sweep: handler(JOBS.sweep, {
        handle: (payload, { log: scoped }, signal) => sweepJob(payload, { ...deps, log: scoped }, signal),
      }),
      seal: handler(JOBS.seal, {
        async handle(_payload, _attempt, signal) {
          await queues.keepSealing(deps.now());
          return seal(signal);
        },
      }),
      'cast-hold': handler(JOBS['cast-hold'], {
        async handle(payload, attempt, signal) {
          const result = await castHoldJob(payload, { ...deps, log: attempt.log }, signal, attempt.pickups);
          if (result.state === 'cast') await sealSoon();
          return result;
        },
        onFinalError: (payload, error, attempt) => failHold(payload, error, { ...deps, log: attempt.log }),
        async onLost(data, error) {
          const payload = JOBS['cast-hold'].payload.parse(data);
          await failHold(payload, toQuorumError(error), { ...deps, log: log.child({ hold_id: payload.hold_id }) });
        },
      }),
      expire: handler(JOBS.expire, {
        handle: (payload, { log: scoped }, signal) => expireJob(payload, { ...deps, log: scoped }, signal),
      }),
    },
    connection,
    concurrency,
    lockS,
    log,
    metrics,
    traces,
  });

  return {
    ...worker,
    async ready() {
      await worker.ready();
      await queues.keepSealing(deps.now());
      await sealSoon();
    },
    async close(deadlineMs) {
      await worker.close(deadlineMs);
      await queues.close();
    },
  };
}
