/**
 * A turn: the timed job that starts a run, by the same transition as the gateway.
 *
 *   a watch's tick, its watch gone            → superseded: nothing
 *   an appointment whose record says otherwise → superseded: nothing
 *   an appointment for a tick, its watch gone  → superseded: what it had replaced stands again
 *   no run of this owner and space            → created
 *   a run of its own kind is under way        → joined: that run is this turn's
 *   that run is being cancelled               → put off until it has ended: it looks after nothing any more, and its end takes away
 *                                               what is appointed
 *   a run of the other kind is under way      → a tick makes an appointment for now and is done, so that the ticks of a long wait
 *                                               become one; an appointment is put off until that run has ended
 *
 * Delivered again it finds the run that it had: the id of its job is its idempotency key. Where that run has ended and an appointment
 * for this time stands all the same, the end of the run has made it, just as the turn came: it is for the next run.
 */
import type { Appointment, Appointments } from '@quorum/shared/appointments';
import { hashOf } from '@quorum/shared/canonical';
import { newRunId } from '@quorum/shared/ids';
import type { JobPayload, JobResult, RetrySettings } from '@quorum/shared/jobs';
import type { Records } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
import { markRunStart } from '@quorum/shared/trace-context';
import type { Transitions } from '@quorum/shared/transitions';
import type { Watches } from '@quorum/shared/watches';
import type { FetcherQueues } from './queues.ts';

const LOOK_AGAIN_MS = 5_000;

export type TurnDeps = {
  readonly records: Pick<Records, 'run'>;
  readonly transitions: Pick<Transitions, 'accept'>;
  readonly appointments: Appointments;
  readonly watches: Pick<Watches, 'get'>;
  readonly queues: Pick<FetcherQueues, 'addRun' | 'addTurn'>;
  readonly retries: () => Promise<RetrySettings>;
  readonly now: () => number;
};

type Turn = JobPayload<'turn'>;
const SUPERSEDED = { kind: 'superseded', run_id: null } as const;

/** Works one turn; `jobId` is the id of its job. Throws `PostponeError` where it has to wait. */
export async function turnJob(turn: Turn, jobId: string, deps: TurnDeps): Promise<JobResult<'turn'>> {
  // No client's key has a space in it.
  return startOnce(turn, `turn ${jobId}`, deps);
}

async function startOnce(turn: Turn, key: string, deps: TurnDeps): Promise<JobResult<'turn'>> {
  const { records, transitions, queues, retries, now } = deps;
  const { owner, space_id: space } = turn;
  const dryRun = await kindOf(turn, deps);
  if (dryRun === null) return SUPERSEDED;
  const idempotency = { key, bodyHash: hashOf({ space_id: space, dry_run: dryRun }) };
  const { kind, runId } = await transitions.accept({
    runId: newRunId(),
    owner,
    space,
    dryRun,
    idempotency,
    nowMs: now(),
  });
  if (kind === 'created') markRunStart(runId, 'start run');
  switch (kind) {
    case 'created':
    case 'joined':
    case 'replayed': {
      const run = await records.run(runId);
      // Only now, with the run at its end, does the appointment say whether it is for another one.
      if (turn.from === 'appointment' && run !== null && run.finishedAtMs !== null) {
        return startOnce(turn, `${key} after ${runId}`, deps);
      }
      // Whoever accepted it may have died before it was enqueued; added again it is the same job.
      if (run?.state === 'queued') await queues.addRun(run, await retries());
      return { kind, run_id: runId };
    }
    case 'ending':
      throw new PostponeError(LOOK_AGAIN_MS, 'a run is being cancelled');
    case 'conflict': {
      if (turn.from === 'appointment') throw new PostponeError(LOOK_AGAIN_MS, 'a run of the other kind is under way');
      const appointment = await deps.appointments.makeForTick({ owner, space_id: space, dry_run: dryRun, at: now() });
      await queues.addTurn(appointment, appointment.at);
      return { kind: 'put_off', run_id: runId };
    }
    // The watch was changed to another kind since this tick was first taken, and that run stands.
    case 'mismatch':
      return SUPERSEDED;
  }
}

/** Whether it starts a dry run or a live one; null where it counts no more. */
async function kindOf(turn: Turn, deps: TurnDeps): Promise<boolean | null> {
  const { owner, space_id: space } = turn;
  const ordered = async (): Promise<boolean | null> => (await deps.watches.get(owner, space))?.dry_run ?? null;
  if (turn.from === 'watch') return ordered();
  const made = await deps.appointments.get(owner, space, turn.dry_run);
  if (made === null || made.at !== turn.at) return null;
  if (made.tick === undefined || (await ordered()) === turn.dry_run) return turn.dry_run;
  await callOff(made, made.tick.instead_of, deps);
  return null;
}

/** Calls off the turn of a watch that was deleted, or is of another kind by now. What it had replaced was a run's, which stands. */
async function callOff(made: Appointment, insteadOf: number | null, deps: TurnDeps): Promise<void> {
  const { tick: _tick, ...rest } = made;
  const nowMs = deps.now();
  // Never at a time gone by: the job of that time may have come, and been told that it counts no more.
  const before = insteadOf === null ? null : { ...rest, at: Math.max(insteadOf, nowMs) };
  if ((await deps.appointments.replace(made, before)) && before !== null) await deps.queues.addTurn(before, nowMs);
}
