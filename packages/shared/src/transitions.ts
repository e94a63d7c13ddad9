/**
 * Everything about a run or a vote that must be atomic. Each transition is one Lua script in `lua/`, and each writes its audit
 * record in the same step.
 *
 * A run:   (nothing) --accept--> queued --start--> running --finish--> completed | failed | cancelled
 *          cancel asks a queued or running one to stop; it is finished by whoever works it, and nobody joins it until then
 * A vote:  (nothing) --reserve--> reserved --maySend, send, read back--> confirm: cast | voided;  voided --reserve--> reserved
 *          (on the hub alone, or voided and there all the same) --adopt--> cast
 *          cast --reserve that names it as replaced--> reserved --confirm: cast, or voided--> back to the vote that stood
 *
 * What a run left unsettled, or a secret vote until its reveal, is settled later (`settleLater`), beside the outcome.
 *
 * A hold:  `hold.ts` draws it; settle makes it, answerHold and settleHold end it
 *
 * The first word stands: `start`, `finish` and `confirm` on what is already settled change nothing and say what stands.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { acceptStep, type Accepted, type AcceptInput } from './accept.ts';
import { parseAppointment, type Appointment } from './appointments.ts';
import { createHoldTransitions } from './hold-transitions.ts';
import { RunId } from './ids.ts';
import type { Keeps } from './run-fields.ts';
import { eventArgs } from './run-events.ts';
import { fields, keys, RETENTION_S } from './redis-keys.ts';
import { RunStatus, type AgentRunResponse } from './run.ts';
import { loadScript, runScript, runStep } from './script.ts';
import { createVoteTransitions } from './vote-transitions.ts';
import { uncounted, type OnWritten } from './written.ts';

export type Transitions = ReturnType<typeof createTransitions>;

const StartReply = z.tuple([z.enum([...RunStatus.options, 'missing']), z.string()]);
const FinalReply = z.enum([...RunStatus.options, 'missing']);
const FinishReply = z.tuple([FinalReply, z.string(), z.int(), z.string(), z.string()]);

export type Finished = {
  /** The final state that stands. */
  readonly status: RunStatus | 'missing';
  /** The run that may open in its place; null: none waited. */
  readonly opens: RunId | null;
  /** When the next run of this owner, space and kind starts by appointment, Unix milliseconds; null: none does. */
  readonly appointedMs: number | null;
  /** When the appointment was for that this end replaced, or called off; null: it did neither. */
  readonly replacedMs: number | null;
};

/**
 * The transitions on one Redis. Those of votes are the voter service's: it gives its key, by which its audit entries are known to
 * be its own. `onWritten` is told of what was written, by whoever wrote it first.
 */
export function createTransitions(redis: Redis, auditKey: Buffer | null = null, onWritten: OnWritten = uncounted) {
  const scripts = {
    start: loadScript('start'),
    cancel: loadScript('cancel'),
    finish: loadScript('finish'),
  };

  return {
    ...createHoldTransitions(redis, onWritten),
    ...createVoteTransitions(redis, auditKey, onWritten),

    /** Accepts a run, or finds the one that already stands for this request. */
    async accept(input: AcceptInput): Promise<Accepted> {
      return await runStep(redis, acceptStep(input));
    },

    /**
     * Starts a queued run. Returns the state that stands, and 'missing' where there is no such run; 'queued' where `most` runs that
     * were accepted before it are open still. Whose settings it is to keep pins them as it starts.
     */
    async start(
      runId: RunId,
      nowMs: number,
      most: number | null = null,
      keeps: Keeps | null = null,
    ): Promise<RunStatus | 'missing'> {
      const names = [keys.run(runId), keys.runEvents(runId), keys.openRuns()];
      const pin = keeps === null ? ['', ''] : [fields.settings(keeps.service), JSON.stringify(keeps.settings)];
      const args = [runId, most ?? '', nowMs, ...pin, ...eventArgs({ kind: 'started' })];
      const reply = await runScript(redis, scripts.start, names, args);
      return StartReply.parse(reply)[0];
    },

    /**
     * Asks an open run to stop, and tells those who work for it. Returns the state that stands: one that has ended stays so.
     */
    async cancel(
      { runId, owner, space }: Pick<AcceptInput, 'runId' | 'owner' | 'space'>,
      nowMs: number,
    ): Promise<RunStatus | 'missing'> {
      const reply = await runScript(
        redis,
        scripts.cancel,
        [keys.run(runId), keys.active(owner, space), keys.auditOwner(owner), keys.runEvents(runId)],
        [runId, nowMs, keys.stops(), ...eventArgs({ kind: 'cancelling' })],
      );
      return FinalReply.parse(reply);
    },

    /**
     * Ends an open run with its response, and makes the appointment for the next run of this kind, or calls it off: an earlier end
     * is never changed, nor what it appointed. `most` is how many runs may be open.
     */
    async finish(
      run: Pick<AcceptInput, 'owner' | 'dryRun'>,
      response: AgentRunResponse,
      nowMs: number,
      next: Appointment | null = null,
      most: number | null = null,
    ): Promise<Finished> {
      const { owner, dryRun } = run;
      const { run_id: runId, space_id: space } = response;
      const reply = await runScript(
        redis,
        scripts.finish,
        [
          keys.run(runId),
          keys.active(owner, space),
          keys.auditOwner(owner),
          keys.openRuns(),
          keys.appointments(),
          keys.runEvents(runId),
          keys.decidedRunsOf(owner),
          keys.decidedRuns(),
        ],
        [
          runId,
          response.status,
          JSON.stringify(response),
          nowMs,
          RETENTION_S.finishedRun,
          fields.appointment(owner, space, dryRun),
          next === null ? '' : JSON.stringify(next),
          keys.stops(),
          keys.ends(),
          RETENTION_S.runEvents,
          response.decisions.length > 0 ? '1' : '0',
          most ?? '',
          ...eventArgs({ kind: 'finished', status: response.status }),
        ],
      );
      const [status, opens, wrote, replaced, appointed] = FinishReply.parse(reply);
      const ended = { status: response.status, durationS: response.execution_time };
      if (wrote === 1) onWritten({ kind: 'run_ended', ...ended });
      const timeOf = (text: string): number | null => (text === '' ? null : parseAppointment(text).at);
      return {
        status,
        opens: RunId.safeParse(opens).data ?? null,
        appointedMs: timeOf(appointed),
        replacedMs: timeOf(replaced),
      };
    },
  };
}
