import { describe, expect, it } from 'vitest';
import { serialQueue } from './serial-queue.ts';

/** Work that ends when it is told to. */
function pending() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let hasBegun = false;
  const work = (): Promise<string> => {
    hasBegun = true;
    return promise;
  };
  return { work, resolve, reject, hasBegun: () => hasBegun };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a serial queue', () => {
  it('does the work of one name in order, one piece at a time', async () => {
    const queue = serialQueue();
    const [first, second] = [pending(), pending()];
    const [one, two] = [queue('a', first.work), queue('a', second.work)];
    await turn();
    expect([first.hasBegun(), second.hasBegun()]).toEqual([true, false]);
    first.resolve('1');
    expect(await one).toBe('1');
    await turn();
    expect(second.hasBegun()).toBe(true);
    second.resolve('2');
    expect(await two).toBe('2');
  });

  it('does not let one name wait for another', async () => {
    const queue = serialQueue();
    const stuck = pending();
    const waiting = queue('a', stuck.work);
    expect(await queue('b', async () => 'done')).toBe('done');
    stuck.resolve('late');
    await waiting;
  });

  it('goes on after work that failed, and tells of the failure', async () => {
    const queue = serialQueue();
    const failing = pending();
    const [one, two] = [queue('a', failing.work), queue('a', async () => 'done')];
    failing.reject(new Error('broken'));
    await expect(one).rejects.toThrow('broken');
    expect(await two).toBe('done');
  });
});
