/**
 * The record of a run that has ended, as it is kept: what is written once is one packed field, a sixth of what it was. What may still
 * be written stays as it is: the state and its times, `later:` and `kept_until`; and `spent:` begins anew, to be added to.
 *
 *   fields of their own  --finish, every proposal settled-->  packed
 *
 * A run that ended with a proposal unsettled is never packed, since its outcome may still come; nor is one that failed, since what is
 * wrong with it may stand in its record. One that is packed takes nothing new that is written once: whoever comes late is told what
 * stands.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { addUsage, Usage } from './decision.ts';
import type { RunId } from './ids.ts';
import { pack, unpack } from './pack.ts';
import { keys } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';

type Fields = Readonly<Record<string, string>>;

const PACKED = 'packed';
const ONCE = /^(?:opening|response|(?:settings|decision|spent|put_off|tried|outcome):.*)$/s;
const SPENT = 'spent:';

/** The fields as they were before they were packed; of a run that is not packed, as they are. */
export async function unpackFields(fields: Readonly<Record<string, Buffer>>): Promise<Fields> {
  const { [PACKED]: packed, ...own } = fields;
  const texts = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, value.toString('utf8')]));
  if (packed === undefined) return texts;
  const before = await openPacked(packed);
  const spent = Object.entries(texts).flatMap(([name, text]): [string, string][] => {
    const earlier = before[name];
    return name.startsWith(SPENT) && earlier !== undefined ? [[name, added(earlier, text)]] : [];
  });
  return { ...before, ...texts, ...Object.fromEntries(spent) };
}

function added(earlier: string, text: string): string {
  return JSON.stringify(addUsage([earlier, text].map((usage) => Usage.parse(JSON.parse(usage)))));
}

/** What stands in a packed run under a name; undefined where nothing does. */
export async function packedField(redis: Redis, run: RunId, name: string): Promise<string | undefined> {
  const packed = await redis.hgetBuffer(keys.run(run), PACKED);
  return packed === null ? undefined : (await openPacked(packed))[name];
}

const Selection = z.object({ selected: z.array(z.object({ proposal_id: z.string() })) });

/** Whether each proposal that the run selected has an outcome. One that was never opened selected none, and is small. */
function isSettled({ opening, ...fields }: Fields): boolean {
  if (opening === undefined) return false;
  const { selected } = Selection.parse(JSON.parse(opening));
  return selected.every(({ proposal_id: id }) => fields[`outcome:${id}`] !== undefined);
}

/** A function that packs the record of a run that has ended. It returns whether it did. */
export function createPacking(redis: Redis): (run: RunId) => Promise<boolean> {
  const script = loadScript('pack-run');
  return async (run) => {
    const all = await redis.hgetall(keys.run(run));
    if (!isSettled(all)) return false;
    const once = Object.entries(all)
      .filter(([name]) => ONCE.test(name))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const sums = once.flatMap(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]);
    // Neither a name nor JSON has a line break.
    const packed = await pack(once.flat().join('\n'));
    return (await runScript(redis, script, [keys.run(run)], [packed, ...sums])) === 1;
  };
}

async function openPacked(packed: Buffer): Promise<Fields> {
  const lines = (await unpack(packed)).split('\n');
  return Object.fromEntries(
    lines.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, lines[at + 1] ?? '']] : [])),
  );
}
