/** A delivery that comes late: another came to an outcome meanwhile. It makes no vote any more, and what it had sent is told. */
import { jobIds, type JobPayload } from '@quorum/shared/jobs';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { contentHash } from '@quorum/snapshot/content-hash';
import { describe, expect, test } from 'vitest';
import { answer, castHold, deliverHold, holdOf } from '../test/holds.ts';
import { ballotOf, jobDeps, useStand, type VoteCase } from '../test/stand.ts';
import { sweepJob } from './sweep.ts';

const stand = useStand();
const postponed = (message: RegExp) => ({ name: 'PostponeError', message: expect.stringMatching(message) });
type Transitions = VoteCase['deps']['transitions'];

const changed = { kind: 'skipped', why: 'proposal_changed' };
const others = { ballot: ballotOf('basic', 2), ballot_from: 'owner' } as const;

async function payloadOf({ runId, proposal, ledger }: VoteCase): Promise<JobPayload<'sweep'>> {
  const vote_id = (await ledger())?.vote_id ?? '';
  return { run_id: runId, proposal_id: proposal.id, content_hash: contentHash(proposal), vote_id };
}
const isQueued = async (queue: string, id: string): Promise<boolean> =>
  (await stand.redis().exists(`${BULL_PREFIX}:${queue}:${id}`)) === 1;
const isSwept = async (vote: VoteCase): Promise<boolean> => isQueued('vote', jobIds.sweep(await payloadOf(vote)));
const isTold = ({ owner, proposal, runId }: VoteCase): Promise<boolean> =>
  isQueued('notify', `settled_later-${owner}-${proposal.id}-${runId}`);
const laterOf = async ({ deps, runId, proposal }: VoteCase) => (await deps.records.run(runId))?.later.get(proposal.id);
const sweep = async (vote: VoteCase) =>
  sweepJob(await payloadOf(vote), jobDeps(vote.deps), new AbortController().signal);

const dying: Transitions['settle'] = async () => {
  throw new Error('killed');
};

describe('a vote that is cast, of which its run says otherwise', () => {
  /** One sees the proposal as it was edited for a moment; another sends its vote before that is recorded, and reads it back after it. */
  async function castAfter(vote: VoteCase, other: Partial<Transitions>): Promise<unknown> {
    const { sequencer, transitions } = vote.deps;
    let came: unknown;
    const settle: Transitions['settle'] = async (settling) => {
      let stands: unknown;
      await vote.editProposal({});
      const submit: typeof sequencer.submit = async (...asked) => {
        stands = await transitions.settle(settling);
        return sequencer.submit(...asked);
      };
      const given = { sequencer: { submit }, transitions: { ...transitions, ...other } };
      came = await vote.deliver(given).catch((error: unknown) => error);
      return stands;
    };
    await vote.editProposal({ body: 'Other words.' });
    expect(await vote.deliver({ transitions: { ...transitions, settle } })).toEqual(changed);
    expect(await vote.ledger()).toMatchObject({ state: 'cast', sends: 1 });
    return came;
  }

  async function expectTold(vote: VoteCase): Promise<void> {
    expect(await isSwept(vote)).toBe(true);
    expect(await sweep(vote)).toEqual({ end: 'settled' });
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast' } });
    expect(await isTold(vote)).toBe(true);
  }

  test('is told where it was read back after that was recorded', async () => {
    const vote = await stand.aVote();
    expect(await castAfter(vote, {})).toEqual(changed);
    await expectTold(vote);
  });

  test('and where whoever read it back died', async () => {
    const vote = await stand.aVote();
    expect(await castAfter(vote, { settle: dying })).toMatchObject({ message: 'killed' });
    expect(await isSwept(vote)).toBe(false);
    expect(await vote.deliver()).toEqual(changed);
    await expectTold(vote);
  });

  /** It is read back by a delivery that dies; the hub does not show it to the next, which finds other preferences. */
  async function castBefore(given: Parameters<typeof stand.aVote>[0] = {}): Promise<VoteCase> {
    const vote = await stand.aVote(given);
    const transitions = { ...vote.deps.transitions, settle: dying };
    await expect(vote.deliver({ transitions })).rejects.toThrow('killed');
    await vote.writePreferences({ never_vote_on: ['treasury'] });
    const hub = { ...vote.deps.hub, votes: async () => [] };
    expect(await vote.deliver({ hub })).toEqual({ kind: 'skipped', why: 'preferences' });
    return vote;
  }

  test('and where the hub did not show it for a while', async () => {
    await expectTold(await castBefore());
  });

  test('a secret one is compared when it is revealed', async () => {
    const vote = await castBefore({ proposal: { privacy: 'shutter' } });
    expect(await isSwept(vote)).toBe(true);
    await expect(sweep(vote)).rejects.toMatchObject(postponed(/secret until the vote ends/));
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast', counted: 'unknown' } });
  });

  test('is told with what took its place, where the owner voted by hand since', async () => {
    const vote = await castBefore();
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    expect(await sweep(vote)).toEqual({ end: 'settled' });
    const detail = 'another vote of yours took its place';
    expect(await laterOf(vote)).toMatchObject({ outcome: { kind: 'cast' }, detail });
  });

  test('is no news where its run says that the owner voted by hand', async () => {
    const vote = await stand.aVote();
    const transitions = { ...vote.deps.transitions, settle: dying };
    await expect(vote.deliver({ transitions })).rejects.toThrow('killed');
    expect(await vote.ownerVotes(ballotOf('basic', 2))).toMatch(/^200/);
    expect(await vote.deliver()).toEqual({ kind: 'skipped', why: 'already_voted' });
    expect(await isSwept(vote)).toBe(true);
    expect(await sweep(vote)).toEqual({ end: 'settled' });
    expect(await laterOf(vote)).toBeUndefined();
    expect(await isTold(vote)).toBe(false);
  });
});

describe('a vote that is not made yet', () => {
  /** Another delivery finds that its owner wants to be asked, and they answer. */
  async function answered(vote: VoteCase, said: Parameters<typeof answer>[1]): Promise<void> {
    await vote.writePreferences({ approval: 'always' });
    expect(await vote.deliver()).toEqual({ kind: 'held', why: 'approval_always' });
    expect(await answer(vote, said)).toMatchObject({ kind: 'done' });
  }

  /** The vote of that hold is sent, and nobody hears of it. */
  async function sentInVain(vote: VoteCase): Promise<void> {
    await answered(vote, others);
    await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
    await expect(deliverHold(vote)).rejects.toMatchObject({ name: 'PostponeError' });
  }

  async function expectOwnersWord(vote: VoteCase): Promise<void> {
    expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 1 });
    expect(await castHold(vote)).toBe('cast');
    expect(await vote.hubVote()).toMatchObject({ choice: 2 });
    expect(vote.sends()).toHaveLength(2);
    expect(await vote.deliver()).toEqual({ kind: 'held', why: 'approval_always' });
  }

  test('does not replace what the owner approved, asked for its own', async () => {
    const vote = await stand.aVote();
    const { transitions } = vote.deps;
    const reserve: Transitions['reserve'] = async (input) => {
      await sentInVain(vote);
      return transitions.reserve(input);
    };
    const late = vote.deliver({ transitions: { ...transitions, reserve } });
    await expect(late).rejects.toMatchObject(postponed(/came to an outcome meanwhile/));
    await expectOwnersWord(vote);
  });

  test('nor where it finds that one in the ledger', async () => {
    const vote = await stand.aVote();
    const look = async (): Promise<number> => {
      await sentInVain(vote);
      return 0;
    };
    const late = vote.deliver({ allowance: { ...vote.deps.allowance, look } });
    await expect(late).rejects.toMatchObject(postponed(/answered the hold of this vote meanwhile/));
    await expectOwnersWord(vote);
  });

  test('is not made where the owner rejected it', async () => {
    const vote = await stand.aVote();
    const { transitions } = vote.deps;
    const reserve: Transitions['reserve'] = async (input) => {
      await answered(vote, { answer: 'reject' });
      return transitions.reserve(input);
    };
    const late = vote.deliver({ transitions: { ...transitions, reserve } });
    await expect(late).rejects.toMatchObject(postponed(/came to an outcome meanwhile/));
    expect(await vote.deliver()).toEqual({ kind: 'held', why: 'approval_always' });
    expect((await holdOf(vote)).state).toBe('rejected');
    expect(await vote.ledger()).toBeNull();
    expect(await vote.audit()).toEqual([]);
    expect(vote.sends()).toEqual([]);
  });

  test('is not sent where another outcome stands since it was reserved, and is taken back', async () => {
    const vote = await stand.aVote();
    const { transitions } = vote.deps;
    const maySend: Transitions['maySend'] = async (input) => {
      const outcome = { kind: 'skipped', why: 'proposal_changed' } as const;
      const record = { outcome, settled_at: Date.now() };
      await transitions.settle({ ...input, record, held: null });
      return transitions.maySend(input);
    };
    const late = vote.deliver({ transitions: { ...transitions, maySend } });
    await expect(late).rejects.toMatchObject(postponed(/settled this intent/));
    expect(await vote.deliver()).toEqual(changed);
    expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'it was never sent' });
    expect(await vote.audit()).toEqual(['reserved', 'voided']);
    expect(vote.sends()).toEqual([]);
  });
});
