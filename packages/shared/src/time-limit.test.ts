/** When the signal of a time limit is aborted, why, and what is left of it once it is let go of. */
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { timeLimit } from './time-limit.ts';

const MS = 300_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a time limit', () => {
  it('is aborted when its time has come, and not before, as the platform would', () => {
    using limit = timeLimit(MS);
    vi.advanceTimersByTime(MS - 1);
    expect(limit.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(limit.signal.reason).toMatchObject({ name: 'TimeoutError' });
    expect(limit.signal.reason).toBeInstanceOf(DOMException);
  });

  it('is aborted with the first of the others, for its reason', () => {
    const [stop, end] = [new AbortController(), new AbortController()];
    using limit = timeLimit(MS, [stop.signal, end.signal]);
    const why = new Error('the run was cancelled');
    end.abort(why);
    stop.abort(new Error('too late'));
    vi.advanceTimersByTime(MS);
    expect(limit.signal.reason).toBe(why);
  });

  it('is aborted at once where another is already', () => {
    const why = new Error('over before it began');
    using limit = timeLimit(MS, [AbortSignal.abort(why)]);
    expect(limit.signal.reason).toBe(why);
  });

  it('leaves nothing behind once it is let go of', () => {
    const stop = new AbortController();
    const limit = timeLimit(MS, [stop.signal]);
    expect([vi.getTimerCount(), getEventListeners(stop.signal, 'abort').length]).toEqual([1, 1]);
    limit[Symbol.dispose]();
    expect([vi.getTimerCount(), getEventListeners(stop.signal, 'abort').length]).toEqual([0, 0]);
    stop.abort();
    expect(limit.signal.aborted).toBe(false);
  });
});
