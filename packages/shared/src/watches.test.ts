import { describe, expect, it } from 'vitest';
import { anOwner, aSpace } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { keys } from './redis-keys.ts';
import { createWatches, watchOf, WatchRequest } from './watches.ts';

const { redis } = useRedis();
const order = (request: unknown) => watchOf(anOwner(), aSpace(), WatchRequest.parse(request));

describe('an order', () => {
  it.for([
    [{ cron: '0 9 * * 1-5' }, { kind: 'cron', cron: '0 9 * * 1-5', time_zone: 'UTC' }],
    [
      { cron: '*/5 * * * *', time_zone: 'Asia/Kolkata' },
      { kind: 'cron', cron: '*/5 * * * *', time_zone: 'Asia/Kolkata' },
    ],
    [{ every_s: 3_600 }, { kind: 'every', every_s: 3_600 }],
  ] as const)('%j fits', ([request, schedule]) => {
    expect(order(request)).toMatchObject({ schedule, dry_run: false });
  });

  it.for([
    ['neither', {}, 'cron', /or every_s must be given/],
    ['both', { cron: '0 9 * * *', every_s: 60 }, 'cron', /and not both/],
    ['six fields', { cron: '0 0 9 * * *' }, 'cron', /must have 5 fields.*for example 0 9/],
    ['a word', { cron: '@daily' }, 'cron', /must have 5 fields/],
    ['no such hour', { cron: '0 25 * * *' }, 'cron', /is no time that comes/],
    ['a day that never comes', { cron: '0 0 30 2 *' }, 'cron', /is no time that comes/],
    ['a time drawn by lot', { cron: 'H 9 * * *' }, 'cron', /H is a time drawn by lot/],
    ['no such zone', { cron: '0 9 * * *', time_zone: 'Europe/Atlantis' }, 'time_zone', /for|use a name such as UTC/],
    ['an offset', { cron: '0 9 * * *', time_zone: '+01:00' }, 'time_zone', /use a name such as UTC/],
    ['a zone without cron', { every_s: 60, time_zone: 'UTC' }, 'time_zone', /leave it out/],
    ['too often', { every_s: 1 }, 'every_s', /5/],
    ['too rarely', { every_s: 40 * 86_400 }, 'every_s', /./],
    ['a part of a second', { every_s: 60.5 }, 'every_s', /./],
  ] as const)('with %s does not, and the field says what to do', ([, request, field, words]) => {
    const parsed = WatchRequest.safeParse(request);
    const issues = parsed.error?.issues ?? [];
    expect(issues.map(({ path }) => path.join('.'))).toEqual([field]);
    expect(issues[0]?.message).toMatch(words);
  });

  it('with a field that nobody knows does not fit', () => {
    expect(WatchRequest.safeParse({ every_s: 60, owner: 'somebody-else' }).success).toBe(false);
  });
});

describe('watches', () => {
  it('are kept by owner and space, one for each', async () => {
    const watches = createWatches(redis());
    const [owner, other] = [anOwner(), anOwner()];
    const [a, b] = [aSpace('a.eth'), aSpace('ünion.eth')];
    const schedule = { kind: 'every', every_s: 60 } as const;
    await watches.put({ owner, space_id: b, schedule, dry_run: false });
    await watches.put({ owner, space_id: a, schedule, dry_run: false });
    await watches.put({ owner, space_id: a, schedule, dry_run: true });
    await watches.put({ owner: other, space_id: a, schedule, dry_run: false });
    expect((await watches.of(owner)).map((watch) => [watch.space_id, watch.dry_run])).toEqual([
      [a, true],
      [b, false],
    ]);
    expect(await watches.remove(owner, a)).toBe(true);
    expect(await watches.remove(owner, a)).toBe(false);
    expect(await watches.get(owner, a)).toBeNull();
    expect(await watches.get(other, a)).toMatchObject({ owner: other });
    expect((await watches.all()).records.length).toBe(2);

    // What somebody broke by hand is in nobody's way.
    await redis().hset(keys.watches(), { 'eve:a.eth': '{', 'eve:b.eth': '{"every_s":1}' });
    expect((await watches.all()).odd.toSorted()).toEqual(['eve:a.eth', 'eve:b.eth']);
    expect((await watches.of(owner)).length).toBe(1);
  });
});
