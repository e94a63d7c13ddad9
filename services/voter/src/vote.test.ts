import { keys } from '@quorum/shared/redis-keys';
import { decodeChoice } from '@quorum/snapshot/encode';
import { VOTING_TYPES } from '@quorum/snapshot/proposal';
import { sameBallot } from '@quorum/snapshot/ballot';
import { describe, expect, test } from 'vitest';
import { ballotOf, useStand } from '../test/stand.ts';

const stand = useStand();

describe.each(VOTING_TYPES)('a decision on a proposal of type %s', (type) => {
  test('is cast, read back equal, with its receipt kept and every step in the audit stream', async () => {
    const vote = await stand.aVote({ type });
    expect(await vote.vote()).toEqual({ kind: 'cast' });

    const row = await vote.hubVote();
    expect(row).not.toBeNull();
    expect(sameBallot(decodeChoice(row?.choice, vote.proposal), ballotOf(type))).toBe(true);
    expect(row?.reason).toBe('An AI agent voted For on behalf of its owner.');
    expect(row?.metadata['agent']).toBe(true);
    const record = await vote.record();
    expect(record?.receipt?.id).toBe(row?.id);
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: row?.id, sends: 1, receipt: { id: row?.id } });
    expect(await vote.audit()).toEqual(['reserved', 'sending', 'accepted', 'cast']);
  });
});

test('a job that is delivered again gives the same outcome and sends nothing', async () => {
  const vote = await stand.aVote();
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(1);
});

test('the next run of the same space finds the vote and casts nothing again', async () => {
  const first = await stand.aVote();
  expect(await first.vote()).toEqual({ kind: 'cast' });
  const second = await first.nextRun();
  expect(await second.vote()).toEqual({ kind: 'skipped', why: 'already_voted' });
  expect((await second.record())?.detail).toBe('by an earlier run');
  expect(second.sends()).toHaveLength(1);
});

test('the voter’s own key votes where it is licensed', async () => {
  const vote = await stand.aVote({ kind: 'own_key' });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect((await vote.hubVote())?.voter).toBe(vote.voter);
});

test('what is in Redis is no vote: a signature is there only once Snapshot has it, for its receipt to be checked by', async () => {
  const vote = await stand.aVote();
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 503 });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  const [sent] = vote.sends();
  const { sig } = JSON.parse(JSON.stringify(sent));
  expect(sig).toMatch(/^0x[0-9a-f]{130}$/);
  expect(await keysWith(String(sig).slice(2))).toEqual([]);
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(await keysWith(String(sig).slice(2))).toEqual([keys.auditVoter(vote.voter)]);
});

/** The keys in Redis whose values have this text in them. */
async function keysWith(text: string): Promise<string[]> {
  const everything = await Promise.all(
    (await stand.redis().keys('*')).map(async (key) => {
      const type = await stand.redis().type(key);
      if (type === 'hash') return { key, value: JSON.stringify(await stand.redis().hgetall(key)) };
      if (type === 'stream') return { key, value: JSON.stringify(await stand.redis().xrange(key, '-', '+')) };
      return { key, value: type === 'string' ? ((await stand.redis().get(key)) ?? '') : '' };
    }),
  );
  return everything.filter(({ value }) => value.includes(text)).map(({ key }) => key);
}

describe('a run that is not open', () => {
  test('that was cancelled casts nothing', async () => {
    const vote = await stand.aVote();
    await vote.cancel();
    expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'cancelled' });
    expect(vote.sends()).toEqual([]);
    expect(await vote.ledger()).toBeNull();
  });

  test('that has ended casts nothing', async () => {
    const vote = await stand.aVote();
    await vote.nextRun();
    expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'cancelled' });
    expect(vote.sends()).toEqual([]);
  });
});

describe('a dry run', () => {
  test('is simulated: no request to the sequencer and no signature', async () => {
    const vote = await stand.aVote({ dryRun: true });
    let signatures = 0;
    const licences = new Map(
      [...vote.deps.licences].map(([owner, licence]) => [
        owner,
        {
          ...licence,
          signer: {
            address: licence.signer.address,
            signVote: (unsigned: Parameters<typeof licence.signer.signVote>[0]) => {
              signatures += 1;
              return licence.signer.signVote(unsigned);
            },
          },
        },
      ]),
    );
    expect(await vote.vote({ licences })).toEqual({ kind: 'simulated' });
    expect(vote.sends()).toEqual([]);
    expect(signatures).toBe(0);
    expect(await vote.ledger()).toBeNull();
  });

  test('stays one when somebody flips its opening in Redis', async () => {
    const vote = await stand.aVote({ dryRun: true, opening: { dry_run: false } });
    expect(await vote.vote()).toEqual({ kind: 'simulated' });
    expect(vote.sends()).toEqual([]);
  });

  test('needs no signer', async () => {
    const vote = await stand.aVote({ dryRun: true });
    expect(await vote.vote({ licences: new Map() })).toEqual({ kind: 'simulated' });
  });
});

test('an owner without a licence, or a space outside it, is not voted for', async () => {
  const unlicensed = await stand.aVote();
  expect(await unlicensed.vote({ licences: new Map() })).toEqual({ kind: 'skipped', why: 'not_allowed' });
  const elsewhere = await stand.aVote({ allowedSpaces: ['other.eth'] });
  expect(await elsewhere.vote()).toEqual({ kind: 'skipped', why: 'not_allowed' });
  expect(unlicensed.sends()).toEqual([]);
  expect(elsewhere.sends()).toEqual([]);
  for (const vote of [unlicensed, elsewhere]) {
    expect(await vote.security()).toEqual({ signer_refused: 1 });
    // The outcome stands, and is not told of again.
    expect(await vote.vote({ licences: new Map() })).toEqual({ kind: 'skipped', why: 'not_allowed' });
    expect(await vote.security()).toEqual({ signer_refused: 1 });
  }
});

test.each(['wrong_alias', 'signature'] as const)(
  'a signature that the sequencer does not take (%s) is a security event',
  async (code) => {
    const vote = await stand.aVote();
    const refusing: typeof vote.deps.sequencer.submit = async () => ({
      kind: 'refused',
      refusal: { kind: 'final', code, status: 400, description: 'no' },
    });
    expect(await vote.vote({ sequencer: { submit: refusing } })).toEqual({ kind: 'failed', why: 'signing' });
    expect(await vote.security()).toEqual({ signer_refused: 1 });
  },
);

test('a receipt that its relayer did not sign is not kept: the vote is cast, and shown without one', async () => {
  const vote = await stand.aVote();
  const { submit } = vote.deps.sequencer;
  const forged: typeof submit = async (envelope, signal) => {
    const result = await submit(envelope, signal);
    if (result.kind !== 'accepted') return result;
    const { receipt } = result;
    return { kind: 'accepted', receipt: { ...receipt, relayer: { ...receipt.relayer, address: vote.voter } } };
  };
  expect(await vote.vote({ sequencer: { submit: forged } })).toEqual({ kind: 'cast' });
  expect((await vote.record())?.receipt).toBeUndefined();
  expect(await vote.ledger()).toMatchObject({ state: 'cast' });
  expect(await vote.audit()).toEqual(['reserved', 'sending', 'cast']);
});
