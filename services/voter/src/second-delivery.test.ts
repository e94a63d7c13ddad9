/** A job that is delivered while it is still worked on: two workers at one vote, of which one dies, or hears late what the other did. */
import { upstreamId } from '@quorum/shared/ids';
import { jobIds } from '@quorum/shared/jobs';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { createSendAllowance } from '@quorum/shared/send-allowance';
import { contentHash } from '@quorum/snapshot/content-hash';
import { expect, test } from 'vitest';
import { aHeldVote, answer, deliverHold } from '../test/holds.ts';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const postponed = { name: 'PostponeError' };
type Transitions = VoteCase['deps']['transitions'];

/** An allowance of which the last send was taken between the look and the taking. */
async function spent({ proposal, deps }: VoteCase): Promise<VoteCase['deps']['allowance']> {
  const last = createSendAllowance(stand.redis(), upstreamId(`last ${proposal.id}`, undefined), () => 1);
  await last.take();
  return { ...deps.allowance, take: last.take };
}

async function onSequencer(vote: VoteCase, fault: Readonly<Record<string, unknown>>): Promise<void> {
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, ...fault });
}

async function isSwept({ runId, proposal, ledger }: VoteCase): Promise<boolean> {
  const vote_id = (await ledger())?.vote_id ?? '';
  const id = jobIds.sweep({ run_id: runId, proposal_id: proposal.id, content_hash: contentHash(proposal), vote_id });
  return (await stand.redis().exists(`${BULL_PREFIX}:vote:${id}`)) === 1;
}

const skipped = { kind: 'skipped', why: 'proposal_changed' };

/** One delivery sees the proposal as it was edited for a moment. Before it says so, another does this and dies. */
async function endedBefore(vote: VoteCase, other: () => Promise<unknown>): Promise<void> {
  const settle: Transitions['settle'] = async (settling) => {
    await vote.editProposal({});
    await other();
    return vote.deps.transitions.settle(settling);
  };
  await vote.editProposal({ body: 'Other words.' });
  expect(await vote.deliver({ transitions: { ...vote.deps.transitions, settle } })).toEqual(skipped);
  expect(await vote.ledger()).toMatchObject({ state: 'reserved' });
}

test('what one had reserved when the other came to an end is taken back', async () => {
  const vote = await stand.aVote();
  const allowance = await spent(vote);
  await endedBefore(vote, () => expect(vote.deliver({ allowance })).rejects.toMatchObject(postponed));
  expect(await vote.deliver()).toEqual(skipped);
  expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'it was never sent' });
  expect(await vote.audit()).toEqual(['reserved', 'voided']);
});

test('and what it had sent is looked for', async () => {
  const vote = await stand.aVote();
  await endedBefore(vote, async () => {
    await onSequencer(vote, { status: 503, body: '' });
    await expect(vote.deliver()).rejects.toMatchObject(postponed);
  });
  expect(await isSwept(vote)).toBe(false);
  expect(await vote.deliver()).toEqual(skipped);
  expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 1 });
  expect(await isSwept(vote)).toBe(true);
});

test('what is reserved for the hold of a vote is left to that', async () => {
  const vote = await aHeldVote(stand);
  await answer(vote);
  await expect(deliverHold(vote, { allowance: await spent(vote) })).rejects.toMatchObject(postponed);
  expect(await vote.deliver()).toEqual({ kind: 'held', why: 'approval_always' });
  expect(await vote.ledger()).toMatchObject({ state: 'reserved' });
});

test('a vote that the other made anew is not called one of an earlier run', async () => {
  const vote = await stand.aVote();
  const settle: Transitions['settle'] = async () => {
    throw new Error('killed');
  };
  const sequencer = {
    async submit() {
      await onSequencer(vote, {
        status: 503,
        body: { error: 'client_error', error_description: 'update in progress, try later' },
      });
      await expect(vote.deliver()).rejects.toMatchObject(postponed);
      await expect(vote.deliver({ transitions: { ...vote.deps.transitions, settle } })).rejects.toThrow('killed');
      return { kind: 'unknown', why: 'the line was cut' } as const;
    },
  };
  await expect(vote.deliver({ sequencer })).rejects.toMatchObject({ ...postponed, message: /made this vote anew/ });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(2);
});

/** One delivery sends its vote, which another hears to be taken no more, and voids. Then this one's bytes arrive. */
function arrivesVoided(vote: VoteCase, then: () => Promise<unknown>): Pick<VoteCase['deps'], 'sequencer'> {
  return {
    sequencer: {
      async submit(...asked) {
        await onSequencer(vote, {
          status: 503,
          body: { error: 'client_error', error_description: 'update in progress, try later' },
        });
        await expect(vote.deliver()).rejects.toMatchObject(postponed);
        await then();
        return vote.deps.sequencer.submit(...asked);
      },
    },
  };
}

/** A third one reserves it anew, and comes no further. */
async function reserveAnew(vote: VoteCase): Promise<void> {
  await expect(vote.deliver({ allowance: await spent(vote) })).rejects.toMatchObject(postponed);
  expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 0 });
}

test('a vote that stands, and that the other made anew, is not called cast while that one is reserved', async () => {
  const vote = await stand.aVote();
  const given = arrivesVoided(vote, () => reserveAnew(vote));
  await expect(vote.deliver(given)).rejects.toMatchObject({ ...postponed, message: /made this vote anew/ });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: (await vote.hubVote())?.id });
});

test('one that is reserved anew when that one is called cast is taken back, and what stands is looked for', async () => {
  const vote = await stand.aVote();
  const settle: Transitions['settle'] = async (settling) => {
    await reserveAnew(vote);
    return vote.deps.transitions.settle(settling);
  };
  const transitions = { ...vote.deps.transitions, settle };
  expect(await vote.deliver({ ...arrivesVoided(vote, async () => undefined), transitions })).toEqual({ kind: 'cast' });
  expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 0 });
  expect(await vote.deliver()).toEqual({ kind: 'cast' });
  expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'it was never sent' });
  expect(await isSwept(vote)).toBe(true);
});

test('a vote that the other took up from the hub is told by that one alone', async () => {
  const vote = await stand.aVote();
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  await stand.redis().del(keys.ledger(vote.voter, vote.space, vote.proposal.id));
  await stand.redis().hdel(keys.run(vote.runId), `outcome:${vote.proposal.id}`);
  const adopt: Transitions['adopt'] = async (input) => {
    await vote.deps.transitions.adopt({ ...input, nowMs: input.nowMs - 1 });
    return vote.deps.transitions.adopt(input);
  };
  expect(await vote.vote({ transitions: { ...vote.deps.transitions, adopt } })).toEqual({ kind: 'cast' });
  expect(await vote.audit()).toEqual(['reserved', 'sending', 'accepted', 'cast', 'adopted']);
  expect(await vote.security()).toEqual({});
});
