/** `revise_votes` through the whole product: the owner changes what they want, and our own vote follows; theirs never gives way. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, type Stack } from '../stack.ts';
import { voteByHand } from './by-hand.ts';
import { EVERYTHING, openWorld, proposalId, SURE, WANTED } from './world.ts';

const [SPACE, KEPT] = ['changes.eth', 'keeps.eth'];
const ABSTAIN = { kind: 'single', choice: { index: 3, label: 'Abstain' } } as const;

describe('an owner who changed their preferences', () => {
  let stack: Stack;
  const world = openWorld({ spaces: [SPACE, KEPT] });
  const choiceOn = (id: string) => {
    const votes = stack.sandbox.world.votes.filter(({ proposal }) => proposal === id);
    expect(votes).toHaveLength(1);
    return votes[0]?.choice;
  };
  const wishes = { ...EVERYTHING, space_overrides: { [SPACE]: { revise_votes: true } } };

  beforeAll(async () => {
    stack = await startStack({ world, space: SPACE, moreSpaces: [KEPT], preferences: wishes, env: SURE });
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
  });
  afterAll(() => stack.stop());

  test('has our votes revised where they want that, once, and none of their own', async () => {
    const [ours, theirs] = [proposalId(0, 0), proposalId(1, 0)];
    expect((await stack.run({ space_id: SPACE })).votes_cast).toHaveLength(2);
    expect((await stack.run({ space_id: KEPT })).votes_cast).toHaveLength(2);
    const before = choiceOn(ours);
    await voteByHand(stack, theirs, ABSTAIN);

    await stack.control('POST', 'model', { persona: 'owned', target: 'Build it' });
    await stack.writePreferences({ ...wishes, instructions: 'Build whatever is proposed.' });
    const revised = await stack.run({ space_id: SPACE });
    expect(revised.votes_cast.map(({ proposal_id }) => proposal_id)).toEqual([ours]);
    expect(revised.filter_metrics).toMatchObject({ fetched: 2, already_voted: 1, selected: 1 });
    expect([before, choiceOn(ours)]).toEqual([2, 1]);
    expect(choiceOn(theirs)).toBe(3);

    expect((await stack.run({ space_id: KEPT })).filter_metrics).toMatchObject({ already_voted: 2, selected: 0 });
    expect((await stack.run({ space_id: SPACE })).filter_metrics).toMatchObject({ already_voted: 2, selected: 0 });
  });

  test('has a vote looked at again, and left as it is, where the new decision comes to the same ballot', async () => {
    const ours = proposalId(0, 0);
    const sent = () => stack.sandbox.world.messages.length;
    const [before, votesBefore] = [sent(), JSON.stringify(stack.sandbox.world.votes)];
    await stack.writePreferences({ ...wishes, instructions: 'Build, and build soon.' });
    const again = await stack.run({ space_id: SPACE });
    expect(again).toMatchObject({ votes_cast: [], errors: [], filter_metrics: { already_voted: 1, selected: 1 } });
    expect(again.decisions).toMatchObject([{ proposal_id: ours, outcome: { kind: 'skipped', why: 'already_voted' } }]);
    // And once alone: these preferences have come to nothing new.
    expect((await stack.run({ space_id: SPACE })).filter_metrics).toMatchObject({ already_voted: 2, selected: 0 });
    expect([sent(), JSON.stringify(stack.sandbox.world.votes)]).toEqual([before, votesBefore]);
  });
});
