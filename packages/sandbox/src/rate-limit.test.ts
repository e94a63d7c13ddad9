/** The limit of requests a minute and address: counted in windows, told in headers, ended by either clock. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../test/client.ts';
import { NOW, smallWorld } from '../test/small-world.ts';
import { createClock } from './clock.ts';
import { createRateLimiter } from './rate-limit.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';

test('counts each address for itself, and begins anew after a minute on the clock', () => {
  const clock = createClock(NOW);
  const limiter = createRateLimiter(clock, () => 2);
  expect(limiter.take('a')).toEqual({
    allowed: true,
    headers: { 'ratelimit-limit': '2', 'ratelimit-remaining': '1', 'ratelimit-reset': '60' },
  });
  expect(limiter.take('a').allowed).toBe(true);
  expect(limiter.take('a')).toMatchObject({ allowed: false, headers: { 'retry-after': '60' } });
  expect(limiter.take('b').allowed).toBe(true);

  // As recorded: what is left of the window is in `RateLimit-Reset` alone, `Retry-After` is the whole window.
  clock.set(NOW + 45);
  expect(limiter.take('a')).toMatchObject({
    allowed: false,
    headers: { 'ratelimit-reset': '15', 'retry-after': '60' },
  });
  clock.set(NOW + 60);
  expect(limiter.take('a').allowed).toBe(true);
});

test('says nothing where there is no limit', () => {
  const limiter = createRateLimiter(createClock(NOW), () => null);
  expect(limiter.take('a')).toEqual({ allowed: true, headers: {} });
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ world: { ...smallWorld(), limits: { sequencer_per_minute: 3 } } });
});
afterAll(() => sandbox.close());

async function statusFrom(ip: string, body: string): Promise<number> {
  const headers = { 'content-type': 'application/json', 'x-real-ip': ip };
  return (await fetch(sandbox.url, { method: 'POST', headers, body })).status;
}

test('invalid requests to the sequencer count, and the hub counts for itself', async () => {
  const statuses = [];
  for (let nth = 0; nth < 5; nth += 1) statuses.push(await statusFrom('10.0.0.1', `{"nth": ${nth}}`));
  expect(statuses).toEqual([400, 400, 400, 429, 429]);
  expect(await statusFrom('10.0.0.2', '{}')).toBe(400);
  expect((await call('POST', `${sandbox.url}/graphql`, { query: '{ spaces { id } }' })).status).toBe(200);

  await call('PATCH', `${sandbox.url}/_sandbox/world`, { limits: { sequencer_per_minute: null } });
  expect(await statusFrom('10.0.0.1', '{}')).toBe(400);
});

test('a new world starts to count anew', async () => {
  const world = { ...smallWorld(), limits: { sequencer_per_minute: 1 } };
  await call('PUT', `${sandbox.url}/_sandbox/world`, world);
  expect([await statusFrom('10.0.0.3', '{}'), await statusFrom('10.0.0.3', '{}')]).toEqual([400, 429]);
  await call('PUT', `${sandbox.url}/_sandbox/world`, world);
  expect(await statusFrom('10.0.0.3', '{}')).toBe(400);
});
