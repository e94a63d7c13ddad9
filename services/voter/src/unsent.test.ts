/** A vote that was reserved and never sent is taken back when its proposal ends without it. */
import { upstreamId } from '@quorum/shared/ids';
import { PostponeError } from '@quorum/shared/run-worker';
import { createSendAllowance } from '@quorum/shared/send-allowance';
import { expect, test } from 'vitest';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();

/** Another vote takes the last send between the look and the taking: this one stays behind, reserved. */
async function reserveOnly(vote: VoteCase): Promise<void> {
  const last = createSendAllowance(stand.redis(), upstreamId(`last ${vote.proposal.id}`, undefined), () => 1);
  const allowance = { ...last, look: async () => 0, take: async () => (await last.take(), last.take()) };
  await expect(vote.deliver({ allowance })).rejects.toBeInstanceOf(PostponeError);
  expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 0 });
}

const ways: readonly [string, (vote: VoteCase) => Promise<unknown>, { kind: string; why: string }][] = [
  [
    'the proposal was edited',
    (vote) => vote.editProposal({ body: 'Other words.' }),
    { kind: 'skipped', why: 'proposal_changed' },
  ],
  [
    'the owner wants to be asked',
    (vote) => vote.writePreferences({ approval: 'always' }),
    { kind: 'held', why: 'approval_always' },
  ],
];
test.each(ways)('%s', async (_what, change, outcome) => {
  const vote = await stand.aVote();
  await reserveOnly(vote);
  await change(vote);
  expect(await vote.vote()).toEqual(outcome);
  expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'it was never sent' });
  expect(await vote.audit()).toEqual(['reserved', 'voided']);
  expect(vote.sends()).toEqual([]);
});

test('the hub is away until the window is over; the next run votes', async () => {
  const vote = await stand.aVote();
  await reserveOnly(vote);
  await vote.deps.records.firstPutOff(vote.runId, vote.proposal.id, Date.now() - 901_000);
  await stand.fault({ endpoint: 'hub', count: 100, match: { body_contains: vote.proposal.id }, status: 503 });
  expect(await vote.vote()).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
  expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'it was never sent' });
  await stand.control('DELETE', 'faults');
  const next = await vote.nextRun();
  expect(await next.vote()).toEqual({ kind: 'cast' });
  expect(next.sends()).toHaveLength(1);
});

test('a run that was cancelled votes what it had reserved', async () => {
  const vote = await stand.aVote();
  await reserveOnly(vote);
  await vote.cancel();
  expect(await vote.vote()).toEqual({ kind: 'cast' });
});
