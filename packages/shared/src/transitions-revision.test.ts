/** A revision: our own vote that stands is replaced, or goes on standing. */
import { describe, expect, it } from 'vitest';
import { aReceipt, aResponse } from '../test/samples.ts';
import { accept, aRunningRun, NOW_MS, useRedis, vote } from '../test/world.ts';
import { newRunId } from './ids.ts';
import { createRecords } from './records.ts';

const { redis } = useRedis();

/** A vote that was cast, and a revision of it. */
async function aCastVote() {
  const one = await aRunningRun(redis());
  const { transitions } = one;
  const first = vote(one, { voteId: 'first', intent: '{"said":"first: “ja”/\\u2028"}' });
  await transitions.reserve(first);
  await transitions.maySend(first);
  await transitions.confirm(first, { state: 'cast', receipt: aReceipt() });
  const revision = vote(one, { voteId: 'second', intent: '{"said":"second"}', preferencesVersion: 'version-2' });
  const ledger = () => createRecords(redis()).ledger(one.voter, one.space, one.proposal);
  return { one, transitions, first, revision, ledger, stands: await ledger() };
}

describe('a revision', () => {
  it('takes the place of the vote that it names once it is cast', async () => {
    const { transitions, revision, ledger } = await aCastVote();
    expect(await transitions.reserve({ ...revision, replaces: 'first' })).toBe('reserved');
    expect(await ledger()).toMatchObject({
      state: 'reserved',
      vote_id: 'second',
      sends: 0,
      replaces: { vote_id: 'first' },
    });
    expect(await transitions.maySend(revision)).toBe('yes');
    expect(await transitions.confirm(revision, { state: 'cast', receipt: null })).toBe('cast');
    const entry = await ledger();
    expect(entry).toMatchObject({ state: 'cast', vote_id: 'second', preferences_version: 'version-2' });
    expect(entry?.replaces).toBeUndefined();
    expect(entry?.receipt).toBeUndefined();
  });

  it('that is voided leads back to the vote that still stands, whole, and leaves its own date behind', async () => {
    const { transitions, revision, ledger, stands } = await aCastVote();
    await transitions.reserve({ ...revision, replaces: 'first' });
    await transitions.maySend(revision);
    expect(await transitions.confirm(revision, { state: 'voided', why: 'refused' })).toBe('voided');
    const { runId: voided_run } = revision;
    expect(await ledger()).toEqual({
      ...stands,
      voided_intent: '{"said":"second"}',
      voided_vote: 'second',
      voided_run,
    });
    // Told again, it stays so.
    expect(await transitions.confirm(revision, { state: 'voided', why: 'refused' })).toBe('superseded');
    expect(await transitions.maySend(revision)).toBe('settled');
    expect(await transitions.reserve({ ...revision, voteId: 'third', replaces: 'first' })).toBe('reserved');
    expect((await ledger())?.voided_intent).toBe('{"said":"second"}');
  });

  it('that is voided before it was sent is not said to have been sent', async () => {
    const { transitions, revision, ledger, stands } = await aCastVote();
    await transitions.reserve({ ...revision, replaces: 'first' });
    await transitions.confirm(revision, { state: 'voided', why: 'paused' });
    expect(await ledger()).toEqual({ ...stands, voided_intent: '{"said":"second"}' });
  });

  it('that is voided before it was sent is looked for all the same where the one before it was sent', async () => {
    const { one, transitions, revision, ledger, stands } = await aCastVote();
    await transitions.reserve({ ...revision, replaces: 'first' });
    await transitions.maySend(revision);
    await transitions.confirm(revision, { state: 'voided', why: 'refused' });
    const third = { ...revision, runId: newRunId(), voteId: 'third', intent: '{"said":"third"}' };
    await transitions.finish({ owner: one.owner, dryRun: false }, aResponse(one.runId), NOW_MS);
    await accept(one, { runId: third.runId });
    await transitions.start(third.runId, NOW_MS);
    await transitions.reserve({ ...third, replaces: 'first' });
    await transitions.confirm(third, { state: 'voided', why: 'paused' });
    expect(await ledger()).toEqual({
      ...stands,
      voided_intent: third.intent,
      voided_vote: 'third',
      voided_run: third.runId,
    });
  });

  it('is adopted where another vote stands than the one that it names, or it names none', async () => {
    const { transitions, revision, ledger, stands } = await aCastVote();
    expect(await transitions.reserve(revision)).toBe('adopted');
    expect(await transitions.reserve({ ...revision, replaces: 'another' })).toBe('adopted');
    expect(await ledger()).toEqual(stands);
  });

  it('is one of many that come at once', async () => {
    const { transitions, revision } = await aCastVote();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        transitions.reserve({ ...revision, voteId: `revision-${at}`, replaces: 'first' }),
      ),
    );
    expect(answers.filter((answer) => answer === 'reserved')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'adopted')).toHaveLength(19);
  });

  it('counts as a vote of the day', async () => {
    const { transitions, revision } = await aCastVote();
    expect(await transitions.reserve({ ...revision, replaces: 'first', votesPerDay: 1 })).toBe('vote_cap');
  });
});
