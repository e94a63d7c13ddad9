/** A run that is cancelled: every process drops what it does for it, and nothing is voted but what is on the hub already. */
import { jobIds } from '@quorum/shared/jobs';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { AgentRunView } from '@quorum/shared/run';
import { ProposalId } from '@quorum/snapshot/proposal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack, until, type Stack } from '../stack.ts';
import { openWorld, proposalId, SPACE, SURE, WANTED } from './world.ts';

/** Far longer than a test waits: only a decider that drops its question lets the run end. */
const LATENCY_MS = 240_000;
const SENT = 'sent.eth';

let stack: Stack;
beforeAll(async () => {
  const world = openWorld({ spaces: [SPACE, SENT] });
  stack = await startStack({ world, space: SPACE, moreSpaces: [SENT], env: SURE });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
});
afterAll(() => stack.stop());

async function cancel(runId: string): Promise<AgentRunView> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${stack.url}/agent-run/${runId}`, { method: 'DELETE', headers });
  expect(response.status).toBe(202);
  return AgentRunView.parse(await response.json());
}

test('a run that is cancelled ends at once, casts nothing, and makes room for another', async () => {
  await stack.control('POST', 'faults', { endpoint: 'model', share: 1, latency_ms: LATENCY_MS });
  const { run_id: runId } = await stack.post();
  const asked = () => stack.sandbox.world.received.filter(({ endpoint }) => endpoint === 'model').length;
  await until('the model to be asked', async () => asked() > 0);
  expect((await cancel(runId)).run_id).toBe(runId);

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

test('a vote that is on the hub although its answer was lost is told of as cast, also where the run was cancelled', async () => {
  const id = proposalId(0, 1);
  const lost = { share: 1, status: 500, stored: true, latency_ms: 1_500 };
  await stack.control('POST', 'faults', { endpoint: 'sequencer', match: { body_contains: id }, ...lost });
  const { run_id: runId } = await stack.post({ space_id: SENT });
  const sends = () =>
    stack.sandbox.world.received.filter(
      ({ endpoint, body }) => endpoint === 'sequencer' && JSON.stringify(body).includes(id),
    ).length;
  await until('the vote to be sent', async () => sends() === 1);
  await stack.control('POST', 'faults', {
    endpoint: 'hub',
    share: 1,
    status: 503,
    match: { body_contains: 'query Votes' },
  });
  const job = jobIds.vote(runId, ProposalId.parse(id));
  const isPutOff = async () => (await stack.redis.zscore(`${BULL_PREFIX}:vote:delayed`, job)) !== null;
  await until('it to be put off', isPutOff);
  expect(stack.sandbox.world.votes.filter(({ proposal }) => proposal === id)).toHaveLength(1);
  await cancel(runId);
  await stack.control('DELETE', 'faults');

  const result = await stack.finished(runId);
  expect(result.status).toBe('cancelled');
  expect(result.votes_cast.map(({ proposal_id: voted }) => voted)).toContain(id);
  expect(sends()).toBe(1);
});
