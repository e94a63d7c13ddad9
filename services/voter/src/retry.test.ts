import { fc, test } from '@fast-check/vitest';
import { PostponeError } from '@quorum/shared/run-worker';
import { describe, expect } from 'vitest';
import { aReceipt } from '../../../packages/shared/test/samples.ts';
import { SETTINGS } from '../test/stand.ts';
import { later, postponeOrFail, type Retry } from './retry.ts';
import { end, failed, go, held, skipped, wasCast } from './step.ts';

const NOW_MS = 1_795_000_000_000;
const MINUTE_MS = 60_000;

test.prop([fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })])(
  'the wait after the nth try is between half a second and a minute, and a fifth at most on top',
  (tries, random) => {
    const wait = later(tries, () => random);
    expect(wait).toBeGreaterThanOrEqual(500);
    expect(wait).toBeLessThanOrEqual(MINUTE_MS * 1.2);
    expect(later(tries + 1, () => random)).toBeGreaterThanOrEqual(wait);
  },
);

const retry: Retry = {
  why: 'no answer',
  tries: 1,
  sinceMs: NOW_MS,
  endMs: NOW_MS + 24 * 60 * MINUTE_MS,
  retryAfterS: undefined,
};

function delayOf(given: Partial<Retry>, nowMs = NOW_MS): number | string {
  try {
    const record = postponeOrFail({ ...retry, ...given }, SETTINGS, nowMs);
    return `${record.outcome.kind}: ${'why' in record.outcome ? record.outcome.why : ''}`;
  } catch (error) {
    if (error instanceof PostponeError) return error.delayMs;
    throw error;
  }
}

describe('a vote that could not be sent', () => {
  test('is tried again soon at first', () => {
    expect(delayOf({})).toBeLessThanOrEqual(600);
  });
  test('waits as long as the other side asks', () => {
    expect(delayOf({ retryAfterS: 42 })).toBe(42_000);
  });
  test('fails where the other side asks for longer than is left', () => {
    expect(delayOf({ retryAfterS: 901 })).toBe('failed: upstream_unavailable');
  });
  test('is tried a last time at the end of the window', () => {
    expect(delayOf({ tries: 20 }, NOW_MS + 890_000)).toBe(10_000);
    expect(delayOf({ tries: 20 }, NOW_MS + 899_600)).toBe('failed: upstream_unavailable');
  });
  test('is not tried past the margin before the proposal closes', () => {
    expect(delayOf({ endMs: NOW_MS + 125_000, tries: 20 })).toBe(5_000);
    expect(delayOf({ endMs: NOW_MS + 120_000 })).toBe('failed: upstream_unavailable');
  });
  test.prop([
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: -1_000_000, max: 2_000_000 }),
    fc.nat({ max: 2_000 }),
  ])('never comes back after window or deadline', (tries, sinceAgoMs, leftS) => {
    const given = { tries, sinceMs: NOW_MS - sinceAgoMs, endMs: NOW_MS + leftS * 1_000 };
    const delay = delayOf(given);
    if (typeof delay !== 'number') return;
    expect(NOW_MS + delay).toBeLessThanOrEqual(given.sinceMs + SETTINGS.retryWindowS * 1_000);
    expect(NOW_MS + delay).toBeLessThanOrEqual(given.endMs - SETTINGS.minTimeToVoteS * 1_000);
  });
});

test('a step goes on with a value or ends with a record', () => {
  expect(go(1)).toEqual({ kind: 'go', value: 1 });
  expect(end(held('risk', 1))).toEqual({
    kind: 'end',
    record: { outcome: { kind: 'held', why: 'risk' }, settled_at: 1 },
  });
  expect(skipped('closed', 1)).toEqual({ outcome: { kind: 'skipped', why: 'closed' }, settled_at: 1 });
  expect(failed('signing', 1, 'x')).toEqual({
    outcome: { kind: 'failed', why: 'signing' },
    settled_at: 1,
    detail: 'x',
  });
});

test('a receipt for another vote is not shown with a cast one', () => {
  const receipt = aReceipt();
  expect(wasCast(receipt.id, receipt, 1).receipt).toEqual(receipt);
  expect(wasCast(`0x${'00'.repeat(32)}`, receipt, 1)).toEqual({ outcome: { kind: 'cast' }, settled_at: 1 });
});
