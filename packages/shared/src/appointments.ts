/**
 * Appointments: when the next run of an owner, a space and a kind starts by itself. The record is the truth; the delayed `turn`
 * job that it is kept by may be lost, and is put back. There is one at most for each: who appoints anew replaces it, and the job
 * of the old one counts no more.
 *
 *   made or called off   by the end of a run of that kind, in the same step (`finish`)
 *   made                 by a watch's tick that met a run of the other kind, or that was missed: it counts while the watch stands, and
 *                        gives way to the appointment that it replaced where that watch is deleted
 *   kept                 when its job starts a run or joins one; that run's end makes the next one or none
 */
import { SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { OwnerId, RunId } from './ids.ts';
import { LeftOver } from './left-records.ts';
import { readAll, type ReadAll } from './read-all.ts';
import { fields, keys } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';

export const Appointment = z.object({
  owner: OwnerId,
  space_id: SpaceId,
  dry_run: z.boolean(),
  at: z.int().describe('Unix milliseconds'),
  ends: z
    .array(z.int())
    .optional()
    .describe('When what it is for ends, Unix seconds, the soonest first; absent: nobody knows of any'),
  left_over: z
    .object({ run_id: RunId, proposals: z.array(LeftOver) })
    .optional()
    .describe('What the last live run that opened left over, and which it was; of selected ones its own notices tell'),
  tick: z
    .object({ instead_of: z.int().nullable().describe('When the one that it replaced was for; null: there was none') })
    .optional()
    .describe('Only where a tick of a watch made it'),
});
export type Appointment = z.infer<typeof Appointment>;

export type Appointments = ReturnType<typeof createAppointments>;

/** The appointments on one Redis. */
export function createAppointments(redis: Redis) {
  const replacing = loadScript('replace-appointment');

  async function get(owner: OwnerId, space: SpaceId, dryRun: boolean): Promise<Appointment | null> {
    const text = await redis.hget(keys.appointments(), fields.appointment(owner, space, dryRun));
    return text === null ? null : parseAppointment(text);
  }

  async function make(appointment: Appointment): Promise<void> {
    const { owner, space_id: space, dry_run: dryRun } = appointment;
    await redis.hset(keys.appointments(), fields.appointment(owner, space, dryRun), JSON.stringify(appointment));
  }

  return {
    get,
    make,

    /** When the next run of this owner, space and kind is to start, Unix milliseconds; null: no appointment. */
    async at(owner: OwnerId, space: SpaceId, dryRun: boolean): Promise<number | null> {
      return (await get(owner, space, dryRun))?.at ?? null;
    },

    /** Makes one for a tick of a watch, which remembers the one that it replaces, and is for the same besides. */
    async makeForTick(given: Omit<Appointment, 'tick'>): Promise<Appointment> {
      const before = await get(given.owner, given.space_id, given.dry_run);
      const insteadOf = before === null ? null : ofRuns(before);
      const made: Appointment = { ...before, ...given, tick: { instead_of: insteadOf } };
      await make(made);
      return made;
    },

    /** Has the one that stands kept now, if it is for later. Whether there was one. */
    async bringForward(owner: OwnerId, space: SpaceId, dryRun: boolean, nowMs: number): Promise<boolean> {
      const stands = await get(owner, space, dryRun);
      if (stands === null || stands.at <= nowMs) return false;
      const { tick: _tick, ...rest } = stands;
      await make({ ...rest, at: nowMs });
      return true;
    },

    /** Puts another one, or none, in place of this one. Whether this one still stood. */
    async replace(stands: Appointment, next: Appointment | null): Promise<boolean> {
      const field = fields.appointment(stands.owner, stands.space_id, stands.dry_run);
      const texts = [JSON.stringify(stands), next === null ? '' : JSON.stringify(next)];
      return (await runScript(redis, replacing, [keys.appointments()], [field, ...texts])) === 1;
    },

    /** Those of everybody, and the fields of those that cannot be read. */
    all: async (): Promise<ReadAll<Appointment>> => readAll(Appointment, await redis.hgetall(keys.appointments())),
  };
}

/** When the run is to start that an earlier run appointed: behind a tick's appointment, the one that it replaced. */
export function ofRuns({ at, tick }: Pick<Appointment, 'at' | 'tick'>): number | null {
  return tick === undefined ? at : tick.instead_of;
}

/** An appointment as it is kept. Throws where it is none. */
export function parseAppointment(text: string): Appointment {
  return Appointment.parse(JSON.parse(text));
}
