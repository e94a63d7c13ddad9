import { newRunId } from '@quorum/shared/ids';
import { createTransitions } from '@quorum/shared/transitions';
import { SpaceId } from '@quorum/snapshot/proposal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SURE, WANTED } from './world.ts';

const SPACES = [
  'redis-asks.eth',
  'redis-sends.eth',
  'hub.eth',
  'model.eth',
  'sequencer.eth',
  'gateway.eth',
  'hub-gone.eth',
] as const;
type SpaceName = (typeof SPACES)[number];
const LATENCY_MS = 1_500;

describe('what a run depends on goes away in the middle of it', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({
      world: openWorld({ spaces: SPACES, types: ['basic', 'single-choice', 'weighted'] }),
      space: SPACES[0],
      moreSpaces: SPACES.slice(1),
      preferences: EVERYTHING,
      env: { ...SURE, JOB_LOCK_S: '2', VOTE_EXECUTION_TIMEOUT: '5' },
      appendonly: true,
    });
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
  });
  afterAll(() => stack.stop());

  const fault = (endpoint: string, text: string, count: number, what: Record<string, unknown>): Promise<void> =>
    stack.control('POST', 'faults', { endpoint, count, match: { body_contains: text }, ...what });

  async function waiting(endpoint: string, text: string): Promise<void> {
    await until(`the ${endpoint} to be asked`, async () =>
      stack.sandbox.world.received.some(
        (exchange) =>
          exchange.endpoint === endpoint && exchange.answer === null && JSON.stringify(exchange.body).includes(text),
      ),
    );
  }

  /** The run cast each of its three proposals, once. */
  async function isWhole(space: SpaceName, runId: string): Promise<void> {
    const result = await stack.finished(runId);
    expect(result).toMatchObject({ status: 'completed', errors: [], proposals_analyzed: 3 });
    expect(result.votes_cast.map(({ outcome, receipt }) => [outcome.kind, receipt !== undefined])).toEqual([
      ['cast', true],
      ['cast', true],
      ['cast', true],
    ]);
    expect(takenIn(space)).toBe(3);
    expect(stack.sandbox.world.votes.filter((vote) => vote.space === space).length).toBe(3);
  }

  /** Messages that the sequencer took: a vote that was replaced by another counts as well. */
  const takenIn = (space: SpaceName): number =>
    stack.sandbox.world.messages.filter((message) => message.type === 'vote' && message.space === space).length;

  test('Redis is killed while the model thinks, and comes back', async () => {
    await fault('model', 'redis-asks.eth', 9, { latency_ms: LATENCY_MS });
    const { run_id: runId } = await stack.post({ space_id: 'redis-asks.eth' });
    await waiting('model', 'redis-asks.eth');
    await stack.redisServer.restart();
    await isWhole('redis-asks.eth', runId);
  });

  test('Redis is killed while votes are on their way, and comes back', async () => {
    await fault('sequencer', 'redis-sends.eth', 3, { latency_ms: LATENCY_MS });
    const { run_id: runId } = await stack.post({ space_id: 'redis-sends.eth' });
    await waiting('sequencer', 'redis-sends.eth');
    await stack.redisServer.kill9();
    // Kept away until the sequencer has answered: what it said must outlast that.
    await until('the votes to be taken', async () => takenIn('redis-sends.eth') > 0);
    await stack.redisServer.restart();
    await isWhole('redis-sends.eth', runId);
  });

  test('the hub is down while it is read, then back', async () => {
    await fault('hub', 'hub.eth', 2, { status: 503, body: '<h1>Service Unavailable</h1>' });
    const { run_id: runId } = await stack.post({ space_id: 'hub.eth' });
    await isWhole('hub.eth', runId);
  });

  test('the hub stays down: the run fails in words, and leaves its space free for the next one', async () => {
    await fault('hub', 'hub-gone.eth', 3, { cut: 'before' });
    const result = await stack.run({ space_id: 'hub-gone.eth' });
    expect(result).toMatchObject({ status: 'failed', votes_cast: [] });
    expect(result.errors.join()).toMatch(/Snapshot's hub gave no usable answer/);
    const { run_id: runId } = await stack.post({ space_id: 'hub-gone.eth' });
    await isWhole('hub-gone.eth', runId);
  });

  test('the model is down, then back', async () => {
    await fault('model', 'model.eth', 12, { status: 500, body: { error: { message: 'overloaded' } } });
    const { run_id: runId } = await stack.post({ space_id: 'model.eth' });
    await isWhole('model.eth', runId);
  });

  test('the sequencer stores a vote and answers 500, cuts the line on one, is busy on one', async () => {
    await fault('sequencer', 'sequencer.eth', 1, { status: 500, stored: true, body: 'oops' });
    await fault('sequencer', 'sequencer.eth', 1, { cut: 'after' });
    await fault('sequencer', 'sequencer.eth', 1, { status: 429, headers: { 'retry-after': '1' }, body: 'slow down' });
    const { run_id: runId } = await stack.post({ space_id: 'sequencer.eth' });
    const result = await stack.finished(runId);
    expect(result).toMatchObject({ status: 'completed', errors: [] });
    expect(result.votes_cast.length).toBe(3);
    expect(takenIn('sequencer.eth')).toBe(3);
  });

  test('the gateway dies after it accepted a run and before it enqueued it: asked again, it is that run', async () => {
    await stack.kill9('gateway');
    const space = SpaceId.parse('gateway.eth');
    const accepted = await createTransitions(stack.redis).accept({
      runId: newRunId(),
      owner: stack.owner,
      space,
      dryRun: false,
      idempotency: null,
      nowMs: Date.now(),
    });
    // The run is under way until all of them were answered: one that comes after its end starts another.
    await fault('model', 'gateway.eth', 9, { latency_ms: LATENCY_MS });
    await stack.start('gateway');
    const again = await Promise.all(Array.from({ length: 20 }, () => stack.post({ space_id: space })));
    expect(new Set(again.map(({ run_id: runId }) => runId))).toEqual(new Set([accepted.runId]));
    await isWhole('gateway.eth', accepted.runId);
  });
});
