/** Holds and the kill switch through the whole product: answered over HTTP, cast by the voter service, whatever is killed between. */
import { AgentRunView } from '@quorum/shared/run';
import type { HoldView } from '@quorum/shared/hold-view';
import { VotingView } from '@quorum/shared/voting';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { allHolds } from '../all-holds.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, proposalId, SURE, WANTED } from './world.ts';

const SPACES = ['asked.eth', 'killed.eth', 'stopped.eth'] as const;
type SpaceName = (typeof SPACES)[number];

let stack: Stack;
beforeAll(async () => {
  const always = { approval: 'always' };
  stack = await startStack({
    world: openWorld({ spaces: SPACES, types: ['basic'] }),
    space: SPACES[0],
    moreSpaces: SPACES.slice(1),
    preferences: { ...EVERYTHING, space_overrides: { 'asked.eth': always, 'killed.eth': always } },
    env: SURE,
    appendonly: true,
  });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
});
afterAll(() => stack.stop());

const votesOn = (space: SpaceName) =>
  stack.sandbox.world.votes.filter(({ proposal }) => proposal === proposalId(0, SPACES.indexOf(space)));

/** The id of the last request of `post`. */
let requestId: string | null = null;

async function post(path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${stack.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  requestId = response.headers.get('x-request-id');
  const json: unknown = await response.json();
  if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${JSON.stringify(json)}`);
  return json;
}

const Line = z.looseObject({ service: z.string(), msg: z.string(), request_id: z.string().optional() });

/** Waits until the voter service has logged the vote of a hold under the id of the request that led to it. */
async function logsVoteAs(id: string | null): Promise<void> {
  await until(`the vote to be logged as of request ${id}`, async () => {
    const lines = (await stack.logs()).split('\n').filter((line) => line !== '');
    const its = lines.map((line) => Line.parse(JSON.parse(line))).filter(({ request_id }) => request_id === id);
    const said = its.map(({ service, msg }) => `${service}: ${msg}`);
    const wanted = ['gateway: request answered', 'voter: vote executed', 'voter: hold settled'];
    return wanted.every((line) => said.includes(line));
  });
}

async function holdIn(space: SpaceName): Promise<HoldView> {
  const holds = await allHolds(async (path) => (await fetch(`${stack.url}${path}`)).json());
  const hold = holds.find(({ space_id: id }) => id === space);
  if (hold === undefined) throw new Error(`there is no hold in ${space}`);
  return hold;
}

/** The hold once it has left these states. */
const settled = (space: SpaceName, states: readonly string[] = ['waiting', 'approved']) =>
  until(`the hold in ${space} to be settled`, async () => {
    const hold = await holdIn(space);
    return states.includes(hold.state) ? null : hold;
  });

test('a hold is approved with another ballot, cast so, and shown with the run that made it', async () => {
  const result = await stack.run({ space_id: 'asked.eth' });
  expect(result.decisions.map(({ outcome }) => outcome)).toEqual([{ kind: 'held', why: 'approval_always' }]);
  const hold = await holdIn('asked.eth');
  expect(hold).toMatchObject({ state: 'waiting', ballot: { choice: { label: WANTED } } });
  expect(await post(`/holds/${hold.hold_id}`, { answer: 'approve', choice: 3 })).toMatchObject({ state: 'approved' });
  const answeredBy = requestId;
  expect(await settled('asked.eth')).toMatchObject({ state: 'cast', outcome: { kind: 'cast' } });
  expect(votesOn('asked.eth').map(({ choice }) => choice)).toEqual([3]);
  const view = AgentRunView.parse(await (await fetch(`${stack.url}/agent-run/${result.run_id}`)).json());
  const answered = { kind: 'approved', outcome: { kind: 'cast' } };
  expect(view.result?.decisions.map(({ outcome }) => outcome)).toEqual([
    { kind: 'held', why: 'approval_always', answered },
  ]);
  await logsVoteAs(answeredBy);
}, 120_000);

test('voter service and Redis killed between answer and vote: one vote', async () => {
  await stack.run({ space_id: 'killed.eth' });
  await stack.kill9('voter');
  const { hold_id: id } = await holdIn('killed.eth');
  await post(`/holds/${id}`, { answer: 'approve' });
  await stack.redisServer.restart();
  await until('the gateway to find Redis again', async () => (await fetch(`${stack.url}/health/ready`)).ok);
  await Promise.all([stack.start('voter'), stack.start('voter')]);
  expect(await settled('killed.eth')).toMatchObject({ state: 'cast' });
  expect(votesOn('killed.eth')).toHaveLength(1);
}, 120_000);

test('voting is paused while votes are under way: nothing is sent, and resuming casts without asking', async () => {
  await stack.control('POST', 'faults', {
    endpoint: 'hub',
    count: 1,
    match: { body_contains: 'query Alias' },
    latency_ms: 3_000,
  });
  const { run_id: runId } = await stack.post({ space_id: 'stopped.eth' });
  await until('the vote to be under way', async () =>
    stack.sandbox.world.received.some(
      ({ body }) => JSON.stringify(body).includes('query Alias') && votesOn('stopped.eth').length === 0,
    ),
  );
  expect(VotingView.parse(await post('/voting/pause', {}))).toEqual({ votes: false, owner: false, all: true });
  const result = await stack.finished(runId);
  expect(result.decisions.map(({ outcome }) => outcome)).toEqual([{ kind: 'held', why: 'voting_paused' }]);
  expect(votesOn('stopped.eth')).toEqual([]);
  expect(VotingView.parse(await post('/voting/resume', {}))).toMatchObject({ votes: true });
  const resumedBy = requestId;
  expect(await settled('stopped.eth')).toMatchObject({ state: 'cast', answer: null });
  expect(votesOn('stopped.eth')).toHaveLength(1);
  await logsVoteAs(resumedBy);
}, 120_000);
