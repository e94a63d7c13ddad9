/**
 * A run that fails, at whatever step, leaves nothing half done: its place is free, its money given back, nothing is reserved that was
 * never sent, no job of it waits, and the next run does the work.
 */
import type { Outcome } from '@quorum/shared/outcome';
import { keys } from '@quorum/shared/redis-keys';
import type { AgentRunResponse } from '@quorum/shared/run';
import { SpaceId } from '@quorum/snapshot/proposal';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startStack, until, type Stack } from '../stack.ts';
import { ask } from './outcome-cases.ts';
import { EVERYTHING, openWorld, proposalId, SURE, WANTED } from './world.ts';

type Step = {
  readonly endpoint: 'hub' | 'model' | 'sequencer';
  /** What the request that fails holds; together with the proposal's id or its space's name. */
  readonly asks: string;
  readonly fault: Readonly<Record<string, unknown>>;
  /** How the run ends, or its one proposal. */
  readonly ends: 'failed' | Outcome;
};

const away = { share: 1, status: 503 };
const unavailable = { kind: 'failed', why: 'upstream_unavailable' } as const;
const refusal = (description: string) => ({
  share: 1,
  status: 400,
  body: { error: 'client_error', error_description: description },
});

const STEPS: Readonly<Record<string, Step>> = {
  'reads the list': { endpoint: 'hub', asks: 'query ActiveProposals', fault: away, ends: 'failed' },
  'reads the votes': { endpoint: 'hub', asks: 'query SpaceVotes', fault: away, ends: 'failed' },
  'reads the texts': { endpoint: 'hub', asks: 'query Proposals', fault: away, ends: 'failed' },
  'asks the model': { endpoint: 'model', asks: '', fault: away, ends: unavailable },
  'reads the answers': {
    endpoint: 'model',
    asks: '',
    fault: { share: 1, status: 200, body: { choices: [{ message: { content: 'Perhaps.' } }] } },
    ends: { kind: 'failed', why: 'model_output' },
  },
  'reads the proposal again': { endpoint: 'hub', asks: 'query Proposal(', fault: away, ends: unavailable },
  'asks for the alias': { endpoint: 'hub', asks: 'query Alias', fault: away, ends: unavailable },
  sends: { endpoint: 'sequencer', asks: '', fault: { share: 1, cut: 'before' }, ends: unavailable },
  'is refused': {
    endpoint: 'sequencer',
    asks: '',
    fault: refusal('failed vote validation'),
    ends: { kind: 'failed', why: 'vote_rejected' },
  },
};
const spaces = Object.keys(STEPS).map((step) => `${step.replaceAll(' ', '-')}.eth`);
const CANCELLED = ['cancel-reading.eth', 'cancel-asking.eth', 'cancel-voting.eth'] as const;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    world: openWorld({ spaces: [...spaces, ...CANCELLED], types: ['basic'] }),
    space: 'sends.eth',
    moreSpaces: [...spaces, ...CANCELLED],
    preferences: EVERYTHING,
    env: { ...SURE, MAX_RETRY_ATTEMPTS: '1', VOTE_RETRY_WINDOW_S: '1' },
  });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
});
afterEach(() => stack.control('DELETE', 'faults'));
afterAll(() => stack.stop());

/** Where the one proposal of this run ended, or the run itself where there is none. */
async function endOf(runId: string): Promise<Outcome | string> {
  const { proposals, status } = await stack.view(runId);
  return proposals[0]?.outcome ?? status;
}

/** Nothing of this run is left that holds anything up. */
async function nothingIsLeft({ run_id: runId, space_id: space }: AgentRunResponse): Promise<void> {
  expect(await stack.redis.get(keys.active(stack.owner, SpaceId.parse(space)))).toBeNull();
  for (const key of await stack.redis.keys('{quorum}:budget:*')) {
    const fields = await stack.redis.hkeys(key);
    expect(fields.filter((field) => field.startsWith('hold:'))).toEqual([]);
  }
  for (const key of await stack.redis.keys('{quorum}:ledger:*')) {
    const entry = await stack.redis.hgetall(key);
    if (entry['run_id'] !== runId) continue;
    // `reserve` writes no count; the first send does.
    expect([entry['state'], entry['sends'] ?? '0']).not.toEqual(['reserved', '0']);
  }
  // The record of its end is written a moment before its job ends.
  await until('no job of it to be left', async () => (await jobsOf(runId)).length === 0);
}

/** The jobs of a run that are to be done. What is settled later is asked for by a sweep, which reads and sends nothing. */
async function jobsOf(runId: string): Promise<string[]> {
  const found: string[] = [];
  for (const queue of ['agent-run', 'decide', 'vote']) {
    for (const list of ['wait', 'active', 'paused', 'prioritized', 'waiting-children', 'delayed']) {
      const key = `{quorum}:bull:${queue}:${list}`;
      const isList = (await stack.redis.type(key)) === 'list';
      const ids = isList ? await stack.redis.lrange(key, 0, -1) : await stack.redis.zrange(key, '0', '-1');
      found.push(...ids.filter((id) => id.includes(runId) && !id.startsWith('sweep-')));
    }
  }
  return found;
}

describe('a run that fails', () => {
  test.each(Object.entries(STEPS))('as it %s', async (name, { endpoint, asks, fault, ends }) => {
    const at = Object.keys(STEPS).indexOf(name);
    const space = `${name.replaceAll(' ', '-')}.eth`;
    const id = proposalId(0, at);
    // The hub's questions name the space or the proposal, the model's the title, the sequencer's the proposal.
    const strikes = endpoint === 'model' ? `of ${space}` : endpoint === 'sequencer' ? id : asks;
    await stack.control('POST', 'faults', { endpoint, match: { body_contains: strikes }, ...fault });
    const failed = await stack.run({ space_id: space });
    expect(await endOf(failed.run_id)).toEqual(ends);
    expect(failed.errors.length).toBeGreaterThan(0);
    await nothingIsLeft(failed);
    await stack.control('DELETE', 'faults');

    // The list that was read is shared for some seconds, and a hub that failed is asked again.
    const again = await stack.run({ space_id: space });
    expect(await endOf(again.run_id)).toEqual({ kind: 'cast' });
    expect(stack.sandbox.world.votes.filter(({ proposal }) => proposal === id)).toHaveLength(1);
    await nothingIsLeft(again);
  });
});

describe('a run that is cancelled', () => {
  const SLOW = [
    { space: CANCELLED[0], endpoint: 'hub', asks: 'query ActiveProposals' },
    { space: CANCELLED[1], endpoint: 'model', asks: `of ${CANCELLED[1]}` },
    { space: CANCELLED[2], endpoint: 'hub', asks: 'query Alias' },
  ] as const;
  test.each(SLOW)('while it waits for $asks', async ({ space, endpoint, asks }) => {
    const before = stack.sandbox.world.received.length;
    await stack.control('POST', 'faults', { endpoint, share: 1, match: { body_contains: asks }, latency_ms: 3_000 });
    const { run_id: runId } = await stack.post({ space_id: space });
    await until('it to wait', async () =>
      stack.sandbox.world.received
        .slice(before)
        .some((exchange) => exchange.endpoint === endpoint && JSON.stringify(exchange.body).includes(asks)),
    );
    await ask(stack, 'DELETE', `/agent-run/${runId}`);
    const ended = await stack.finished(runId);
    expect(ended).toMatchObject({ status: 'cancelled', votes_cast: [] });
    await nothingIsLeft(ended);
    await stack.control('DELETE', 'faults');
    const again = await stack.run({ space_id: space });
    expect(await endOf(again.run_id)).toEqual({ kind: 'cast' });
  });
});
