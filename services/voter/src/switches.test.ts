/** The kill switch, the cap, and cancelling: at each point at which they can strike. */
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, test } from 'vitest';
import { aHash } from '../../../packages/shared/test/samples.ts';
import { ballotOf, until, useStand, type VoteCase } from '../test/stand.ts';
import type { Signer } from './signer.ts';

const stand = useStand();

const pauseVoting = {
  globally: () => stand.redis().set(keys.votingGlobal(), 'paused'),
  'for the owner': (vote: VoteCase) => stand.redis().del(keys.votingOwner(vote.owner)),
} as const;

/** The case's deps with something done at the moment of signing: between `reserve` and `maySend`. */
function whileSigning(vote: VoteCase, strike: () => Promise<unknown>) {
  const licences = new Map(
    [...vote.deps.licences].map(([owner, licence]) => {
      const signer: Signer = {
        address: licence.signer.address,
        async signVote(unsigned) {
          await strike();
          return licence.signer.signVote(unsigned);
        },
      };
      return [owner, { ...licence, signer }];
    }),
  );
  return { licences };
}

describe.each(['globally', 'for the owner'] as const)('voting that is paused %s', (how) => {
  test('before the vote is reserved holds it, and nothing is reserved or sent', async () => {
    const vote = await stand.aVote();
    await pauseVoting[how](vote);
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'voting_paused' });
    expect(await vote.ledger()).toBeNull();
    expect(vote.sends()).toEqual([]);
    expect(await vote.audit()).toEqual([]);
  });

  test('after it was signed holds it, voids the intent and sends nothing', async () => {
    const vote = await stand.aVote();
    const deps = whileSigning(vote, () => pauseVoting[how](vote));
    expect(await vote.vote(deps)).toEqual({ kind: 'held', why: 'voting_paused' });
    expect(vote.sends()).toEqual([]);
    expect(await vote.ledger()).toMatchObject({ state: 'voided', why: 'voting is paused' });
    expect(await vote.audit()).toEqual(['reserved', 'voided']);
  });

  test('between two tries sends nothing again, and keeps the intent of what may be stored', async () => {
    const vote = await stand.aVote();
    await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, cut: 'before' });
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await pauseVoting[how](vote);
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'voting_paused' });
    expect(vote.sends()).toHaveLength(1);
    expect(await vote.ledger()).toMatchObject({ state: 'reserved' });
  });
});

test('after voting was resumed the next run casts, once', async () => {
  const vote = await stand.aVote();
  const deps = whileSigning(vote, () => pauseVoting['for the owner'](vote));
  expect(await vote.vote(deps)).toEqual({ kind: 'held', why: 'voting_paused' });
  await stand.redis().set(keys.votingOwner(vote.owner), 'enabled');
  const next = await vote.nextRun();
  expect(await next.vote()).toEqual({ kind: 'cast' });
  expect(next.sends()).toHaveLength(1);
});

test('the daily cap skips what comes after it', async () => {
  const vote = await stand.aVote({ votesPerDay: 1 });
  await stand.redis().set(keys.cap(vote.voter, new Date().toISOString().slice(0, 10)), '1');
  expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'vote_cap' });
  expect(vote.sends()).toEqual([]);
  expect(await vote.ledger()).toBeNull();
  expect(await vote.security()).toEqual({ vote_cap_hit: 1 });
});

test('the daily cap counts a vote once, however often it is made anew', async () => {
  const vote = await stand.aVote({ votesPerDay: 2, preferences: { revise_votes: true } });
  const maintenance = {
    endpoint: 'sequencer',
    count: 2,
    match: { body_contains: vote.proposal.id },
    fails: 'maintenance',
  };
  await stand.fault(maintenance);
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  await stand.fault(maintenance);
  const revision = await vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
  expect(await revision.vote()).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(6);
  // A revision of a revision is another vote.
  const another = await revision.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } });
  expect(await another.vote()).toEqual({ kind: 'skipped', why: 'vote_cap' });
});

describe('a run that is cancelled', () => {
  test('during the pre-flight reserves nothing', async () => {
    const vote = await stand.aVote();
    await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: 'query Alias' }, latency_ms: 1_500 });
    const before = stand.sandbox().world.received.length;
    const outcome = vote.vote();
    await until('the pre-flight to be under way', () =>
      stand
        .sandbox()
        .world.received.slice(before)
        .some(({ body }) => JSON.stringify(body).includes('query Alias')),
    );
    await vote.cancel();
    expect(await outcome).toEqual({ kind: 'skipped', why: 'cancelled' });
    expect(vote.sends()).toEqual([]);
    expect(await vote.ledger()).toBeNull();
  });

  test('after the vote was reserved does not stop it', async () => {
    const vote = await stand.aVote();
    await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
    await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
    await vote.cancel();
    expect(await vote.vote()).toEqual({ kind: 'cast' });
  });
});

describe('two deliveries of one job at once', () => {
  test('send one vote between them and say the same', async () => {
    const vote = await stand.aVote();
    await stand.fault({
      endpoint: 'sequencer',
      count: 1,
      match: { body_contains: vote.proposal.id },
      latency_ms: 300,
    });
    expect(await Promise.all([vote.vote(), vote.vote()])).toEqual([{ kind: 'cast' }, { kind: 'cast' }]);
    expect(stand.sandbox().world.votes.filter(({ proposal }) => proposal === vote.proposal.id)).toHaveLength(1);
    expect((await vote.audit()).filter((kind) => kind === 'cast')).toHaveLength(1);
  });

  test('where the first one casts and dies before it can say so, the slower one says cast', async () => {
    const vote = await stand.aVote();
    await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: 'query Alias' }, latency_ms: 1_500 });
    const before = stand.sandbox().world.received.length;
    const slow = vote.vote();
    await until('the slow one to be in its pre-flight', () =>
      stand
        .sandbox()
        .world.received.slice(before)
        .some(({ body }) => JSON.stringify(body).includes('query Alias')),
    );
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    await stand.redis().hdel(keys.run(vote.runId), `outcome:${vote.proposal.id}`);
    expect(await slow).toEqual({ kind: 'cast' });
    expect((await vote.record())?.receipt?.id).toBe((await vote.hubVote())?.id);
    expect(vote.sends()).toHaveLength(1);
  });
});

test('a worker that is told to stop before it sends has sent nothing and leaves an intent that is gone on with', async () => {
  const vote = await stand.aVote();
  const stop = new AbortController();
  const deps = whileSigning(vote, async () => stop.abort(new Error('the service is stopping')));
  await expect(vote.deliver(deps, stop.signal)).rejects.toThrow('the service is stopping');
  expect(vote.sends()).toEqual([]);
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(1);
  expect(await vote.record()).toMatchObject({ outcome: { kind: 'cast' } });
});
