import { expect, it } from 'vitest';
import { percentages, sameShares } from './shares.ts';

it.for([
  [[], [], true],
  [[], [1], false],
  [[1], [], false],
  [[1, 2], [1], false],
  [[1], [1, 2], false],
  [[1, 2], [2, 4], true],
  [[1, 2], [2, 5], false],
  [[1e21, 2e21], [1, 2], true],
  [[1.5e-7, 3e-7], [1, 2], true],
  [[1e21, 1e-7], [1e28, 1], true],
  [[1e21, 1e-7], [1e27, 1], false],
] as const)('%j and %j are the same shares: %s', ([a, b, same]) => {
  expect(sameShares(a, b)).toBe(same);
});

it.for([
  [[1], ['100']],
  [
    [1, 2],
    ['33.3', '66.7'],
  ],
  [
    [1, 2000],
    ['< 0.1', '100'],
  ],
  [
    [1, 999],
    ['0.1', '99.9'],
  ],
  [
    [1e308, 1e308],
    ['50', '50'],
  ],
  [
    [1e-320, 3e-320],
    ['25', '75'],
  ],
] as const)('the shares of %j in percent are %j', ([weights, shown]) => {
  expect(percentages(weights)).toEqual(shown);
});
