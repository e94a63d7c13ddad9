/** Many who watch, one who reads. */
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import { keys } from '@quorum/shared/redis-keys';
import { createTransitions } from '@quorum/shared/transitions';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { aResponse, aSpace } from '../../../packages/shared/test/samples.ts';
import { accept, aCase, type Case, NOW_MS } from '../../../packages/shared/test/world.ts';
import { PATIENT } from '../../../test/patience.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { watchRun, type EventClient } from '../test/event-client.ts';
import { ask, log, openGateway, openLine, type Gateway } from '../test/stand.ts';
import { BEGINNING, createRunWatch, isAfter } from './run-watch.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis({ appendonly: true });
  redis = connectPatient(server.url, log);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function aRun(): Promise<Case> {
  const one = { ...aCase(redis), owner: OwnerId.parse('owner'), space: aSpace(`${newRunId()}.eth`) };
  await accept(one);
  return one;
}

const deciding = (one: Case) => createRecords(redis).deciding(one.runId, one.proposal);
const finish = ({ owner, runId, space }: Case) =>
  createTransitions(redis).finish({ owner, dryRun: false }, { ...aResponse(runId), space_id: space }, NOW_MS);

async function withGateway(use: (gateway: Gateway) => Promise<void>, url = server.url): Promise<void> {
  const gateway = await openGateway(url);
  try {
    await use(gateway);
  } finally {
    await gateway.stop();
  }
}

async function idsOf({ runId }: Case): Promise<string[]> {
  return (await redis.xrange(keys.runEvents(runId), '-', '+')).map(([id]) => id);
}

async function callsOf(command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await redis.info('commandstats'))?.[1] ?? 0);
}

const connections = async (): Promise<number> =>
  String(await redis.client('LIST'))
    .trim()
    .split('\n').length;

const connected = async (): Promise<number> =>
  Number(/total_connections_received:(\d+)/.exec(await redis.info('stats'))?.[1]);

const idsIn = (client: EventClient): (string | null)[] => client.received().map(({ id }) => id);

describe('a hundred clients that watch ten runs', () => {
  test('cost one connection, and one read for whatever comes, not one each', async () => {
    await withGateway(async (gateway) => {
      const runs = await Promise.all(Array.from({ length: 10 }, aRun));
      const first = await watchRun(gateway, runs[0]?.runId ?? '');
      await first.has(1);
      const before = { connections: await connections(), reads: await callsOf('xread') };
      const clients = await Promise.all(
        runs.flatMap((one) => Array.from({ length: 10 }, () => watchRun(gateway, one.runId))),
      );
      for (const client of clients) await client.has(1);
      // Ten rounds of ten events, each of which ten clients are told: a thousand.
      for (let round = 2; round < 12; round += 1) {
        await Promise.all(runs.map(deciding));
        for (const client of clients) await client.has(round);
      }
      // A read for each event at most, one for each run that came to be watched, and what the clock adds on a slow machine.
      expect((await callsOf('xread')) - before.reads).toBeLessThan(200);
      expect(await connections()).toBe(before.connections);
      await Promise.all(runs.map(finish));
      for (const [at, client] of clients.entries()) {
        await client.over();
        expect(idsIn(client)).toEqual(await idsOf(runs[Math.floor(at / 10)] ?? aCase(redis)));
      }
      first.close();
    });
  });

  test('that come while events do miss none and get none twice', async () => {
    await withGateway(async (gateway) => {
      const one = await aRun();
      const clients: EventClient[] = [];
      const coming = Array.from({ length: 40 }, async () => {
        clients.push(await watchRun(gateway, one.runId));
      });
      for (let at = 0; at < 100; at += 1) await deciding(one);
      await Promise.all(coming);
      await finish(one);
      const all = await idsOf(one);
      for (const client of clients) {
        await client.over();
        expect(idsIn(client)).toEqual(all);
      }
    });
  });
});

describe('one that comes with an older mark than what was read', () => {
  /** A run with five events, all of which one watcher was told. */
  async function told() {
    const one = await aRun();
    const runWatch = createRunWatch(redis, log);
    const listen = (after: string) => {
      const ids: string[] = [];
      runWatch.watch(one.runId, after, ({ id }) => ids.push(id));
      return ids;
    };
    const first = listen(BEGINNING);
    for (let at = 0; at < 4; at += 1) await deciding(one);
    await expect.poll(() => first, PATIENT).toHaveLength(5);
    await redis.ping();
    return { one, runWatch, listen, first, second: first[1] ?? '' };
  }

  test('is told what lies between, and the others nothing twice', async () => {
    const { one, runWatch, listen, first, second } = await told();
    const late = listen(second);
    await expect.poll(() => late, PATIENT).toHaveLength(3);
    await deciding(one);
    await expect.poll(() => [late.length, first.length], PATIENT).toEqual([4, 6]);
    const all = await idsOf(one);
    expect({ first, late }).toEqual({ first: all, late: all.slice(2) });
    runWatch.close();
  });

  test('misses nothing of it although an answer is on its way that begins later', async () => {
    const { one, runWatch, listen, first, second } = await told();
    const next = deciding(one);
    const late = listen(second);
    await next;
    await expect.poll(() => [late.length, first.length], PATIENT).toEqual([4, 6]);
    const all = await idsOf(one);
    expect({ first, late }).toEqual({ first: all, late: all.slice(2) });
    runWatch.close();
  });
});

test('nobody is read for whom nobody watches', async () => {
  await withGateway(async (gateway) => {
    const before = await connections();
    const one = await aRun();
    const client = await watchRun(gateway, one.runId);
    await client.has(1);
    await expect.poll(connections, PATIENT).toBe(before + 1);
    client.close();
    await expect
      .poll(() => ask(`${gateway.url}/metrics`).then(({ text }) => text))
      .toMatch(/^quorum_event_streams\{.*\} 0$/m);
    // The wait that is under way ends, and no other begins.
    await finish(one);
    const reads = await callsOf('xread');
    await deciding(await aRun());
    expect(await callsOf('xread')).toBe(reads);
  });
});

describe('while Redis is away', () => {
  test('clients stay, and go on without a loss and without anything twice', async () => {
    await withGateway(async (gateway) => {
      const one = await aRun();
      const clients = await Promise.all(Array.from({ length: 5 }, () => watchRun(gateway, one.runId)));
      await deciding(one);
      for (const client of clients) await client.has(2);
      await server.kill9();
      const refused = await ask(`${gateway.url}/agent-run/${one.runId}/events`);
      expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
      await server.restart();
      await deciding(one);
      await finish(one);
      const all = await idsOf(one);
      expect(all).toHaveLength(4);
      for (const client of clients) {
        await client.over();
        expect(idsIn(client)).toEqual(all);
      }
    });
  });

  test('a line that is cut and comes back loses nothing either', async () => {
    const line = await openLine(server.url);
    try {
      await withGateway(async (gateway) => {
        const one = await aRun();
        const client = await watchRun(gateway, one.runId);
        await deciding(one);
        await client.has(2);
        const before = await connected();
        // What waits now is answered, and the next that would wait is cut, again and again.
        line.cutAt('xread');
        await deciding(one);
        await client.has(3);
        await deciding(one);
        await expect.poll(connected, PATIENT).toBeGreaterThan(before);
        expect(client.kinds()).toHaveLength(3);
        line.cutAt(null);
        await client.has(4);
        await finish(one);
        await client.over();
        expect(idsIn(client)).toEqual(await idsOf(one));
      }, line.url);
    } finally {
      await line.close();
    }
  });
});

test('ids come one after another as in Redis, whatever their lengths', () => {
  const id = fc.tuple(fc.nat(2 ** 31), fc.nat(200));
  fc.assert(
    fc.property(id, id, ([a, b], [c, d]) => {
      expect(isAfter(`${a}-${b}`, `${c}-${d}`)).toBe(a > c || (a === c && b > d));
    }),
  );
});
