/** A host that froze: the line to Redis stays, and nothing comes of it. */
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { expect, test } from 'vitest';
import { aResponse, aSpace } from '../../../packages/shared/test/samples.ts';
import { accept, aCase, NOW_MS, useRedis } from '../../../packages/shared/test/world.ts';
import { PATIENT } from '../../../test/patience.ts';
import { watchRun } from '../test/event-client.ts';
import { openGateway, openLine } from '../test/stand.ts';

const { redis, server } = useRedis();

test('a line that is dead without a word is left for another, and nothing is lost', async () => {
  const line = await openLine(server().url);
  const gateway = await openGateway(line.url);
  const connected = async (): Promise<number> =>
    Number(/total_connections_received:(\d+)/.exec(await redis().info('stats'))?.[1]);
  try {
    const one = { ...aCase(redis()), owner: OwnerId.parse('owner'), space: aSpace(`${newRunId()}.eth`) };
    await accept(one);
    const client = await watchRun(gateway, one.runId);
    await client.has(1);
    const records = createRecords(redis());
    await records.deciding(one.runId, one.proposal);
    await client.has(2);
    const before = await connected();
    line.freeze(true);
    await records.deciding(one.runId, one.proposal);
    await expect.poll(connected, PATIENT).toBeGreaterThan(before);
    line.freeze(false);
    const response = { ...aResponse(one.runId), space_id: one.space };
    await one.transitions.finish({ owner: one.owner, dryRun: false }, response, NOW_MS);
    await client.over();
    expect(client.kinds()).toEqual(['accepted', 'deciding', 'deciding', 'finished']);
  } finally {
    await gateway.stop();
    await line.close();
  }
});
