/** Fields of a run that are written once, each told as events in the same step. A run that is packed takes none that is new. */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { RunId } from './ids.ts';
import { packedField } from './packed-run.ts';
import { keys } from './redis-keys.ts';
import { eventArgs, type RunEvent } from './run-events.ts';
import { loadScript, runScript } from './script.ts';

export type WriteOnce = <T>(
  runId: RunId,
  field: string,
  value: T,
  schema: z.ZodType<T>,
  events?: readonly RunEvent[],
  onWritten?: () => void,
) => Promise<T>;

const Reply = z.tuple([z.int(), z.string()]);

/** A function that writes a field of a run if nothing stands there, and returns what stands; `onWritten` is called if it wrote. */
export function createWriteOnce(redis: Redis): WriteOnce {
  const script = loadScript('write-once');
  return async (runId, field, value, schema, events = [], onWritten) => {
    const text = JSON.stringify(value);
    const args = [field, text, ...events.flatMap(eventArgs)];
    const reply = await runScript(redis, script, [keys.run(runId), keys.runEvents(runId)], args);
    if (reply === null) {
      const packed = await packedField(redis, runId, field);
      return packed === undefined ? value : schema.parse(JSON.parse(packed));
    }
    const [wrote, stands] = Reply.parse(reply);
    if (wrote === 1) onWritten?.();
    return stands === text ? value : schema.parse(JSON.parse(stands));
  };
}
