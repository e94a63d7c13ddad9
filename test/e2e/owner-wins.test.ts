import { keys } from '@quorum/shared/redis-keys';
import type { AgentRunResponse } from '@quorum/shared/run';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SERVICES } from '../../scripts/services.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { voteByHand } from './by-hand.ts';
import { EVERYTHING, openWorld, proposalId, SURE, WANTED } from './world.ts';

const SPACES = ['by-hand.eth', 'edited.eth', 'other-wishes.eth', 'deadline.eth', 'at-once.eth', 'paused.eth'] as const;
type SpaceName = (typeof SPACES)[number];

const BUILD = { kind: 'single', choice: { index: 1, label: 'Build it' } } as const;
const first = (space: SpaceName): string => proposalId(0, SPACES.indexOf(space));
const second = (space: SpaceName): string => proposalId(1, SPACES.indexOf(space));

/** What became of a proposal, as the run says. */
function outcomeOf(result: AgentRunResponse | undefined, id: string) {
  return result?.decisions.find((decision) => decision.proposal_id === id)?.outcome;
}

describe('between the decision and the vote', () => {
  let stack: Stack;
  const results = new Map<SpaceName, AgentRunResponse>();
  const world = openWorld({ spaces: SPACES });

  /** Starts a run and waits until all in it is decided; no voter service is there to go on. */
  async function decided(space: SpaceName): Promise<string> {
    const { run_id: runId } = await stack.post({ space_id: space });
    await until(`${space} to be decided`, async () => {
      const { proposals } = await stack.view(runId);
      return proposals.length === 2 && proposals.every(({ step }) => step === 'voting');
    });
    return runId;
  }

  const proposal = (id: string) => world.proposals.find((each) => each.id === id);
  const sentFor = (id: string): number =>
    stack.sandbox.world.received.filter(
      ({ endpoint, body }) => endpoint === 'sequencer' && JSON.stringify(body).includes(id),
    ).length;

  beforeAll(async () => {
    stack = await startStack({
      world,
      space: SPACES[0],
      moreSpaces: SPACES.slice(1),
      preferences: EVERYTHING,
      env: SURE,
      services: SERVICES.filter((service) => service !== 'voter'),
    });
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
    // The voter service says whose signer there is; without that every run is a dry run.
    await stack.start('voter');
    await stack.sigterm('voter');
    const changed = SPACES.slice(0, 4);
    const runs = await Promise.all(
      changed.map(async (space): Promise<[SpaceName, string]> => [space, await decided(space)]),
    );

    await voteByHand(stack, first('by-hand.eth'), BUILD);
    const soon = Math.floor(Date.now() / 1_000) + 60;
    await stack.control('PATCH', 'world', {
      proposals: [
        { ...proposal(first('edited.eth')), choices: ['Leave it', 'Build it', 'Abstain'] },
        { ...proposal(second('edited.eth')), flagged: true, flagCode: 2 },
        { ...proposal(first('deadline.eth')), end: soon },
      ],
      voting_power: [{ proposal: second('deadline.eth'), default: true, vp: 0 }],
    });
    const wishes = { instructions: 'Build whatever is proposed.' };
    await stack.writePreferences({ ...EVERYTHING, space_overrides: { 'other-wishes.eth': wishes } });
    await stack.start('voter');
    for (const [space, runId] of runs) results.set(space, await stack.finished(runId));
  });
  afterAll(() => stack.stop());

  test('the owner votes by hand: that vote stands, and the run says why there is none of ours', async () => {
    const result = results.get('by-hand.eth');
    expect(outcomeOf(result, first('by-hand.eth'))).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect(outcomeOf(result, second('by-hand.eth'))).toEqual({ kind: 'cast' });
    expect(stack.sandbox.world.votes.find(({ proposal: id }) => id === first('by-hand.eth'))?.choice).toBe(1);
    // The one that was sent is the owner's own.
    expect(sentFor(first('by-hand.eth'))).toBe(1);
  });

  test('the choices change places, or Snapshot flags it: nothing is sent', () => {
    const result = results.get('edited.eth');
    expect(outcomeOf(result, first('edited.eth'))).toEqual({ kind: 'skipped', why: 'proposal_changed' });
    expect(outcomeOf(result, second('edited.eth'))).toEqual({ kind: 'skipped', why: 'flagged' });
    expect(sentFor(first('edited.eth')) + sentFor(second('edited.eth'))).toBe(0);
  });

  test('it ends sooner, or the power is gone: nothing is sent', () => {
    const result = results.get('deadline.eth');
    // The end is part of what was decided on.
    expect(outcomeOf(result, first('deadline.eth'))).toEqual({ kind: 'skipped', why: 'proposal_changed' });
    expect(outcomeOf(result, second('deadline.eth'))).toEqual({ kind: 'skipped', why: 'no_voting_power' });
    expect(sentFor(first('deadline.eth')) + sentFor(second('deadline.eth'))).toBe(0);
  });

  test('the owner wants something else: nothing is cast, and a run that follows by itself goes by the new wish', async () => {
    const ids = [first('other-wishes.eth'), second('other-wishes.eth')];
    const result = results.get('other-wishes.eth');
    for (const id of ids) expect(outcomeOf(result, id)).toEqual({ kind: 'skipped', why: 'preferences' });
    expect(result?.next_check_time).not.toBeNull();
    const votes = () => stack.sandbox.world.votes.filter(({ proposal: id }) => ids.includes(id));
    await until('the run that follows to vote', async () => votes().length === ids.length);
    // By that run alone: the first one sent nothing.
    for (const id of ids) expect(sentFor(id)).toBe(1);
  });

  test('voting is paused: it is held and nothing is sent; resumed, it is cast without another run', async () => {
    await stack.sigterm('voter');
    const runId = await decided('paused.eth');
    await stack.redis.del(keys.votingOwner(stack.owner));
    await stack.start('voter');
    const result = await stack.finished(runId);
    expect(result).toMatchObject({ status: 'completed', votes_cast: [], errors: [] });
    const ids = [first('paused.eth'), second('paused.eth')];
    for (const id of ids) {
      expect(outcomeOf(result, id)).toEqual({ kind: 'held', why: 'voting_paused' });
      expect(sentFor(id)).toBe(0);
    }
    const resumed = await fetch(`${stack.url}/voting/resume`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(resumed.status).toBe(200);
    const votes = () => stack.sandbox.world.votes.filter((vote) => ids.includes(vote.proposal));
    await until('both to be cast', async () => votes().length === 2);
    for (const id of ids) expect(sentFor(id)).toBe(1);
  });

  test('while ours is on its way the owner votes: theirs stands, whichever arrives first', async () => {
    const [ours, theirs] = [first('at-once.eth'), second('at-once.eth')];
    for (const [id, fault] of [
      [ours, { latency_ms: 1_500 }],
      [theirs, { latency_ms: 1_500, status: 504, stored: true }],
    ] as const) {
      await stack.control('POST', 'faults', {
        endpoint: 'sequencer',
        count: 1,
        match: { body_contains: id },
        ...fault,
      });
    }
    const { run_id: runId } = await stack.post({ space_id: 'at-once.eth' });
    await until('our votes to be on their way', async () => sentFor(ours) + sentFor(theirs) === 2);
    const byHand = await Promise.all([ours, theirs].map((id) => voteByHand(stack, id, BUILD)));
    const result = await stack.finished(runId);
    for (const [at, id] of [ours, theirs].entries()) {
      expect(outcomeOf(result, id)).toEqual({ kind: 'skipped', why: 'already_voted' });
      expect(stack.sandbox.world.votes.find((vote) => vote.proposal === id)?.id).toBe(byHand[at]);
    }
    expect(result.votes_cast).toEqual([]);
  });
});
