/** The health of a whole Quorum, each of whose parts is broken in turn: it is named, and well again by itself once it is mended. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, until, type Stack } from '../stack.ts';
import { BROKEN, partOf, readHealth } from './broken-parts.ts';
import { EVERYTHING, openWorld, SPACE, SURE, WANTED } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  // Sooner than usual; `health.slow.test.ts` takes the times that hold where nobody sets any.
  const env = { ...SURE, HEARTBEAT_S: '0.3', UPSTREAM_PING_S: '0.3' };
  stack = await startStack({ world: openWorld(), space: SPACE, preferences: EVERYTHING, env, appendonly: true });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
});
afterAll(() => stack.stop());

const isUp = async (): Promise<boolean> =>
  (await readHealth(stack)).health.parts.every(({ status }) => status !== 'down' && status !== 'unknown');

test('a whole Quorum that nobody has used yet is known to be well in each of its parts', async () => {
  await until('each part to be known', isUp);
  const { status, health } = await readHealth(stack);
  expect(status).toBe(200);
  expect(health.status).not.toBe('down');
  expect(health.instances.map(({ service }) => service).toSorted()).toEqual(['decider', 'fetcher', 'gateway', 'voter']);
  expect(health.instances.every(({ working }) => working)).toBe(true);
});

/** All of them, and their times, are in the long proofs. */
const QUICK = BROKEN.filter(({ restarts, part }) => restarts !== true || part === 'decider');

describe.each(QUICK)('where $what', ({ part, says, breakIt, mendIt }) => {
  test('it is named, and well again once that is mended', async () => {
    await until('each part to be well before', isUp);
    await breakIt(stack);
    try {
      await until(`${part} to be named`, async () => {
        const found = await partOf(stack, part);
        return found?.status === 'down' && says.test(found.detail ?? '');
      });
      const { status, health } = await readHealth(stack);
      expect(status).toBe(503);
      expect(health.status).toBe('down');
    } finally {
      await mendIt(stack);
    }
    await until('each part to be well again', isUp);
    expect((await readHealth(stack)).status).toBe(200);
  });
});

test('a run that was accepted before Redis died, with nobody to work it, is lost in nothing', async () => {
  await stack.kill9('fetcher');
  const { run_id } = await stack.post();
  await stack.redisServer.kill9();
  await until('Redis to be missed', async () => (await partOf(stack, 'redis'))?.status === 'down');
  await stack.redisServer.restart();
  await stack.start('fetcher');
  const result = await stack.finished(run_id);
  expect(result.status).toBe('completed');
  expect(result.votes_cast).toHaveLength(2);
});
