import { randomUUID } from 'node:crypto';
import { watchScheduleId } from '@quorum/shared/schedules';
import { OwnerId } from '@quorum/shared/ids';
import { createWatches, WATCHES_MOST, watchOf, WatchesView, WatchView } from '@quorum/shared/watches';
import { SpaceId } from '@quorum/snapshot/proposal';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, openGateway, openLine, type Answer, type Gateway } from '../../test/stand.ts';
import { Problem } from '../problem.ts';

const OWNER = OwnerId.parse('owner');
let testRedis: TestRedis;
let gateway: Gateway;
let redis: Redis;
let queue: Queue;

beforeAll(async () => {
  testRedis = await startTestRedis();
  gateway = await openGateway(testRedis.url);
  redis = new Redis(testRedis.url, { maxRetriesPerRequest: null });
  queue = new Queue('agent-run', { connection: redis, prefix: '{quorum}:bull' });
});

afterAll(async () => {
  await gateway.stop();
  await queue.close();
  redis.disconnect();
  await testRedis.stop();
});

const newSpace = (): SpaceId => SpaceId.parse(`${randomUUID()}.eth`);

function send(method: string, space: string, body: unknown = {}, from = gateway): Promise<Answer> {
  return ask(`${from.url}/watches/${encodeURIComponent(space)}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  });
}

const schedulerOf = (space: SpaceId) => queue.getJobScheduler(watchScheduleId(OWNER, space));

describe('PUT /watches/:space_id', () => {
  test('orders a watch, and says when its next turn is', async () => {
    const space = newSpace();
    const answer = await send('PUT', space, { cron: '0 9 * * 1-5', time_zone: 'Europe/Rome' });
    expect(answer.status).toBe(201);
    const view = WatchView.parse(answer.json);
    expect(view).toMatchObject({ space_id: space, cron: '0 9 * * 1-5', every_s: null, time_zone: 'Europe/Rome' });
    const scheduler = await schedulerOf(space);
    expect(scheduler).toMatchObject({ pattern: '0 9 * * 1-5', tz: 'Europe/Rome', name: 'turn' });
    expect(Date.parse(view.next_turn ?? '')).toBe(scheduler?.next);
    expect((await send('GET', space)).json).toEqual(view);
  });

  test('changes it, and leaves its scheduler alone where the times are the same', async () => {
    const space = newSpace();
    await send('PUT', space, { every_s: 3_600 });
    const before = await schedulerOf(space);
    const dry = await send('PUT', space, { every_s: 3_600, dry_run: true });
    expect([dry.status, WatchView.parse(dry.json).dry_run]).toEqual([200, true]);
    expect(await schedulerOf(space)).toEqual(before);
    const other = await send('PUT', space, { every_s: 60 });
    expect([other.status, WatchView.parse(other.json)]).toEqual([200, expect.objectContaining({ dry_run: false })]);
    expect((await schedulerOf(space))?.every).toBe(60_000);
  });

  test.each([
    [{ cron: '0 25 * * *' }, 'cron', /is no time that comes .*for example/],
    [{ cron: '0 9 * * *', time_zone: 'Mars/Base' }, 'time_zone', /use a name such as UTC/],
    [{}, 'cron', /or every_s must be given/],
    [{ every_s: 60, space_id: 'b.eth' }, 'space_id', /not a known field/],
  ])('%j is refused, and nothing is ordered', async (body, field, words) => {
    const space = newSpace();
    const answer = await send('PUT', space, body);
    expect(answer.status).toBe(400);
    const { errors = [] } = Problem.parse(answer.json);
    expect(errors.map(({ path }) => path)).toEqual([field]);
    expect(errors[0]?.message).toMatch(words);
    expect((await send('GET', space)).status).toBe(404);
    expect(await schedulerOf(space)).toBeUndefined();
  });

  test('of a name that is no space is refused', async () => {
    const answer = await send('PUT', 'Not A Space', { every_s: 60 });
    expect([answer.status, Problem.parse(answer.json).errors?.[0]?.path]).toEqual([400, 'space_id']);
  });

  test('is refused once the owner has as many as one may have, but those are changed and deleted as before', async () => {
    const own = await openGateway(testRedis.url, { OWNER_ID: 'collector' });
    try {
      const collector = OwnerId.parse('collector');
      const spaces = Array.from({ length: WATCHES_MOST }, newSpace);
      const watches = createWatches(redis);
      for (const space of spaces) await watches.put(watchOf(collector, space, { every_s: 3_600, dry_run: true }));
      const [one = newSpace()] = spaces;
      const more = newSpace();
      const refused = await send('PUT', more, { every_s: 3_600 }, own);
      expect([refused.status, Problem.parse(refused.json).detail]).toEqual([400, expect.stringMatching(/delete one/)]);
      expect(await watches.get(collector, more)).toBeNull();
      expect((await send('PUT', one, { every_s: 60 }, own)).status).toBe(200);
      expect((await send('DELETE', one, {}, own)).status).toBe(204);
      expect((await send('PUT', more, { every_s: 3_600 }, own)).status).toBe(201);
    } finally {
      await own.stop();
    }
  });

  test('that Redis did not see the end of is 503, and the same again makes what is missing', async () => {
    const line = await openLine(testRedis.url);
    const shaky = await openGateway(line.url, { ENQUEUE_TIMEOUT_MS: '400' });
    try {
      const space = newSpace();
      // Its own scheduler: the heartbeat reads the ticks that wait of others.
      line.cutAt(watchScheduleId(OWNER, space));
      expect((await send('PUT', space, { every_s: 3_600 }, shaky)).status).toBe(503);
      line.cutAt(null);
      expect(await schedulerOf(space)).toBeUndefined();
      expect((await send('PUT', space, { every_s: 3_600 })).status).toBe(200);
      expect((await schedulerOf(space))?.every).toBe(3_600_000);
    } finally {
      await shaky.stop();
      await line.close();
    }
  });
});

describe('GET /watches', () => {
  test('lists those of the owner', async () => {
    const [one, two] = [newSpace(), newSpace()].toSorted();
    for (const space of [two ?? '', one ?? '']) await send('PUT', space, { every_s: 3_600 });
    const { watches } = WatchesView.parse((await ask(`${gateway.url}/watches?limit=100`)).json);
    const spaces = watches.map(({ space_id: space }) => space);
    expect(spaces).toEqual(spaces.toSorted());
    expect(spaces).toEqual(expect.arrayContaining([one, two]));
  });

  test('gives them page by page, each once, whatever is ordered or ended meanwhile', async () => {
    const spaces = ['b', 'd', 'f', 'ü'].map((name) => SpaceId.parse(`${name}-${randomUUID()}.eth`));
    for (const space of spaces) await send('PUT', space, { every_s: 3_600 });
    const [before, after] = ['a', 'e'].map((name) => SpaceId.parse(`${name}-${randomUUID()}.eth`));
    const shown: string[] = [];
    let cursor: string | null = null;
    do {
      const at: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { watches, next }: WatchesView = WatchesView.parse((await ask(`${gateway.url}/watches?limit=1${at}`)).json);
      expect(watches.length).toBeLessThanOrEqual(1);
      const ids = watches.map(({ space_id: space }) => space);
      shown.push(...ids);
      cursor = next;
      if (ids[0] !== spaces[1]) continue;
      await send('PUT', before ?? '', { every_s: 3_600 });
      await send('PUT', after ?? '', { every_s: 3_600 });
      await send('DELETE', ids[0] ?? '');
    } while (cursor !== null);
    expect(shown).toEqual(shown.toSorted());
    expect(new Set(shown).size).toBe(shown.length);
    expect(shown.filter((space) => [...spaces, before, after].includes(SpaceId.parse(space)))).toEqual([
      spaces[0],
      spaces[1],
      after,
      ...spaces.slice(2),
    ]);
    for (const query of ['limit=0', 'limit=101', 'cursor=1~2', 'page=2']) {
      expect((await ask(`${gateway.url}/watches?${query}`)).status, query).toBe(400);
    }
  });
});

describe('DELETE /watches/:space_id', () => {
  test('ends it: no scheduler and no tick is left', async () => {
    const space = newSpace();
    await send('PUT', space, { cron: '0 9 * * *' });
    const delayed = await queue.getDelayedCount();
    expect((await send('DELETE', space)).status).toBe(204);
    expect(await schedulerOf(space)).toBeUndefined();
    expect(await queue.getDelayedCount()).toBe(delayed - 1);
    expect((await send('GET', space)).status).toBe(404);
    expect((await send('DELETE', space)).status).toBe(404);
  });
});
