import { expect, it } from 'vitest';
import { mapSome } from './in-turns.ts';

it('does so many at a time and no more, and keeps the order of the list', async () => {
  let [now, most] = [0, 0];
  const results = await mapSome([50, 10, 40, 20, 30], 2, async (turns, at) => {
    now += 1;
    most = Math.max(most, now);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    now -= 1;
    return `${at}: ${turns}`;
  });
  expect(results).toEqual(['0: 50', '1: 10', '2: 40', '3: 20', '4: 30']);
  expect([now, most]).toEqual([0, 2]);
});

it('of an empty list is empty; what fails fails the whole', async () => {
  expect(await mapSome([], 3, async () => 1)).toEqual([]);
  await expect(mapSome([1], 3, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
});
