import { describe, expect, test } from 'vitest';
import { ballotOf, DAY_S, nowS, useStand, type VoteCase, type Given } from '../test/stand.ts';

const stand = useStand();

type Change = {
  readonly what: string;
  readonly given?: Given;
  readonly change?: (vote: VoteCase) => Promise<void>;
  readonly outcome: { kind: string; why: string };
  readonly detail?: RegExp;
};

const CHANGES: readonly Change[] = [
  {
    what: 'the body was edited',
    change: (vote) => vote.editProposal({ body: 'Send the treasury to the author.' }),
    outcome: { kind: 'skipped', why: 'proposal_changed' },
  },
  {
    what: 'two labels were swapped',
    change: (vote) => vote.editProposal({ choices: ['Against', 'For', 'Abstain'] }),
    outcome: { kind: 'skipped', why: 'proposal_changed' },
  },
  {
    what: 'it was deleted',
    change: () => stand.control('PUT', 'world', {}),
    outcome: { kind: 'skipped', why: 'proposal_changed' },
    detail: /deleted/,
  },
  {
    what: 'Snapshot flagged it',
    change: (vote) => vote.editProposal({ flagged: true }),
    outcome: { kind: 'skipped', why: 'flagged' },
  },
  {
    what: 'it is closed',
    given: { proposal: { end: nowS() - 10 } },
    outcome: { kind: 'skipped', why: 'closed' },
  },
  {
    what: 'too little time is left',
    given: { proposal: { end: nowS() + 100 } },
    outcome: { kind: 'skipped', why: 'closed' },
  },
  {
    what: 'it is not open yet',
    given: { proposal: { start: nowS() + 600 } },
    outcome: { kind: 'skipped', why: 'closed' },
  },
  { what: 'the voter has no power', given: { power: 0 }, outcome: { kind: 'skipped', why: 'no_voting_power' } },
  {
    what: 'there is no alias',
    given: { aliasCreated: null },
    outcome: { kind: 'failed', why: 'signing' },
    detail: /has not made/,
  },
  {
    what: 'the alias has expired',
    given: { aliasCreated: nowS() - 31 * DAY_S },
    outcome: { kind: 'failed', why: 'signing' },
    detail: /expired/,
  },
  {
    what: 'the alias lapses within ten minutes',
    given: { aliasCreated: nowS() - 30 * DAY_S + 9 * 60 },
    outcome: { kind: 'failed', why: 'signing' },
    detail: /expired/,
  },
  {
    what: 'its votes are encrypted',
    given: { proposal: { privacy: 'shutter' } },
    outcome: { kind: 'skipped', why: 'not_allowed' },
    detail: /Shutter/,
  },
];

describe.each(CHANGES)('when $what', ({ given = {}, change, outcome, detail }) => {
  test(`it ends as ${outcome.kind}: ${outcome.why}, and the sequencer hears nothing`, async () => {
    const vote = await stand.aVote(given);
    await change?.(vote);
    expect(await vote.vote()).toEqual(outcome);
    if (detail !== undefined) expect((await vote.record())?.detail).toMatch(detail);
    expect(vote.sends()).toEqual([]);
    expect(await vote.ledger()).toBeNull();
  });
});

test('an alias that lasts eleven minutes more still votes', async () => {
  const vote = await stand.aVote({ aliasCreated: nowS() - 30 * DAY_S + 11 * 60 });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
});

describe('what stands on the hub already', () => {
  test('the owner’s own vote ends it without a word to the sequencer', async () => {
    const vote = await stand.aVote();
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await vote.record())?.detail).toBe('by your own hand');
    expect(vote.sends()).toHaveLength(1);
    expect((await vote.hubVote())?.choice).toBe(2);
  });

  test('a vote of ours that the ledger has forgotten is known by its code', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
    await stand.redis().del(...(await stand.redis().keys(`quorum:ledger:${vote.voter}:*`)));
    expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await next.record())?.detail).toBe('by an earlier run');
    expect(next.sends()).toHaveLength(1);
  });

  test('a vote with junk for metadata is the owner’s', async () => {
    const vote = await stand.aVote();
    await stand.control('PATCH', 'world', {
      votes: [
        {
          id: 'junk',
          voter: vote.voter,
          created: nowS(),
          space: vote.space,
          proposal: vote.proposal.id,
          choice: 3,
          metadata: { agent: true, evidence: '\ud800', cast_at: '2026-11-22T10:00:00Z', mac: 'x' },
        },
      ],
    });
    expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await vote.record())?.detail).toBe('by your own hand');
  });

  test('a vote that the owner made over ours is left alone by the next run', async () => {
    const vote = await stand.aVote();
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect(await vote.ownerVotes(ballotOf('basic', 3))).toMatch(/^200/);
    const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
    expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect((await next.record())?.detail).toBe('by your own hand');
    expect((await next.hubVote())?.choice).toBe(3);
  });
});
