/** With the settings that hold where nobody sets any: whatever breaks is named within ten seconds, and no answer takes two. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, until, type Stack } from '../stack.ts';
import { BROKEN, partOf, readHealth } from './broken-parts.ts';
import { EVERYTHING, openWorld, SPACE, SURE } from './world.ts';

const NAMED_WITHIN_MS = 10_000;
const ANSWERED_WITHIN_MS = 2_000;

let stack: Stack;
beforeAll(async () => {
  // Empty: as if it were not set.
  const env = { ...SURE, HEARTBEAT_S: '', UPSTREAM_PING_S: '', ENQUEUE_TIMEOUT_MS: '' };
  stack = await startStack({ world: openWorld(), space: SPACE, preferences: EVERYTHING, env, appendonly: true });
});
afterAll(() => stack.stop());

const isUp = async (): Promise<boolean> =>
  (await readHealth(stack)).health.parts.every(({ status }) => status !== 'down' && status !== 'unknown');

describe.each(BROKEN)('where $what', ({ part, says, breakIt, mendIt }) => {
  test('it is named within ten seconds', async () => {
    await until('each part to be well before', isUp);
    await breakIt(stack);
    const brokenMs = performance.now();
    const tookMs: number[] = [];
    try {
      await until(`${part} to be named`, async () => {
        const askedMs = performance.now();
        const found = await partOf(stack, part);
        tookMs.push(performance.now() - askedMs);
        return found?.status === 'down' && says.test(found.detail ?? '');
      });
      expect(performance.now() - brokenMs).toBeLessThan(NAMED_WITHIN_MS);
      expect(Math.max(...tookMs)).toBeLessThan(ANSWERED_WITHIN_MS);
    } finally {
      await mendIt(stack);
    }
  });
});
