/**
 * A turn: the timed job that starts a run, by the same transition as the gateway.
 *
 *   a watch's tick, its watch gone            → superseded: nothing
 *   an appointment whose record says otherwise → superseded: nothing
 *   no run of this owner and space            → created
 *   a run of its own kind is under way        → joined: that run is this turn's
 *   a run of the other kind is under way      → a tick makes an appointment for now and is done, so that the ticks of a long wait
 *                                               become one; an appointment is put off until that run has ended
 *
 * Delivered again it finds the run that it had: the id of its job is its idempotency key.
 */
import type { Appointments } from '@quorum/shared/appointments';
import { hashOf } from '@quorum/shared/canonical';
import { newRunId } from '@quorum/shared/ids';
import type { JobPayload, JobResult, RetrySettings } from '@quorum/shared/jobs';
import type { Records } from '@quorum/shared/records';
import { PostponeError } from '@quorum/shared/run-worker';
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
  const { records, transitions, queues, retries, now } = deps;
  const { owner, space_id: space } = turn;
  const dryRun = await kindOf(turn, deps);
  if (dryRun === null) return SUPERSEDED;
  // No client's key has a space in it.
  const idempotency = { key: `turn ${jobId}`, bodyHash: hashOf({ space_id: space, dry_run: dryRun }) };
  const { kind, runId } = await transitions.accept({
    runId: newRunId(),
    owner,
    space,
    dryRun,
    idempotency,
    nowMs: now(),
  });
  switch (kind) {
    case 'created':
    case 'joined':
    case 'replayed': {
      // Whoever accepted it may have died before it was enqueued; added again it is the same job.
      const run = await records.run(runId);
      if (run?.state === 'queued') await queues.addRun(runId, await retries());
      return { kind, run_id: runId };
    }
    case 'conflict': {
      if (turn.from === 'appointment') throw new PostponeError(LOOK_AGAIN_MS, 'a run of the other kind is under way');
      const appointment = { owner, space_id: space, dry_run: dryRun, at: now() };
      await deps.appointments.make(appointment);
      await queues.addTurn(appointment, appointment.at);
      return { kind: 'put_off', run_id: runId };
    }
    // The watch was changed to another kind since this tick was first taken, and that run stands.
    case 'mismatch':
      return SUPERSEDED;
  }
}

/** Whether it starts a dry run or a live one; null where it counts no more. */
async function kindOf(turn: Turn, { appointments, watches }: TurnDeps): Promise<boolean | null> {
  const { owner, space_id: space } = turn;
  if (turn.from === 'watch') return (await watches.get(owner, space))?.dry_run ?? null;
  return (await appointments.at(owner, space, turn.dry_run)) === turn.at ? turn.dry_run : null;
}
