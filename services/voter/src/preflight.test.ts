import { jobIds } from '@quorum/shared/jobs';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Hub } from '@quorum/snapshot/hub';
import { describe, expect, test } from 'vitest';
import { aHash } from '../../../packages/shared/test/samples.ts';
import { verdictOn } from '../test/audit.ts';
import { ballotOf, DAY_S, nowS, useStand, type VoteCase, type Given } from '../test/stand.ts';
import { createSealer } from './seal.ts';

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

describe('what the hub is asked', () => {
  test('is asked at once: the power before the proposal is there', async () => {
    const vote = await stand.aVote();
    const { hub } = vote.deps;
    const asked = Promise.withResolvers<void>();
    const patient: Hub = {
      ...hub,
      async proposal(...question) {
        await asked.promise;
        return hub.proposal(...question);
      },
      async votingPower(...question) {
        asked.resolve();
        return hub.votingPower(...question);
      },
    };
    expect(await vote.vote({ hub: patient })).toEqual({ kind: 'cast' });
  });

  test('about a vote that is not to be made is not waited for, nor does its failure matter', async () => {
    const vote = await stand.aVote();
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    const votingPower = async (): Promise<number> => Promise.reject(new Error('the hub is ill'));
    expect(await vote.vote({ hub: { ...vote.deps.hub, votingPower } })).toEqual({
      kind: 'skipped',
      why: 'already_voted',
    });
  });
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

  describe('a vote of ours that the ledger has forgotten', () => {
    /** An older copy of Redis was restored, from before the vote was reserved. */
    async function forget(vote: VoteCase): Promise<void> {
      const { redis } = stand;
      await redis().del(keys.ledger(vote.voter, vote.space, vote.proposal.id), keys.auditVoter(vote.voter));
      await redis().hdel(keys.run(vote.runId), `outcome:${vote.proposal.id}`);
    }

    /** Its worker dies when it has an outcome, before that is recorded. */
    const dyingBeforeItSettles = (vote: VoteCase) =>
      vote.deliver({
        transitions: {
          ...vote.deps.transitions,
          async settle() {
            throw new Error('killed');
          },
        },
      });

    const refOf = (vote: VoteCase) => ({
      run_id: vote.runId,
      proposal_id: vote.proposal.id,
      content_hash: contentHash(vote.proposal),
    });

    test('is known by its code, and adopted: no later run makes another', async () => {
      const vote = await stand.aVote({ preferences: { revise_votes: true } });
      await vote.vote();
      await forget(vote);
      const next = await vote.nextRun({ ballot: ballotOf('basic', 2), decision: { evidence_hash: aHash() } });
      expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
      expect((await next.record())?.detail).toBe('by an earlier run');
      const stands = (await next.hubVote())?.id;
      expect(await next.ledger()).toMatchObject({ state: 'cast', vote_id: stands });
      const again = await next.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
      expect(await again.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
      expect((await again.record())?.detail).toMatch(/nobody knows any more what it was decided on/);
      expect(again.sends()).toHaveLength(1);
    });

    test.each(['basic', 'weighted', 'ranked-choice'] as const)(
      'is cast to its own run, and the chain tells of it: %s',
      async (type) => {
        const vote = await stand.aVote({ type });
        await vote.vote();
        await forget(vote);
        expect(await vote.vote()).toEqual({ kind: 'cast' });
        expect(vote.sends()).toHaveLength(1);
        const stands = await vote.hubVote();
        expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: stands?.id });
        await createSealer([vote.voter], vote.deps)(new AbortController().signal);
        const votes = stands === null ? [] : [stands];
        expect(await verdictOn(stand.redis(), vote.voter, { votes, keys: [vote.deps.voterKey] })).toMatchObject({
          records: 1,
          votes: { cast: 1 },
          faults: [],
        });
      },
    );

    test('is not what a hub that lags behind shows of a vote that was replaced', async () => {
      const vote = await stand.aVote({ preferences: { revise_votes: true } });
      await vote.vote();
      const before = await vote.hubVote();
      const revision = await vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
      await revision.vote();
      const next = await revision.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } });
      const hub = { ...next.deps.hub, votes: async () => (before === null ? [] : [before]) };
      expect(await next.vote({ hub })).toEqual({ kind: 'skipped', why: 'already_voted' });
      expect(await next.ledger()).toMatchObject({ state: 'cast', run_id: revision.runId });
    });

    test('is not called cast to a run that decided otherwise, where its job dies before it says so', async () => {
      const vote = await stand.aVote();
      await vote.vote();
      await forget(vote);
      const next = await vote.nextRun({ ballot: ballotOf('basic', 2), decision: { evidence_hash: aHash() } });
      await expect(dyingBeforeItSettles(next)).rejects.toThrow('killed');
      expect(await next.ledger()).toMatchObject({ state: 'cast', run_id: next.runId });
      expect(await next.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
      expect((await next.record())?.detail).toBe('by an earlier run');
      expect(next.sends()).toHaveLength(1);
    });

    test('is cast to its own run also where its job dies before it says so', async () => {
      const vote = await stand.aVote();
      await vote.vote();
      await forget(vote);
      await expect(dyingBeforeItSettles(vote)).rejects.toThrow('killed');
      expect(await vote.vote()).toEqual({ kind: 'cast' });
      expect(vote.sends()).toHaveLength(1);
    });

    test('is adopted although it is secret, where it is what would be cast, and looked at after its reveal', async () => {
      const vote = await stand.aVote({ proposal: { privacy: 'shutter' } });
      await vote.vote();
      await forget(vote);
      const stands = (await vote.hubVote())?.id ?? '';
      const sweep = `${BULL_PREFIX}:vote:${jobIds.sweep({ ...refOf(vote), vote_id: stands })}`;
      await stand.redis().del(sweep);
      expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
      expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: stands });
      expect(await stand.redis().exists(sweep)).toBe(1);
    });
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
