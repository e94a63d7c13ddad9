/** What is late, and what only comes late to be read. */
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { standStill } from '../../../test/stand-still.ts';
import { answerLimit } from './answer-limit.ts';

const MS = 500;
afterEach(() => void vi.useRealTimers());

/** Whether the limit ends before the work does. */
function isLate(work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = answerLimit(MS, () => resolve(true));
    void work.finally(stop).then(() => resolve(false));
  });
}

/** Answers that come one after the other, each of which takes turns of the event loop. */
async function several(): Promise<void> {
  for (let answer = 0; answer < 5; answer += 1) await readFile(import.meta.filename);
}

describe('the limit of an answer', () => {
  it('ends in silence', async () => {
    expect(await isLate(new Promise(() => {}))).toBe(true);
  });

  it('ends in silence where the loop stood still', async () => {
    const late = isLate(new Promise(() => {}));
    standStill(2 * MS);
    expect(await late).toBe(true);
  });

  it('does not count for how long the loop stood still', async () => {
    const late = isLate(several());
    standStill(2 * MS);
    expect(await late).toBe(false);
  });

  it('has Node warn of nothing where its timer comes a part of a millisecond early', async () => {
    const warn = vi.fn<(warning: Error) => void>();
    process.on('warning', warn);
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 10 }, () => new Promise<void>((late) => void answerLimit(5, late))));
    }
    process.off('warning', warn);
    expect(warn).not.toHaveBeenCalled();
  });

  it('ends at its time where the loop turns, and not once it is stopped', () => {
    vi.useFakeTimers();
    const late = vi.fn<() => void>();
    answerLimit(MS, late);
    const stop = answerLimit(MS, late);
    vi.advanceTimersByTime(MS - 1);
    expect(late).not.toHaveBeenCalled();
    stop();
    vi.advanceTimersByTime(5);
    expect(late).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(10 * MS);
    expect(late).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
