/** How much of what was recorded is replayed: whatever is not listed as an exception is, and must agree. */
import { expect, test } from 'vitest';
import { RECORDED_CASES } from '../test/recorded-cases.ts';
import { EXCEPTIONS } from '../test/recorded-exceptions.ts';
import { UNREPEATABLE } from '../test/unrepeatable.ts';

test('at least 95 % of all recorded cases are replayed, and each of the others has its reason', () => {
  const names = RECORDED_CASES.map((one) => one.case);
  const left = Object.keys(EXCEPTIONS);
  expect(names).toHaveLength(209);
  expect(names).toEqual(expect.arrayContaining(left));
  expect(1 - left.length / names.length).toBeGreaterThanOrEqual(0.95);
  for (const reason of Object.values(EXCEPTIONS)) expect(reason.length).toBeGreaterThan(20);
});

test('what of an answer is not compared has its reason too', () => {
  for (const { what, why } of UNREPEATABLE) expect(why.length, what).toBeGreaterThan(10);
});
