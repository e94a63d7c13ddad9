/** Fields of a run that are written once, each told as events in the same step. A run that is packed takes none that is new. */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { RunId } from './ids.ts';
import { packedField } from './packed-run.ts';
import { keys, RETENTION_S } from './redis-keys.ts';
import { eventArgs, type RunEvent } from './run-events.ts';
import { loadScript, runScript } from './script.ts';

export type WriteOnce = <T>(
  runId: RunId,
  field: string,
  value: T,
  schema: z.ZodType<T>,
  events?: readonly RunEvent[],
  onWritten?: () => void,
  texts?: readonly PackedText[],
) => Promise<T>;

/** The text of a proposal: its key, and what is kept under it. */
export type PackedText = readonly [string, Buffer];

const Reply = z.tuple([z.int(), z.string()]);

/**
 * A function that writes a field of a run if nothing stands there, with the texts that it leads to, and returns what stands; `onWritten`
 * is called if it wrote.
 */
export function createWriteOnce(redis: Redis): WriteOnce {
  const script = loadScript('write-once');
  return async (runId, field, value, schema, events = [], onWritten, texts = []) => {
    const text = JSON.stringify(value);
    const names = [keys.run(runId), keys.runEvents(runId), ...texts.map(([key]) => key)];
    const packedTexts = texts.map(([, packed]) => packed);
    const args = [field, text, RETENTION_S.proposalText, ...packedTexts, ...events.flatMap(eventArgs)];
    const reply = await runScript(redis, script, names, args);
    if (reply === null) {
      const packed = await packedField(redis, runId, field);
      return packed === undefined ? value : schema.parse(JSON.parse(packed));
    }
    const [wrote, stands] = Reply.parse(reply);
    if (wrote === 1) onWritten?.();
    return stands === text ? value : schema.parse(JSON.parse(stands));
  };
}
