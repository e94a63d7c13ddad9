/**
 * `POST /agent-run`, and `GET` and `DELETE /agent-run/:id`.
 *
 * A run is accepted first, in one atomic step, and then added to the queue under its own id. If the second fails, the answer is
 * 503 and the same request again finds the run still queued and adds it: nothing is lost and nothing runs twice.
 *
 * A run is cancelled likewise: first its record says so, which stops every vote that is not reserved; then those who work for it
 * are told, and what nobody has begun is taken away. The answer is 202, and the run ends soon after; once it has, 200 where it
 * was cancelled and 409 where it ended otherwise.
 */
import { hashOf } from '@quorum/shared/canonical';
import { NotFoundError, ValidationError } from '@quorum/shared/errors';
import { newRunId, RunId, type OwnerId } from '@quorum/shared/ids';
import type { Records, RunRecord } from '@quorum/shared/records';
import { AgentRunRequest, type AgentRunAccepted, type AgentRunView, type RunStatus } from '@quorum/shared/run';
import type { Accepted, Transitions } from '@quorum/shared/transitions';
import { Router, type Request } from 'express';
import { maySee, type Access, type Caller } from '../access.ts';
import { askRedis } from '../ask-redis.ts';
import { Refusal } from '../problem.ts';
import type { Queues } from '../queues.ts';
import { readBody } from '../read-body.ts';
import { viewOf } from '../view.ts';

export type AgentRunDeps = {
  readonly access: Access;
  readonly records: Records;
  readonly transitions: Transitions;
  readonly queues: Queues;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
};

/** The routes of runs, each with its full path: metrics name a request by it. */
export function agentRunRoutes(deps: AgentRunDeps): Router {
  const router = Router();

  router.post('/agent-run', async (request, response) => {
    // Before the limit begins, as it takes our time and not that of Redis; what is wrong is told to whoever may ask.
    const body = readBody(AgentRunRequest, request.body);
    const accepted = await askRedis(deps.limitMs(), async () => {
      const { owner } = await deps.access.callerOf(request, 'user');
      return await startRun(deps, owner, body(), parseIdempotencyKey(request));
    });
    response.status(202).location(accepted.status_url).json(accepted);
  });

  router.get('/agent-run/:id', async (request, response) => {
    const view = await askRedis(deps.limitMs(), async () => {
      const caller = await deps.access.callerOf(request, 'viewer');
      return await readRun(deps, caller, request.params.id);
    });
    response.json(view);
  });

  router.delete('/agent-run/:id', async (request, response) => {
    const { ended, view } = await askRedis(deps.limitMs(), async () => {
      const caller = await deps.access.callerOf(request, 'user');
      return await cancelRun(deps, caller, request.params.id);
    });
    response.status(ended ? 200 : 202).json(view);
  });

  return router;
}

async function startRun(
  { transitions, records, queues }: AgentRunDeps,
  owner: OwnerId,
  { space_id, dry_run }: AgentRunRequest,
  idempotencyKey: string | null,
): Promise<AgentRunAccepted> {
  const accepted = await transitions.accept({
    runId: newRunId(),
    owner,
    space: space_id,
    dryRun: dry_run,
    idempotency: idempotencyKey === null ? null : { key: idempotencyKey, bodyHash: hashOf({ space_id, dry_run }) },
    nowMs: Date.now(),
  });
  refuseClash(accepted, dry_run);
  const { kind, runId } = accepted;
  const status = kind === 'created' ? 'queued' : await statusOf(records, runId);
  // A run that was accepted before may have missed the queue: added again it is the same job, or the one that was missing.
  if (status === 'queued') await queues.addRun(runId);
  return { run_id: runId, status, joined: kind === 'joined', status_url: `/agent-run/${runId}` };
}

function refuseClash({ kind, runId }: Accepted, dryRun: boolean): void {
  if (kind === 'conflict') {
    const other = dryRun ? 'live' : 'dry';
    throw new Refusal('run-conflict', `A ${other} run of this space is under way. Try again when it has ended.`, {
      runId,
    });
  }
  if (kind === 'mismatch') {
    throw new Refusal('idempotency-key-reused', 'Send another key, or the body that this key came with.', { runId });
  }
}

async function statusOf(records: Records, runId: RunId): Promise<RunStatus> {
  const run = await records.run(runId);
  if (run === null) throw new NotFoundError('run');
  return run.state;
}

/** A run of another owner is as unknown as one that never was. */
async function findRun({ records }: AgentRunDeps, caller: Caller, id: string): Promise<RunRecord> {
  const runId = RunId.safeParse(id);
  const run = runId.success ? await records.run(runId.data) : null;
  if (run === null || !maySee(caller, run.owner)) throw new NotFoundError('run');
  return run;
}

async function readRun(deps: AgentRunDeps, caller: Caller, id: string): Promise<AgentRunView> {
  return viewOf(await findRun(deps, caller, id));
}

async function cancelRun(
  deps: AgentRunDeps,
  caller: Caller,
  id: string,
): Promise<{ readonly ended: boolean; readonly view: AgentRunView }> {
  const { runId, owner } = await findRun(deps, caller, id);
  const status = await deps.transitions.cancel(runId, owner, Date.now());
  if (status === 'completed' || status === 'failed') {
    throw new Refusal('run-ended', `It has ${status} already: nothing is left to cancel.`, { runId });
  }
  const ended = status === 'cancelled';
  if (!ended) await deps.queues.release(runId);
  return { ended, view: await readRun(deps, caller, runId) };
}

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

function parseIdempotencyKey(request: Request): string | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && VISIBLE_ASCII.test(key)) return key;
  throw new ValidationError('The Idempotency-Key does not fit.', [
    { path: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' },
  ]);
}
