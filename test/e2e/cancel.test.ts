/** A run that is cancelled while the model thinks: every process drops what it does for it, and nothing is voted. */
import { AgentRunView } from '@quorum/shared/run';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack, until, type Stack } from '../stack.ts';
import { openWorld, SPACE, SURE, WANTED } from './world.ts';

/** Far longer than a test waits: only a decider that drops its question lets the run end. */
const LATENCY_MS = 240_000;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ world: openWorld(), space: SPACE, env: SURE });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
});
afterAll(() => stack.stop());

test('a run that is cancelled ends at once, casts nothing, and makes room for another', async () => {
  await stack.control('POST', 'faults', { endpoint: 'model', share: 1, latency_ms: LATENCY_MS });
  const { run_id: runId } = await stack.post();
  const asked = () => stack.sandbox.world.received.filter(({ endpoint }) => endpoint === 'model').length;
  await until('the model to be asked', async () => asked() > 0);
  const response = await fetch(`${stack.url}/agent-run/${runId}`, {
    method: 'DELETE',
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(202);
  expect(AgentRunView.parse(await response.json()).run_id).toBe(runId);

  const result = await stack.finished(runId);
  expect(result).toMatchObject({ status: 'cancelled', votes_cast: [], errors: [], next_check_time: null });
  const { proposals } = await stack.view(runId);
  expect(proposals.map(({ outcome }) => outcome)).toEqual(proposals.map(() => ({ kind: 'skipped', why: 'cancelled' })));
  expect(stack.sandbox.world.votes).toEqual([]);

  await stack.control('DELETE', 'faults');
  const next = await stack.run();
  expect(next).toMatchObject({ status: 'completed', errors: [] });
  expect(next.votes_cast.length).toBe(2);
}, 120_000);
