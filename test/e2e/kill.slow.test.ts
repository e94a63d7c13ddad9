import { demoWorld, DEMO_SPACE } from '@quorum/sandbox/worlds/demo';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceName } from '../../scripts/services.ts';
import { startStack, until, type Stack } from '../stack.ts';

const LATENCY_MS = 1_500;

/** A moment in the middle of a run, made long enough to kill the worker in it: a fault of the sandbox that it waits in. */
const MOMENTS: readonly {
  readonly worker: ServiceName;
  readonly when: string;
  readonly endpoint: 'hub' | 'model' | 'sequencer';
  readonly match: string;
  readonly fault: Readonly<Record<string, unknown>>;
}[] = [
  {
    worker: 'fetcher',
    when: 'while it reads the list',
    endpoint: 'hub',
    match: 'ActiveProposals',
    fault: { latency_ms: LATENCY_MS },
  },
  {
    worker: 'decider',
    when: 'while it asks the model',
    endpoint: 'model',
    match: 'json_schema',
    fault: { latency_ms: LATENCY_MS },
  },
  {
    worker: 'voter',
    when: 'before its vote is stored',
    endpoint: 'sequencer',
    match: 'Vote',
    fault: { latency_ms: LATENCY_MS, cut: 'before' },
  },
  {
    worker: 'voter',
    when: 'after its vote was stored',
    endpoint: 'sequencer',
    match: 'Vote',
    fault: { latency_ms: LATENCY_MS, cut: 'after' },
  },
];

describe.each(MOMENTS)('kill -9 of the $worker $when', ({ worker, endpoint, match, fault }) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({
      world: demoWorld({ now: Math.floor(Date.now() / 1000) }),
      space: DEMO_SPACE,
      env: { JOB_LOCK_S: '1' },
    });
  });
  afterAll(() => stack.stop());

  test('and its restart: the run completes, one vote per proposal', async () => {
    await stack.control('POST', 'faults', { endpoint, count: 3, match: { body_contains: match }, ...fault });
    const { run_id: runId } = await stack.post();
    const isWaiting = (): boolean =>
      stack.sandbox.world.received.some(
        (exchange) =>
          exchange.endpoint === endpoint && exchange.answer === null && JSON.stringify(exchange.body).includes(match),
      );
    await until(`the ${worker} to be in the middle of it`, async () => isWaiting());
    await stack.kill9(worker);
    await stack.start(worker);

    const result = await stack.finished(runId);
    expect(result).toMatchObject({ status: 'completed', errors: [] });
    expect(result.proposals_analyzed).toBe(3);
    expect(result.votes_cast.length).toBeGreaterThan(0);
    const voted = stack.sandbox.world.votes.map(({ proposal, voter }) => `${voter} ${proposal}`);
    expect(new Set(voted).size).toBe(voted.length);
    expect(voted.toSorted()).toEqual(result.votes_cast.map(({ proposal_id: id }) => `${stack.voter} ${id}`).toSorted());
    // One row could still be the last of several votes: every message that was taken must be another proposal's.
    const messages = stack.sandbox.world.messages.filter(({ type }) => type !== 'alias');
    expect(messages.length).toBe(voted.length);
  }, 120_000);
});
