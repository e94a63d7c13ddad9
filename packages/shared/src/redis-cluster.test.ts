/** A connection to a cluster is one to the node that has our keys, wherever that is. */
import { SpaceId } from '@quorum/snapshot/proposal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedisCluster, type TestCluster } from '../../../test/redis-cluster.ts';
import { quiet } from '../test/samples.ts';
import { newRunId, OwnerId } from './ids.ts';
import { createRecords } from './records.ts';
import { connectFailFast, connectPatient, redisFaults } from './redis.ts';
import { keys } from './redis-keys.ts';
import { createTransitions } from './transitions.ts';

describe('a cluster of three masters', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 60_000);
  afterAll(() => cluster.stop());

  it('takes a run by way of a node that has none of our keys', async () => {
    const redis = connectPatient(cluster.url, quiet);
    const runId = newRunId();
    const asked = { owner: OwnerId.parse('o'), space: SpaceId.parse('s.eth'), dryRun: true, idempotency: null };
    await createTransitions(redis).accept({ ...asked, runId, nowMs: Date.now() });
    expect((await createRecords(redis).run(runId))?.state).toBe('queued');
    redis.disconnect();
    const held = await Promise.all(
      cluster.masters.map(async (node) => [node.port, await node.redis.dbsize()] as const),
    );
    const filled = held.filter(([, size]) => size > 0);
    expect(filled.map(([port]) => port)).toEqual([cluster.owner.port]);
  });

  it('is reached where the node that is named first is away', async () => {
    const url = cluster.url.replace(/\/\/127.0.0.1:\d+/, '//127.0.0.1:1');
    const redis = connectPatient(url, quiet);
    expect(await redis.ping()).toBe('PONG');
    expect(await redis.set('{quorum}:kept', 'yes')).toBe('OK');
    redis.disconnect();
  });

  it('may forget, which live voting is told', async () => {
    const redis = connectPatient(cluster.url, quiet);
    expect((await redisFaults(redis)).map(({ what }) => what)).toContain(
      'a failover of its cluster may forget acknowledged writes',
    );
    redis.disconnect();
  });

  // Last: the replica has the keys from here on.
  it('is followed where the keys move to another node, by who waits for a key and by who only asks', async () => {
    const patient = connectPatient(cluster.url, quiet);
    const failFast = connectFailFast(cluster.url, quiet, () => 10_000);
    await failFast.ping().catch(() => undefined);
    await patient.set('{quorum}:kept', 'before');
    const waiting = patient.duplicate().on('error', () => undefined);
    const popped = waiting.blpop(keys.heartbeats(), 0);
    await expect.poll(() => cluster.owner.redis.client('LIST')).toContain('cmd=blpop');

    await cluster.replica.redis.cluster('FAILOVER');
    await expect.poll(async () => (await cluster.replica.redis.info('replication')).includes('role:master')).toBe(true);
    await expect.poll(async () => (await cluster.owner.redis.info('replication')).includes('role:slave')).toBe(true);

    expect(await patient.get('{quorum}:kept')).toBe('before');
    await expect
      .poll(() => failFast.set('{quorum}:kept', 'after').catch(() => 'not yet'), { timeout: 10_000 })
      .toBe('OK');
    await cluster.replica.redis.lpush(keys.heartbeats(), 'told');
    expect(await popped).toEqual([keys.heartbeats(), 'told']);
    for (const redis of [patient, failFast, waiting]) redis.disconnect();
  }, 60_000);
});
