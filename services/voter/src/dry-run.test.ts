/** A dry run of every voting type, open and secret, by every kind of signer: nothing is signed, sent, or told of as a vote. */
import { keys } from '@quorum/shared/redis-keys';
import { VOTING_TYPES } from '@quorum/snapshot/proposal';
import { describe, expect, test } from 'vitest';
import { useStand, type Given, type VoteCase } from '../test/stand.ts';

const stand = useStand();

/** The case's licences, and how often their signer was asked. */
function counting(vote: VoteCase) {
  const asked = { times: 0 };
  const licences = new Map(
    [...vote.deps.licences].map(([owner, licence]) => {
      const signVote: typeof licence.signer.signVote = (unsigned) => {
        asked.times += 1;
        return licence.signer.signVote(unsigned);
      };
      return [owner, { ...licence, signer: { ...licence.signer, signVote } }];
    }),
  );
  return { asked, licences };
}

const toSequencer = (): number =>
  stand.sandbox().world.received.filter(({ endpoint }) => endpoint === 'sequencer').length;

const CASES = VOTING_TYPES.flatMap((type) =>
  (['', 'shutter'] as const).flatMap((privacy) =>
    (['alias', 'own_key'] as const).map((kind) => ({ type, privacy, kind })),
  ),
);

describe.each(CASES)('a decision of type $type, privacy "$privacy", by $kind', ({ type, privacy, kind }) => {
  const given: Given = { type, kind, proposal: { privacy } };

  test('is simulated: 0 requests to the sequencer, 0 signatures, and no trace of a vote', async () => {
    const vote = await stand.aVote({ ...given, dryRun: true });
    const { asked, licences } = counting(vote);
    const before = toSequencer();
    expect(await vote.vote({ licences })).toEqual({ kind: 'simulated' });
    expect([asked.times, toSequencer() - before]).toEqual([0, 0]);
    expect(await vote.ledger()).toBeNull();
    expect(await vote.audit()).toEqual([]);
    expect(await stand.redis().exists(keys.cap(vote.voter, new Date().toISOString().slice(0, 10)))).toBe(0);
  });

  test('is signed and sent once in a live run: both counts would notice', async () => {
    const vote = await stand.aVote(given);
    const { asked, licences } = counting(vote);
    const before = toSequencer();
    expect(await vote.vote({ licences })).toMatchObject({ kind: 'cast' });
    expect([asked.times, toSequencer() - before]).toEqual([1, 1]);
  });
});

test('a dry run reads no ledger, be it for what it would take back: it has reserved nothing', async () => {
  const vote = await stand.aVote({ dryRun: true });
  const ledger = (): Promise<never> => Promise.reject(new Error('the ledger was read'));
  expect(await vote.vote({ records: { ...vote.deps.records, ledger } })).toEqual({ kind: 'simulated' });
});
