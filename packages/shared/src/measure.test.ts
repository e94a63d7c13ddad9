import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { askedOnce, measure } from './measure.ts';

test('the gauges of one scrape ask once, those of a later one again', async () => {
  let asked = 0;
  const ask = askedOnce(async () => (asked += 1));
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  await expect.poll(ask).toBe(2);
});

test.each([
  ['fails', () => Promise.reject(new Error('away'))],
  ['takes too long', () => new Promise<number>(() => undefined)],
])('a question that %s has no answer, and its gauge says nothing', async (_what, ask) => {
  const registry = new Registry();
  measure(registry, 'quorum_x', 'An x', askedOnce(ask, 20));
  expect(await registry.metrics()).toMatch(/^quorum_x Nan$/im);
});
