import { Counter, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { fromZero } from './from-zero.ts';

test('a counter is there with each of its values before anything has happened, and counts on from zero', async () => {
  const registry = new Registry();
  const named = { name: 'rare_total', help: 'What hardly ever happens', labelNames: ['why'] as const };
  const counter = fromZero(new Counter({ ...named, registers: [registry] }), ['storm', 'flood']);
  expect(await registry.metrics()).toContain('rare_total{why="storm"} 0\nrare_total{why="flood"} 0\n');
  counter.inc({ why: 'flood' });
  expect(await registry.metrics()).toContain('rare_total{why="storm"} 0\nrare_total{why="flood"} 1\n');
});
