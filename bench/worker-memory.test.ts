/** What is concluded from fewer than ten thousand runs. */
import { expect, it } from 'vitest';
import { resultOf } from './worker-memory.ts';

/** What is held after each wave, of a voter that holds as much all along. */
const held = (...megabytes: readonly number[]) =>
  megabytes.map((mb) => new Map([['decider', mb * 1e6] as const, ['voter', 50e6] as const]));

it('is the worst of the services after all of them, against the first', () => {
  const all = resultOf(held(100, 101, 101, 102, 102, 102, 103, 103, 103, 104), 40);
  expect(all).toMatchObject({ value: 1.04, ok: true });
  expect(all.note).toBe('after 10,000 runs: decider 1.040, voter 1.000; 40.0 runs/s');
});

it('takes what was held more after fewer on to ten thousand', () => {
  const half = resultOf(held(100, 101, 102, 103, 104), 10);
  expect(half.value).toBeCloseTo(1.09);
  expect(half.ok).toBe(false);
  expect(half.note).toContain(
    'after 5,000 runs, all that the time was enough for, what was held more taken on to 10,000',
  );
});

it('does not take on what was held less', () => {
  expect(resultOf(held(100, 90, 90, 90, 90), 10)).toMatchObject({ value: 1, ok: true });
});

it('is not met after less than half, however little was held', () => {
  const few = resultOf(held(100, 100, 100, 100), 10);
  expect(few).toMatchObject({ value: 1, ok: false });
  expect(few.note).toContain('not met, as it takes 5,000 at least');
  expect(() => resultOf(held(100), 10)).toThrow(/only one wave/);
});
