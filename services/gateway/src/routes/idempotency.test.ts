/**
 * A crash at any point neither loses nor doubles a run: the line to Redis is cut before or behind the step that starts it, as the
 * death of the gateway would, and the same request is sent again.
 */
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { AgentRunAccepted } from '@quorum/shared/run';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useRedis } from '../../../../packages/shared/test/world.ts';
import { openGateway, openLine, postRun, type Gateway } from '../../test/stand.ts';

const { redis, server } = useRedis();
const OWNER = OwnerId.parse('owner');
let gateway: Gateway;
let queue: Queue;
beforeAll(async () => {
  gateway = await openGateway(server().url);
  queue = new Queue('agent-run', { connection: redis(), prefix: '{quorum}:bull' });
});
afterAll(async () => {
  await gateway.stop();
  await queue.close();
});

/** The runs of this space that there are, and how many jobs they have. */
async function runsOf(space: string): Promise<{ runs: string[]; jobs: number }> {
  const all = await redis().zrange(keys.runsOf(OWNER), '0', '-1');
  const runs: string[] = [];
  for (const id of all) {
    const request = await redis().hget(keys.run(AgentRunAccepted.shape.run_id.parse(id)), 'request');
    if (request?.includes(`"${space}"`) === true) runs.push(id);
  }
  const jobs = await queue.getJobs(['waiting', 'delayed', 'prioritized']);
  return { runs, jobs: jobs.filter(({ id }) => id !== undefined && runs.includes(id)).length };
}

const BEFORE = { runs: 0, jobs: 0 };
const STARTED = { runs: 1, jobs: 1 };

test.each([
  ['before it is accepted', 'they arrive', BEFORE],
  ['once it is accepted, with its job in the queue, and nobody was told', 'their answer', STARTED],
] as const)('a crash %s', async (_when, before, left) => {
  const line = await openLine(server().url);
  const crashing = await openGateway(line.url);
  try {
    const space_id = `${newRunId()}.eth`;
    const key = { 'idempotency-key': `key-${space_id}` };
    line.cutAt(key['idempotency-key'], before);
    const lost = await postRun(crashing, { space_id }, key);
    expect(lost).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    const { runs, jobs } = await runsOf(space_id);
    expect({ runs: runs.length, jobs }).toEqual(left);

    // Whoever asks again asks another gateway; as often as they like, and all at once.
    const again = await Promise.all(Array.from({ length: 5 }, () => postRun(gateway, { space_id }, key)));
    const ids = new Set(again.map(({ json }) => AgentRunAccepted.parse(json).run_id));
    expect(again.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(ids.size).toBe(1);
    const healed = await runsOf(space_id);
    expect(healed).toEqual({ runs: [...ids], jobs: 1 });
    if (runs.length > 0) expect(healed.runs).toEqual(runs);
    // With another body it is still another request.
    expect(await postRun(gateway, { space_id, dry_run: true }, key)).toMatchObject({ status: 422 });
  } finally {
    await crashing.stop();
    await line.close();
  }
});

test('a crash that nobody asks about again loses nothing either: the run is open, and its job is there', async () => {
  const line = await openLine(server().url);
  const crashing = await openGateway(line.url);
  try {
    const space_id = `${newRunId()}.eth`;
    line.cutAt(space_id, 'their answer');
    expect((await postRun(crashing, { space_id })).status).toBe(503);
    const { runs, jobs } = await runsOf(space_id);
    expect(await redis().zrange(keys.openRuns(), '0', '-1')).toEqual(expect.arrayContaining(runs));
    expect({ runs: runs.length, jobs }).toEqual(STARTED);
  } finally {
    await crashing.stop();
    await line.close();
  }
});
