/** What the transitions do about the Redis itself: the global switch, scripts that it forgot, a crash. One file, one Redis. */
import { describe, expect, it } from 'vitest';
import { accept, aCase, aRunningRun, NOW_MS, useRedis, vote } from '../test/world.ts';
import { newRunId } from './ids.ts';
import { createRecords } from './records.ts';
import { keys } from './redis-keys.ts';
import { VOTING_ENABLED } from './voting.ts';

const { redis, server } = useRedis({ appendonly: true });

describe('on a Redis of its own', () => {
  it('nobody votes while the global switch is not on, whatever the owners say', async () => {
    const one = await aRunningRun(redis());
    const waiting = await aRunningRun(redis());
    await waiting.transitions.reserve(vote(waiting));
    await redis().del(keys.votingGlobal());
    expect(await one.transitions.reserve(vote(one))).toBe('voting_paused');
    expect(await waiting.transitions.maySend(vote(waiting))).toBe('voting_paused');
    await redis().set(keys.votingGlobal(), 'ENABLED');
    expect(await one.transitions.reserve(vote(one))).toBe('voting_paused');
    await redis().set(keys.votingGlobal(), VOTING_ENABLED);
    expect(await one.transitions.reserve(vote(one))).toBe('reserved');
    expect(await waiting.transitions.maySend(vote(waiting))).toBe('yes');
  });

  it('a Redis that lost all its data votes for nobody', async () => {
    const one = await aRunningRun(redis());
    await redis().flushall();
    expect(await one.transitions.reserve(vote(one))).toBe('cancelled');
    await accept(one);
    await one.transitions.start(one.runId, NOW_MS);
    expect(await one.transitions.reserve(vote(one))).toBe('voting_paused');
  });

  it('goes on when Redis forgot the scripts', async () => {
    const one = await aRunningRun(redis());
    await redis().script('FLUSH');
    expect(await one.transitions.reserve(vote(one))).toBe('reserved');
    await redis().script('FLUSH');
    expect(await one.transitions.maySend(vote(one))).toBe('yes');
    expect(await one.transitions.maySend(vote(one))).toBe('yes');
  });

  it('passes on an error that is not about a forgotten script', async () => {
    const one = aCase(redis());
    await redis().set(keys.run(one.runId), 'not a hash');
    await expect(accept(one)).rejects.toThrow(/WRONGTYPE/);
  });

  it('a crash of Redis loses no reserved vote, and calls in between wait for its return', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    await server().kill9();
    const asked = one.transitions.reserve(vote(one, { voteId: 'vote-2' }));
    const joined = accept(one, { runId: newRunId() });
    await server().restart();
    expect(await asked).toBe('adopted');
    expect(await joined).toEqual({ kind: 'joined', runId: one.runId });
    expect((await createRecords(redis()).ledger(one.voter, one.space, one.proposal))?.vote_id).toBe('vote-1');
  });
});
