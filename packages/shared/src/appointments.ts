/**
 * Appointments: when the next run of an owner, a space and a kind starts by itself. The record is the truth; the delayed `turn`
 * job that it is kept by may be lost, and is put back. There is one at most for each: who appoints anew replaces it, and the job
 * of the old one counts no more.
 *
 *   made or called off   by the end of a run of that kind, in the same step (`finish`)
 *   made                 by a watch's tick that met a run of the other kind
 *   kept                 when its job starts a run or joins one; that run's end makes the next one or none
 */
import { SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { OwnerId } from './ids.ts';
import { readAll, type ReadAll } from './read-all.ts';
import { fields, keys } from './redis-keys.ts';

export const Appointment = z.object({
  owner: OwnerId,
  space_id: SpaceId,
  dry_run: z.boolean(),
  at: z.int().describe('Unix milliseconds'),
});
export type Appointment = z.infer<typeof Appointment>;

export type Appointments = ReturnType<typeof createAppointments>;

/** The appointments on one Redis. */
export function createAppointments(redis: Redis) {
  return {
    /** When the next run of this owner, space and kind is to start, Unix milliseconds; null: no appointment. */
    async at(owner: OwnerId, space: SpaceId, dryRun: boolean): Promise<number | null> {
      const text = await redis.hget(keys.appointments(), fields.appointment(owner, space, dryRun));
      return text === null ? null : parse(text).at;
    },

    async make(appointment: Appointment): Promise<void> {
      const { owner, space_id: space, dry_run: dryRun } = appointment;
      await redis.hset(keys.appointments(), fields.appointment(owner, space, dryRun), JSON.stringify(appointment));
    },

    /** Those of everybody, and the fields of those that cannot be read. */
    all: async (): Promise<ReadAll<Appointment>> => readAll(Appointment, await redis.hgetall(keys.appointments())),
  };
}

function parse(text: string): Appointment {
  return Appointment.parse(JSON.parse(text));
}
