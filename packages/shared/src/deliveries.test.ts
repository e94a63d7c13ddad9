/** What becomes of notices: each is delivered once, a few at a time for each owner, and what is dead can be sent anew. */
import { describe, expect, it } from 'vitest';
import { newRunId } from './ids.ts';
import { anOwner, aProposalId, aSpace } from '../test/samples.ts';
import { NOW_MS, useRedis } from '../test/world.ts';
import { createDeliveries, type AttemptEnd } from './deliveries.ts';
import { DeliveryId, type OwnerId } from './ids.ts';
import { noticeId, type NoticePayload } from './notices.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const deliveries = () => createDeliveries(redis());

const aNotice = (owner: OwnerId = anOwner()): NoticePayload => ({
  event: 'closing_too_soon',
  owner,
  space_id: aSpace(),
  proposal_id: aProposalId(),
  run_id: newRunId(),
});
const idOf = (notice: NoticePayload): DeliveryId => DeliveryId.parse(noticeId(notice));
const begin = (notice: NoticePayload, nowMs = NOW_MS) =>
  deliveries().begin(notice, { leaseMs: 15_000, most: 2, nowMs });
const DEAD: AttemptEnd = { state: 'dead', why: 'answered 500' };

describe('a delivery', () => {
  it.each(['delivered', 'dropped', 'dead'] as const)('that is %s is never begun again', async (state) => {
    const notice = aNotice();
    expect(await begin(notice)).toEqual({ kind: 'go', attempt: 1, createdAtMs: NOW_MS });
    await deliveries().end(notice, state === 'dead' ? DEAD : { state }, NOW_MS);
    expect(await begin(notice, NOW_MS + 1)).toEqual({ kind: 'ended', state });
    await deliveries().end(notice, { state: 'pending', why: 'late', againMs: NOW_MS }, NOW_MS);
    expect(await deliveries().read(idOf(notice))).toMatchObject({ state });
  });

  it('that was in vain is tried again, and keeps its first time', async () => {
    const notice = aNotice();
    await begin(notice);
    await deliveries().end(notice, { state: 'pending', why: 'answered 500', againMs: NOW_MS + 5_000 }, NOW_MS + 10);
    expect(await deliveries().read(idOf(notice))).toMatchObject({ why: 'answered 500', again: NOW_MS + 5_000 });
    expect(await begin(notice, NOW_MS + 5_000)).toEqual({ kind: 'go', attempt: 2, createdAtMs: NOW_MS });
  });

  it('that is being sent is not begun beside it, until its time has passed', async () => {
    const notice = aNotice();
    await begin(notice);
    expect(await begin(notice, NOW_MS + 14_999)).toEqual({ kind: 'busy' });
    expect(await begin(notice, NOW_MS + 15_001)).toMatchObject({ kind: 'go', attempt: 2 });
  });

  it('that counts no more before it was begun leaves nothing behind', async () => {
    const notice = aNotice();
    await deliveries().end(notice, { state: 'dropped' }, NOW_MS);
    expect(await deliveries().read(idOf(notice))).toBeNull();
  });

  it('keeps one owner waiting for their own alone', async () => {
    const [alice, bob] = [anOwner(), anOwner()];
    const [first, second, third] = [aNotice(alice), aNotice(alice), aNotice(alice)];
    expect([await begin(first), await begin(second)].map(({ kind }) => kind)).toEqual(['go', 'go']);
    expect(await begin(third)).toEqual({ kind: 'busy' });
    expect(await begin(aNotice(bob))).toMatchObject({ kind: 'go' });
    await deliveries().end(first, { state: 'delivered' }, NOW_MS);
    expect(await begin(third)).toMatchObject({ kind: 'go' });
  });

  it('expires, whatever became of it', async () => {
    const notice = aNotice();
    await begin(notice);
    expect(await redis().ttl(keys.delivery(idOf(notice)))).toBeGreaterThan(59 * 24 * 3_600);
    await deliveries().end(notice, DEAD, NOW_MS);
    expect(await redis().ttl(keys.delivery(idOf(notice)))).toBeGreaterThan(59 * 24 * 3_600);
  });
});

describe('a dead delivery', () => {
  it('is pending again once it is sent anew, with all its attempts before it', async () => {
    const notice = aNotice();
    await begin(notice);
    await deliveries().end(notice, DEAD, NOW_MS);
    expect(await deliveries().resend(anOwner(), idOf(notice), NOW_MS)).toBe('missing');
    expect(await deliveries().resend(notice.owner, idOf(notice), NOW_MS)).toBe('dead');
    expect(await deliveries().resend(notice.owner, idOf(notice), NOW_MS)).toBe('pending');
    expect(await begin(notice)).toMatchObject({ kind: 'go', attempt: 1 });
    const list = (state: 'dead' | 'pending') => deliveries().list(notice.owner, state, { cursor: null, limit: 10 });
    expect((await list('dead')).deliveries).toEqual([]);
    expect((await list('pending')).deliveries).toHaveLength(1);
  });
});

describe('the list', () => {
  it('has each dead delivery of the owner once, the latest first, also where one goes meanwhile', async () => {
    const owner = anOwner();
    const notices = Array.from({ length: 7 }, () => aNotice(owner));
    for (const [at, notice] of notices.entries()) {
      await begin(notice, NOW_MS + at);
      await deliveries().end(notice, DEAD, NOW_MS + at);
    }
    const page = (cursor: string | null) => deliveries().list(owner, 'dead', { cursor, limit: 3 });
    const first = await page(null);
    const seen = first.deliveries.map(({ id }) => id);
    // The last that was shown goes: the next page begins behind it all the same.
    await deliveries().resend(owner, DeliveryId.parse(seen.at(-1)), NOW_MS);
    const second = await page(first.next);
    const third = await page(second.next);
    expect(third.next).toBeNull();
    const all = [...seen, ...[second, third].flatMap((one) => one.deliveries.map(({ id }) => id))];
    expect(all).toEqual(notices.map(idOf).toReversed());
    expect((await deliveries().list(anOwner(), 'dead', { cursor: 'nonsense', limit: 3 })).deliveries).toEqual([]);
  });
});

it('the oldest that is pending is known, and no longer once it has ended', async () => {
  await redis().flushall();
  const [old, young] = [aNotice(), aNotice()];
  expect(await deliveries().oldestPendingMs()).toBeNull();
  await begin(young, NOW_MS);
  await begin(old, NOW_MS - 60_000);
  expect(await deliveries().oldestPendingMs()).toBe(NOW_MS - 60_000);
  await deliveries().end(old, DEAD, NOW_MS);
  expect(await deliveries().oldestPendingMs()).toBe(NOW_MS);
});
