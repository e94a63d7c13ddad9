/**
 * `POST /agent-run`, `GET` and `DELETE /agent-run/:id`, and `GET /agent-run/:id/timings`.
 *
 * A run is paid for, accepted and added to the queue under its own id in one atomic step. If that fails, the answer is 503, and the
 * same request again starts the run, or finds it and adds what is missing: nothing is lost and nothing runs twice. Whoever would
 * rather wait than poll says for how long (`Prefer: wait=20`), and has the result if there is one by then.
 *
 * A run is cancelled likewise: first its record says so, which stops every vote that is not reserved; then those who work for it
 * are told, and what nobody has begun is taken away. The answer is 202, and the run ends soon after, or once the votes that it had
 * reserved are settled; when it has, 200 where it was cancelled and 409 where it ended otherwise.
 */
import type { Accepted } from '@quorum/shared/accept';
import { hashOf } from '@quorum/shared/canonical';
import { NotFoundError, UpstreamError } from '@quorum/shared/errors';
import type { Hold } from '@quorum/shared/hold';
import { holdIdOf, RunId, type OwnerId, type RequestId } from '@quorum/shared/ids';
import type { Records, RunRecord } from '@quorum/shared/records';
import type { AgentRunAccepted, AgentRunRequest, AgentRunView, RunStatus } from '@quorum/shared/run';
import { timingsOf, type RunTimings } from '@quorum/shared/run-timings';
import type { Step } from '@quorum/shared/script';
import { openSpan } from '@quorum/shared/trace-context';
import type { Transitions } from '@quorum/shared/transitions';
import { Router, type Response } from 'express';
import { maySee, type Access, type Caller } from '../access.ts';
import { CANCEL_RUN, READ_RUN, START_RUN, TIME_RUN } from '../api/runs.ts';
import { serveOn } from '../api/serve.ts';
import { askRedis } from '../ask-redis.ts';
import { sendTagged } from '../etag.ts';
import type { Paid } from '../limits.ts';
import { Refusal, requestIdOf } from '../problem.ts';
import type { Queues } from '../queues.ts';
import { waitOf, type RunWaits } from '../run-waits.ts';
import type { StartRun } from '../start-run.ts';
import { viewOf } from '../view.ts';

export type AgentRunDeps = {
  readonly access: Access;
  readonly records: Records;
  readonly transitions: Transitions;
  readonly startRun: StartRun;
  readonly queues: Queues;
  readonly runWaits: RunWaits;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
};

/** When whoever polls is to look again, in seconds. */
const RETRY_AFTER_S = '2';

/** The routes of runs. */
export function agentRunRoutes(deps: AgentRunDeps): Router {
  const router = Router();
  const serve = serveOn(router, deps.access);

  serve(START_RUN, async ({ caller, headers, body, request, response, answer }) => {
    const accepted = await askRedis(deps.limitMs(), async () => {
      const wanted = await readOr(caller, () => ({ ...body(), key: headers()['Idempotency-Key'] ?? null }));
      // The run that a request starts has its id, so that one id leads from the answer to the vote.
      const runId = RunId.parse(requestIdOf(response));
      return await deps.access.startFor(request, START_RUN.role, ({ owner }, payment) =>
        startRun(deps, payment, { owner, runId }, wanted),
      );
    });
    response.setHeader('location', accepted.status_url);
    const waitS = waitOf(request);
    const view = waitS === null ? null : await viewAfter(deps, accepted.run_id, waitS, response);
    if (view !== null && isOver(view.status)) {
      response.set('content-location', accepted.status_url);
      return answer(200, view);
    }
    const { status } = view ?? accepted;
    response.setHeader('retry-after', RETRY_AFTER_S);
    return answer(202, { ...accepted, status });
  });

  serve(READ_RUN, async ({ caller, params, response }) => {
    const view = await askRedis(deps.limitMs(), async () => readRun(deps, await caller(), params().id));
    sendTagged(response, JSON.stringify(view));
  });

  serve(TIME_RUN, async ({ caller, params, answer }) =>
    answer(200, await askRedis(deps.limitMs(), async () => timeRun(deps, await caller(), params().id))),
  );

  serve(CANCEL_RUN, async ({ caller, params, response, answer }) => {
    const { ended, view } = await askRedis(deps.limitMs(), async () => cancelRun(deps, await caller(), params().id));
    if (ended) return answer(200, view);
    response.location(`/agent-run/${view.run_id}`).set('retry-after', RETRY_AFTER_S);
    return answer(202, view);
  });

  return router;
}

/** What a request says. Where that does not fit, whoever may ask is told so, and pays for it. */
async function readOr<T>(caller: () => Promise<Caller>, read: () => T): Promise<T> {
  try {
    return read();
  } catch (error) {
    await caller();
    throw error;
  }
}

async function startRun(
  { startRun: start, records, queues }: AgentRunDeps,
  payment: Step<Paid>,
  { owner, runId: newId }: { readonly owner: OwnerId; readonly runId: RunId },
  { space_id, dry_run, key }: AgentRunRequest & { readonly key: string | null },
): Promise<AgentRunAccepted | null> {
  const requestId: RequestId = newId;
  const accepted = await start(payment, {
    runId: newId,
    requestId,
    owner,
    space: space_id,
    dryRun: dry_run,
    idempotency: key === null ? null : { key, bodyHash: hashOf({ space_id, dry_run }) },
    nowMs: Date.now(),
  });
  if (accepted === null) return null;
  refuseClash(accepted, dry_run);
  const { kind, runId } = accepted;
  openSpan()?.set({ 'quorum.run_id': runId });
  const run = kind === 'created' ? { state: 'queued' as const } : await healed({ records, queues }, runId);
  const url = `/agent-run/${runId}`;
  return { run_id: runId, status: run.state, joined: kind === 'joined', status_url: url, events_url: `${url}/events` };
}

/**
 * The run once it has ended, or as it stands when that takes too long. Null where that cannot be said, or too many wait already:
 * the run is accepted all the same.
 */
async function viewAfter(
  { records, runWaits, limitMs }: AgentRunDeps,
  runId: RunId,
  waitS: number,
  response: Response,
): Promise<AgentRunView | null> {
  if (runWaits.isFull()) return null;
  try {
    const read = (): Promise<RunRecord | null> => askRedis(limitMs(), () => records.run(runId));
    const hasEnded = async (): Promise<boolean> => isOver((await read())?.state ?? 'queued');
    await runWaits.untilEnd(runId, hasEnded, waitS, response);
    const run = await read();
    if (run === null) return null;
    const holds = await askRedis(limitMs(), () => readHolds({ records }, run));
    response.set('preference-applied', `wait=${waitS}`);
    return viewOf(run, holds, Date.now());
  } catch (error) {
    if (error instanceof UpstreamError) return null;
    throw error;
  }
}

function isOver(status: RunStatus): boolean {
  return status !== 'queued' && status !== 'running';
}

function refuseClash({ kind, runId }: Accepted, dryRun: boolean): void {
  if (kind === 'conflict') {
    const other = dryRun ? 'live' : 'dry';
    throw new Refusal('run-conflict', `A ${other} run of this space is under way. Try again when it has ended.`, {
      runId,
    });
  }
  if (kind === 'ending') {
    throw new Refusal('run-ending', 'The run of this space is being cancelled. Try again when it has ended.', {
      runId,
      headers: { 'retry-after': RETRY_AFTER_S },
    });
  }
  if (kind === 'mismatch') {
    throw new Refusal('idempotency-key-reused', 'Send another key, or the body that this key came with.', { runId });
  }
}

/** A run that was accepted before. Its job may have missed the queue: added again it is the same, or the one that was missing. */
async function healed(
  { records, queues }: Pick<AgentRunDeps, 'records' | 'queues'>,
  runId: RunId,
): Promise<Pick<RunRecord, 'state'>> {
  const run = await records.run(runId);
  if (run === null) throw new NotFoundError('run');
  if (run.state === 'queued') await queues.addRun(runId, run.requestId ?? undefined);
  return run;
}

/** A run of another owner is as unknown as one that never was. */
async function findRun({ records }: AgentRunDeps, caller: Caller, runId: RunId): Promise<RunRecord> {
  return seenBy(caller, await records.run(runId));
}

function seenBy(caller: Caller, run: RunRecord | null): RunRecord {
  if (run === null || !maySee(caller, run.owner)) throw new NotFoundError('run');
  return run;
}

async function timeRun(deps: AgentRunDeps, caller: Caller, runId: RunId): Promise<RunTimings> {
  const found = await deps.records.runAndEvents(runId);
  const run = seenBy(caller, found?.run ?? null);
  return timingsOf(run, found?.events ?? [], await readHolds(deps, run), Date.now());
}

async function readRun(deps: AgentRunDeps, caller: Caller, runId: RunId): Promise<AgentRunView> {
  const run = await findRun(deps, caller, runId);
  return viewOf(run, await readHolds(deps, run), Date.now());
}

/** The holds of a run: what became of them later is shown with the outcomes. */
export async function readHolds(
  { records }: { readonly records: Pick<Records, 'hold'> },
  { runId, outcomes }: RunRecord,
): Promise<readonly Hold[]> {
  const held = [...outcomes].filter(([, { outcome }]) => outcome.kind === 'held');
  const holds = await Promise.all(held.map(([proposal]) => records.hold(holdIdOf(runId, proposal))));
  return holds.filter((hold) => hold !== null);
}

async function cancelRun(
  deps: AgentRunDeps,
  caller: Caller,
  id: RunId,
): Promise<{ readonly ended: boolean; readonly view: AgentRunView }> {
  const run = await findRun(deps, caller, id);
  const { runId } = run;
  const status = await deps.transitions.cancel(run, Date.now());
  if (status === 'completed' || status === 'failed') {
    throw new Refusal('run-ended', `It has ${status} already: nothing is left to cancel.`, { runId });
  }
  const ended = status === 'cancelled';
  if (!ended) await deps.queues.release(runId);
  return { ended, view: await readRun(deps, caller, runId) };
}
