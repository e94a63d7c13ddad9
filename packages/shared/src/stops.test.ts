import { afterEach, describe, expect, it, vi } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { quiet } from '../test/samples.ts';
import { aRunningRun, auditOf, NOW_MS, useRedis } from '../test/world.ts';
import { newRunId } from './ids.ts';
import { keys } from './redis-keys.ts';
import { hearStops, type Stops } from './stops.ts';

const { redis } = useRedis();
const opened: Stops[] = [];
afterEach(() => {
  for (const stops of opened.splice(0)) stops.close();
});

async function listen(): Promise<Stops> {
  const stops = hearStops(redis(), quiet);
  opened.push(stops);
  const subscribers = async (): Promise<unknown> => (await redis().pubsub('NUMSUB', keys.stops()))[1];
  await vi.waitUntil(async () => Number(await subscribers()) >= opened.length, PATIENT);
  return stops;
}

describe('a run that is cancelled', () => {
  it('is told at once to all who work for it, in every process, and to nobody else', async () => {
    const one = await aRunningRun(redis());
    const [here, there] = [await listen(), await listen()];
    const working = [here.of(one.runId), here.of(one.runId), there.of(one.runId)];
    const others = [here.of(newRunId()), here.of(null)];
    expect(await one.transitions.cancel(one, NOW_MS)).toBe('running');
    await vi.waitUntil(() => working.every(({ signal }) => signal.aborted), PATIENT);
    expect(others.some(({ signal }) => signal.aborted)).toBe(false);
    // What begins after it asks the record; another message would be needed to stop it.
    expect(here.of(one.runId).signal.aborted).toBe(false);
  });

  it('is written down once, and one that has ended stays as it is', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.cancel(one, NOW_MS);
    await one.transitions.cancel(one, NOW_MS);
    const kinds = (await auditOf(redis(), keys.auditOwner(one.owner))).map(({ kind }) => kind);
    expect(kinds).toEqual(['accepted', 'cancelled']);
    await redis().hset(keys.run(one.runId), 'state', 'completed');
    expect(await one.transitions.cancel(one, NOW_MS)).toBe('completed');
    expect(await one.transitions.cancel({ ...one, runId: newRunId() }, NOW_MS)).toBe('missing');
  });
});
