/**
 * Each voting type, open and secret, by alias and own key, with the longest reason: cast, and read back from the hub as the ballot
 * that was decided. A secret one is read back after the keypers have given out its key.
 */
import { sameBallot } from '@quorum/snapshot/ballot';
import { decodeChoice } from '@quorum/snapshot/encode';
import { VOTING_TYPES } from '@quorum/snapshot/proposal';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ballotOf, useStand } from '../test/stand.ts';

const stand = useStand();
afterEach(() => stand.control('POST', 'clock', { now: null }));

/** 5,000 UTF-16 units, the last of them in characters of two. */
const LONGEST = `${'Because it keeps the harbour open. '.repeat(142)}${'é'.repeat(20)}${'🗳'.repeat(5)}`;

const CASES = VOTING_TYPES.flatMap((type) =>
  (['', 'shutter'] as const).flatMap((privacy) =>
    (['alias', 'own_key'] as const).map((kind) => ({ type, privacy, kind })),
  ),
);

const Sent = z.object({ data: z.object({ message: z.object({ app: z.string(), metadata: z.string() }) }) });

describe.each(CASES)('a vote of type $type, privacy "$privacy", by $kind', ({ type, privacy, kind }) => {
  test('is read back as the ballot that was decided', async () => {
    expect(LONGEST).toHaveLength(5_000);
    const secret = privacy === 'shutter';
    const vote = await stand.aVote({ type, kind, proposal: { privacy }, decision: { public_reason: LONGEST } });
    expect(await vote.vote()).toEqual(secret ? { kind: 'cast', counted: 'unknown' } : { kind: 'cast' });
    if (secret) {
      await stand.control('POST', 'clock', { now: vote.proposal.end + 60 });
      await stand.control('POST', 'shutter', { proposal: vote.proposal.id });
    }
    const row = await vote.hubVote();
    expect(row).toMatchObject({ voter: vote.voter, app: 'quorum', reason: secret ? '' : LONGEST });
    expect(sameBallot(decodeChoice(row?.choice, vote.proposal), ballotOf(type))).toBe(true);
    const names = ['agent', 'cast_at', ...(secret ? [] : ['evidence']), 'mac'];
    expect(
      Object.keys(row?.metadata ?? {})
        .filter((name) => name !== 'audit_head')
        .toSorted(),
    ).toEqual(names);
    const [sent] = z.array(Sent).parse(vote.sends());
    expect(sent?.data.message.metadata.length).toBeLessThanOrEqual(2_000);
    expect(sent?.data.message.app.length).toBeLessThanOrEqual(24);
  });
});
