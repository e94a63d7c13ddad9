import { sameBallot } from '@quorum/snapshot/ballot';
import { decodeChoice } from '@quorum/snapshot/encode';
import { createHub } from '@quorum/snapshot/hub';
import { VOTING_TYPES } from '@quorum/snapshot/proposal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, proposalId, SPACE, SURE } from './world.ts';
import { PATIENT } from '../patience.ts';

/** Labels that are easily taken for one another, and one in another script. */
const CHOICES = ['2', '1', 'Für', 'Fur', '賛成', 'Abstain'];
/** `2` is the first choice and `1` the second: a position that passes for a label votes for the other one. */
const TARGET = '1';
const DAY_S = 24 * 60 * 60;

/** Three that close soon and cannot be ranked, since two of their choices look alike; and one that can be voted on. */
const STUCK = 'stuck.eth';
const stuck = openWorld({
  spaces: [STUCK],
  types: ['ranked-choice', 'ranked-choice', 'copeland', 'basic'],
  choices: [TARGET, 'For', 'For '],
}).proposals.map((proposal, nth) => ({
  ...proposal,
  id: proposalId(nth, 1),
  end: proposal.end + (proposal.type === 'basic' ? 6 * DAY_S : 0),
}));

describe('a space with a proposal of each voting type', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({
      world: openWorld({ types: VOTING_TYPES, choices: CHOICES }),
      space: SPACE,
      moreSpaces: [STUCK],
      preferences: EVERYTHING,
      env: SURE,
    });
    await stack.control('POST', 'model', { persona: 'owned', target: TARGET });
  });
  afterAll(() => stack.stop());

  test('gets seven votes, each for the choice that was wanted', async () => {
    const result = await stack.run();
    expect(result).toMatchObject({ status: 'completed', errors: [], proposals_analyzed: 7 });
    expect(result.votes_cast.length).toBe(7);
    const hub = createHub({ url: `${stack.sandbox.url}/graphql`, timeoutMs: PATIENT.timeout });
    const choices: Record<string, unknown> = {};
    for (const { proposal_id: id, ballot, choice } of result.votes_cast) {
      const proposal = await hub.proposal(id);
      const [row] = await hub.votes({ voter: stack.voter, proposals: [id] });
      if (proposal === null || row === undefined || ballot === null) throw new Error(`No vote on ${id}`);
      expect(row.choice).toEqual(choice);
      expect(sameBallot(decodeChoice(row.choice, proposal), ballot)).toBe(true);
      choices[proposal.type] = row.choice;
    }
    expect(choices).toEqual({
      basic: 2,
      'single-choice': 2,
      approval: [2],
      'ranked-choice': [2, 1, 6, 4, 3, 5],
      copeland: [2, 1, 6, 4, 3, 5],
      weighted: { '2': 100 },
      quadratic: { '2': 100 },
    });
  });

  test('as many proposals as a run takes, none of which can be voted on, do not keep the next run from the rest', async () => {
    await stack.control('PATCH', 'world', {
      spaces: [{ id: STUCK, name: STUCK }],
      proposals: stuck,
      voting_power: [{ space: STUCK, default: true, vp: 100 }],
    });
    await stack.writePreferences({ ...EVERYTHING, max_proposals_per_run: 3 });
    const first = await stack.run({ space_id: STUCK });
    expect(first).toMatchObject({ status: 'completed', votes_cast: [], proposals_analyzed: 0 });
    expect(first.errors.length).toBe(3);
    const next = await stack.run({ space_id: STUCK });
    expect(next.votes_cast.map(({ proposal_id: id }) => id)).toEqual([proposalId(3, 1)]);
  });
});
