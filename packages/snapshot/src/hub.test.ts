import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { answerOf, data, hubAt, idNumber, row } from '../test/hub-answers.ts';
import { playBack, variablesOf } from '../test/play-back.ts';
import { recorded } from '../test/recorded.ts';
import { anAddress } from '../test/samples.ts';
import { decodeChoice } from './encode.ts';
import { Address, ProposalId, SpaceId } from './proposal.ts';

const space = SpaceId.parse('localdao.eth');

describe('a proposal', () => {
  const id = ProposalId.parse(row()['id']);

  it('comes in our own terms', async () => {
    await using server = await playBack(() => answerOf('gql-proposal-full'));
    const proposal = await hubAt(server).proposal(id);
    expect(proposal).toMatchObject({
      id,
      space: 'localdao.eth',
      type: 'basic',
      privacy: '',
      choices: ['For', 'Against', 'Abstain'],
      snapshot: '21000000',
      quorum: 5,
      quorum_type: 'default',
      scores: [90, 10, 50],
      votes: 15,
    });
    expect(Object.keys(proposal ?? {})).not.toContain('ipfs');
  });

  it.for(['gql-proposal-weighted-full', 'gql-proposal-shutter-full'])('is read from the recorded %s', async (name) => {
    await using server = await playBack(() => answerOf(name));
    const { body } = recorded(name).response;
    const given = z
      .object({ data: z.object({ proposal: z.object({ id: ProposalId, privacy: z.string() }) }) })
      .parse(body);
    const proposal = await hubAt(server).proposal(given.data.proposal.id);
    expect(proposal?.privacy).toBe(given.data.proposal.privacy);
  });

  it('has empty texts and lists where the hub has null', async () => {
    const nulls = ['privacy', 'body', 'strategies', 'plugins', 'scores', 'scores_total', 'scores_state', 'votes'];
    const more = ['quorumType', 'flagged', 'link', 'snapshot'];
    const gaps = Object.fromEntries([...nulls, ...more].map((field) => [field, null]));
    await using server = await playBack(() => data({ proposal: row(gaps) }));
    expect(await hubAt(server).proposal(id)).toMatchObject({
      privacy: '',
      body: '',
      strategies: [],
      plugins: {},
      scores: [],
      scores_total: 0,
      votes: 0,
      quorum_type: 'default',
      flagged: false,
      link: '',
      snapshot: '',
    });
  });

  it('is null where there is none', async () => {
    await using server = await playBack(() => data({ proposal: null }));
    expect(await hubAt(server).proposal(id)).toBeNull();
  });

  it('that was not asked for, or does not read, is malformed', async () => {
    for (const changes of [{ id: idNumber(9) }, { type: 'coin-toss' }, { choices: [] }, { author: 'nobody' }]) {
      await using server = await playBack(() => data({ proposal: row(changes) }));
      await expect(hubAt(server).proposal(id)).rejects.toMatchObject({ kind: 'malformed', upstream: 'hub' });
    }
  });
});

describe('a space', () => {
  it('is null where there is none', async () => {
    await using server = await playBack(() => answerOf('gql-space-missing'));
    expect(await hubAt(server).space(space)).toBeNull();
  });

  it('comes with who runs it', async () => {
    const admin = anAddress();
    const answer = {
      id: space,
      name: 'Local DAO',
      admins: [admin.toLowerCase(), null, 'odd'],
      moderators: null,
      strategies: null,
    };
    await using server = await playBack(() => data({ space: answer }));
    expect(await hubAt(server).space(space)).toMatchObject({ name: 'Local DAO', admins: [admin], moderators: [] });
  });
});

describe("a voter's votes", () => {
  const RecordedVotes = z.object({
    data: z.object({
      votes: z.array(
        z.object({ id: z.string(), voter: Address, choice: z.unknown(), proposal: z.object({ id: ProposalId }) }),
      ),
    }),
  });

  it.for([
    ['read-vote-basic', 'basic'],
    ['read-vote-single-choice', 'single-choice'],
    ['read-vote-approval', 'approval'],
    ['read-vote-ranked-choice', 'ranked-choice'],
    ['read-vote-weighted', 'weighted'],
    ['read-vote-by-alias', 'single-choice'],
  ] as const)('are read from the recorded %s, and decode', async ([name, type]) => {
    await using server = await playBack(() => answerOf(name));
    const [given] = RecordedVotes.parse(recorded(name).response.body).data.votes;
    expect.assert(given !== undefined);
    const votes = await hubAt(server).votes({ voter: given.voter, proposals: [given.proposal.id] });
    expect(votes).toMatchObject([{ id: given.id, choice: given.choice, proposal: given.proposal.id }]);
    const choices = type === 'single-choice' ? ['A', 'B', 'C', 'D'] : ['A', 'B', 'C'];
    for (const { choice } of votes) expect(() => decodeChoice(choice, { type, choices })).not.toThrow();
  });

  it('that are encrypted say so when decoded', async () => {
    await using server = await playBack(() => answerOf('read-vote-shutter-weighted-encrypted'));
    const [given] = RecordedVotes.parse(recorded('read-vote-shutter-weighted-encrypted').response.body).data.votes;
    expect.assert(given !== undefined);
    const [vote] = await hubAt(server).votes({ voter: given.voter, proposals: [given.proposal.id] });
    expect(() => decodeChoice(vote?.choice, { type: 'weighted', choices: ['A', 'B'] })).toThrow(
      expect.objectContaining({ code: 'encrypted' }),
    );
  });

  const nothing = { reason: null, app: null, metadata: null, vp: null, ipfs: null };
  const aVote = (voter: string, proposal: string): Record<string, unknown> => ({
    ...nothing,
    id: idNumber(1),
    voter,
    created: 1_795_000_000,
    choice: 1,
    proposal: { id: proposal },
  });

  it('are asked for a hundred proposals at a time', async () => {
    const voter = anAddress();
    const proposals = Array.from({ length: 250 }, (_, n) => ProposalId.parse(idNumber(n)));
    await using server = await playBack((request) => {
      const asked = variablesOf(request, z.object({ proposals: z.array(z.string()), voter: z.string() }));
      if (asked.proposals.length > 100) return answerOf('gql-limit-proposal-in-101');
      return data({ votes: asked.proposals.map((proposal) => aVote(asked.voter, proposal)) });
    });
    const votes = await hubAt(server).votes({ voter, proposals });
    expect(votes.map(({ proposal }) => proposal)).toEqual(proposals);
    expect(votes[0]).toMatchObject({ reason: '', app: '', metadata: {}, vp: 0, ipfs: '' });
    expect(server.received).toHaveLength(3);
  });

  it('of no proposals need no question', async () => {
    await using server = await playBack(() => 'cut');
    expect(await hubAt(server).votes({ voter: anAddress(), proposals: [] })).toEqual([]);
    expect(server.received).toEqual([]);
  });

  it("never hold somebody else's, or one on another proposal", async () => {
    const voter = anAddress();
    for (const vote of [aVote(anAddress(), idNumber(1)), aVote(voter, idNumber(2))]) {
      await using server = await playBack(() => data({ votes: [vote] }));
      const votes = hubAt(server).votes({ voter, proposals: [ProposalId.parse(idNumber(1))] });
      await expect(votes).rejects.toMatchObject({ kind: 'malformed' });
    }
  });
});

describe('voting power and aliases', () => {
  const question = { voter: anAddress(), space, proposal: ProposalId.parse(idNumber(1)) };

  it('0 is an answer', async () => {
    await using server = await playBack(() => answerOf('gql-vp-no-power'));
    expect(await hubAt(server).votingPower(question)).toBe(0);
  });

  it('without a proposal it is that of the space', async () => {
    const { body } = recorded('gql-vp-space').request;
    const asked = z.object({ variables: z.object({ v: Address, s: SpaceId }) }).parse(body).variables;
    await using server = await playBack(() => answerOf('gql-vp-space'));
    expect(await hubAt(server).votingPower({ voter: asked.v, space: asked.s })).toBe(10);
    expect(server.received.map((request) => variablesOf(request, z.unknown()))).toEqual([
      { voter: asked.v, space: asked.s },
    ]);
  });

  it('the roles of an address are told by space', async () => {
    const roles = [{ space: 'harbour.eth', permissions: ['admin', 'author'] }];
    await using server = await playBack(() => data({ roles }));
    expect(await hubAt(server).roles(anAddress())).toEqual(roles);
    await using nonsense = await playBack(() => data({ roles: null }));
    await expect(hubAt(nonsense).roles(anAddress())).rejects.toMatchObject({ kind: 'malformed' });
  });

  it('which strategies take power back from a delegate is what the hub marks', async () => {
    await using server = await playBack(() => answerOf('gql-strategies'));
    expect(await hubAt(server).overridingStrategies()).toEqual(new Set(['delegation']));
    await using odd = await playBack(() => data({ strategies: [{ id: 'Mixed-Case', override: true }, { id: 'old' }] }));
    expect(await hubAt(odd).overridingStrategies()).toEqual(new Set(['mixed-case']));
    await using nonsense = await playBack(() => data({ strategies: null }));
    await expect(hubAt(nonsense).overridingStrategies()).rejects.toMatchObject({ kind: 'malformed' });
  });

  it('a score API in trouble makes it unavailable, an unknown proposal rejected', async () => {
    await using ill = await playBack(() => answerOf('gql-vp-score-failure'));
    await expect(hubAt(ill).votingPower(question)).rejects.toMatchObject({ kind: 'unavailable', status: 200 });
    await using unknown = await playBack(() => answerOf('gql-vp-unknown-proposal'));
    await expect(hubAt(unknown).votingPower(question)).rejects.toMatchObject({
      kind: 'rejected',
      description: 'proposal not found',
    });
  });

  it('no power in the answer is malformed, not 0', async () => {
    await using server = await playBack(() => data({ vp: null }));
    await expect(hubAt(server).votingPower(question)).rejects.toMatchObject({ kind: 'malformed' });
  });

  it('an alias has the time at which it was last announced', async () => {
    const { body } = recorded('read-aliases-by-pair').request;
    const pair = z.object({ variables: z.object({ a: Address, b: Address }) }).parse(body).variables;
    await using server = await playBack(() => answerOf('read-aliases-by-pair'));
    expect(await hubAt(server).alias({ address: pair.a, alias: pair.b })).toEqual({ created: 1_795_335_859 });
    await expect(hubAt(server).alias({ address: pair.b, alias: pair.a })).rejects.toMatchObject({ kind: 'malformed' });
    await using none = await playBack(() => data({ aliases: [] }));
    expect(await hubAt(none).alias({ address: pair.a, alias: pair.b })).toBeNull();
  });
});
