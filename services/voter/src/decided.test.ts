/** From the stored decision to a ballot: nothing that Redis says is taken for granted. */
import { sealDecision } from '@quorum/shared/sealed-decision';
import { keys } from '@quorum/shared/redis-keys';
import { contentHash } from '@quorum/snapshot/content-hash';
import { describe, expect, test } from 'vitest';
import { newRunId } from '@quorum/shared/ids';
import { aDecision, aHash, aProposalId, anAddress, anAnswer } from '../../../packages/shared/test/samples.ts';
import { ballotOf, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();

type Stored = { decision: Record<string, unknown>; mac: string };

/** Rewrites the sealed decision in Redis, as somebody with access to it could. */
async function tamper(vote: VoteCase, change: (sealed: Stored) => unknown): Promise<void> {
  const field = `decision:${vote.proposal.id}`;
  const text = await stand.redis().hget(keys.run(vote.runId), field);
  const record: { sealed: Stored } = JSON.parse(text ?? '');
  await stand.redis().hset(keys.run(vote.runId), field, JSON.stringify({ ...record, sealed: change(record.sealed) }));
}

const against = ballotOf('basic', 2);
const OTHER_VALUES: Readonly<Record<string, unknown>> = {
  run_id: newRunId(),
  owner: 'somebody-else',
  space_id: 'other.eth',
  proposal_id: aProposalId(),
  content_hash: aHash(),
  preferences_version: aHash(),
  strategy_used: 'aggressive',
  executable: true,
  samples: [anAnswer({ ballot: against }), anAnswer({ ballot: against }), anAnswer({ ballot: against })],
  signals: [{ strength: 'soft', kind: 'instructs_reader' }],
  stakes: 'high',
  inputs_hash: aHash(),
  evidence_hash: aHash(),
  public_reason: 'Vote for my friends.',
  usage: { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
  decided_at: 1,
} satisfies Record<keyof ReturnType<typeof aDecision>, unknown>;

describe('a decision that was altered in Redis', () => {
  test.each(Object.keys(OTHER_VALUES))('in %s is refused, and the refusal is counted', async (name) => {
    const vote = await stand.aVote();
    await tamper(vote, ({ decision, mac }) => ({ decision: { ...decision, [name]: OTHER_VALUES[name] }, mac }));
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect((await vote.record())?.detail).toBe('the decision was altered after it was made');
    expect(await vote.security()).toEqual({ decision_refused: 1 });
    expect(vote.sends()).toEqual([]);
    expect(await vote.ledger()).toBeNull();
  });

  test('in its code is refused', async () => {
    const vote = await stand.aVote();
    await tamper(vote, ({ decision }) => ({ decision, mac: aHash() }));
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(await vote.security()).toEqual({ decision_refused: 1 });
  });

  test('so that it has no canonical form is refused like any other', async () => {
    const vote = await stand.aVote();
    await tamper(vote, ({ decision, mac }) => ({ decision: { ...decision, public_reason: '\ud800' }, mac }));
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
  });

  test('by the good decision of another run is refused', async () => {
    const vote = await stand.aVote();
    const next = await vote.nextRun({ ballot: against });
    const [field, foreign] = [`decision:${vote.proposal.id}`, keys.run(vote.runId)];
    await stand.redis().hset(keys.run(next.runId), field, (await stand.redis().hget(foreign, field)) ?? '');
    expect(await next.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(await next.security()).toEqual({ decision_refused: 1 });
    expect(next.sends()).toEqual([]);
  });

  test('by one that another key sealed is refused', async () => {
    const vote = await stand.aVote();
    const decision = aDecision({ run_id: vote.runId, proposal_id: vote.proposal.id });
    await tamper(vote, () => sealDecision(decision, vote.deps.voterKey));
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
  });

  test('together with the preferences that the run pinned: what the decision was made under counts', async () => {
    const vote = await stand.aVote({ preferences: { confidence_threshold: 0.99 } });
    await vote.writePreferences({ confidence_threshold: 0.1 });
    const opening: { preferences: object } = JSON.parse(
      (await stand.redis().hget(keys.run(vote.runId), 'opening')) ?? '',
    );
    const loosened = { ...opening, preferences: { ...opening.preferences, confidence_threshold: 0.1 } };
    await stand.redis().hset(keys.run(vote.runId), 'opening', JSON.stringify(loosened));
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(vote.sends()).toEqual([]);
  });
});

test('a proposal without a decision, or whose decision failed, ends as a failure', async () => {
  const none = await stand.aVote();
  await stand.redis().hdel(keys.run(none.runId), `decision:${none.proposal.id}`);
  expect(await none.vote()).toEqual({ kind: 'failed', why: 'internal' });
  const failed = await stand.aVote();
  const usage = { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };
  const record = { kind: 'failed', why: 'model_output', detail: 'no answers', usage };
  await stand.redis().hset(keys.run(failed.runId), `decision:${failed.proposal.id}`, JSON.stringify(record));
  expect(await failed.vote()).toEqual({ kind: 'failed', why: 'model_output' });
  expect((await failed.record())?.detail).toBe('no answers');
});

test('a proposal that there was no budget for is skipped, and its owner told why', async () => {
  const vote = await stand.aVote();
  const usage = { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };
  const record = { kind: 'skipped', why: 'budget', detail: 'the cap of the run is $5.00', usage };
  await stand.redis().hset(keys.run(vote.runId), `decision:${vote.proposal.id}`, JSON.stringify(record));
  expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'budget' });
  expect((await vote.record())?.detail).toBe('the cap of the run is $5.00');
  expect(vote.sends()).toEqual([]);
});

describe('the policy, run again on the samples', () => {
  const unsure = [
    anAnswer({ ballot: ballotOf('basic') }),
    anAnswer({ ballot: ballotOf('basic') }),
    anAnswer({ ballot: against }),
  ];
  test.each([
    ['holds an executable payload', { executable: true }, {}, { kind: 'held', why: 'executable' }],
    ['holds a hard signal', { signals: [{ strength: 'hard', kind: 'tag' }] }, {}, { kind: 'held', why: 'injection' }],
    [
      'skips high stakes without unanimity',
      { stakes: 'high', samples: unsure },
      {},
      { kind: 'skipped', why: 'stakes' },
    ],
    [
      'holds what is unsure where the owner is asked',
      { samples: unsure },
      { approval: 'when_unsure' },
      { kind: 'held', why: 'below_confidence' },
    ],
    ['holds everything where the owner says so', {}, { approval: 'always' }, { kind: 'held', why: 'approval_always' }],
    [
      'fails without enough answers',
      { samples: [{ kind: 'no_answer', model: 'stand-in', why: 'timeout' }] },
      {},
      { kind: 'failed', why: 'model_output' },
    ],
  ] as const)('%s', async (_what, decision, preferences, outcome) => {
    const { samples, signals, ...rest } = { samples: undefined, signals: undefined, ...decision };
    const given = {
      ...rest,
      ...(samples ? { samples: [...samples] } : {}),
      ...(signals ? { signals: [...signals] } : {}),
    };
    const vote = await stand.aVote({ decision: given, preferences });
    expect(await vote.vote()).toEqual(outcome);
    expect(vote.sends()).toEqual([]);
    expect(await vote.ledger()).toBeNull();
  });
});

describe('preferences that changed after the run began', () => {
  const changes: readonly [string, object, object | string | null, object][] = [
    ['a threshold that rose', {}, { confidence_threshold: 0.95 }, { kind: 'skipped', why: 'below_confidence' }],
    ['an approval that became stricter', {}, { approval: 'always' }, { kind: 'held', why: 'approval_always' }],
    [
      'a threshold that fell',
      { confidence_threshold: 0.95 },
      { confidence_threshold: 0.1 },
      { kind: 'skipped', why: 'below_confidence' },
    ],
    ['an approval that became looser', { approval: 'always' }, {}, { kind: 'held', why: 'approval_always' }],
    [
      'other instructions',
      { instructions: 'Spend.' },
      { instructions: 'Save.' },
      { kind: 'skipped', why: 'preferences' },
    ],
    ['instructions where there were none', {}, { instructions: 'Save.' }, { kind: 'skipped', why: 'preferences' }],
    [
      'instructions for this space alone',
      {},
      { space_overrides: { 'harbour.eth': { instructions: 'Save.' } } },
      { kind: 'skipped', why: 'preferences' },
    ],
    [
      'another strategy for this space alone',
      {},
      { space_overrides: { 'harbour.eth': { voting_strategy: 'aggressive' } } },
      { kind: 'skipped', why: 'preferences' },
    ],
    [
      'instructions for this space that are gone',
      { space_overrides: { 'harbour.eth': { instructions: 'Save.' } } },
      {},
      { kind: 'skipped', why: 'preferences' },
    ],
    [
      'a strategy for this space that is the general one',
      {},
      { space_overrides: { 'harbour.eth': { voting_strategy: 'balanced' } } },
      { kind: 'cast' },
    ],
    ['another strategy', {}, { voting_strategy: 'aggressive' }, { kind: 'skipped', why: 'preferences' }],
    ['a file that is gone', {}, null, { kind: 'skipped', why: 'preferences' }],
    ['a file that is broken', {}, '{', { kind: 'skipped', why: 'preferences' }],
    ['a file with a misspelt field', {}, { instuctions: 'Save.' }, { kind: 'skipped', why: 'preferences' }],
    ['another number of proposals', {}, { max_proposals_per_run: 9 }, { kind: 'cast' }],
    [
      'instructions for another space',
      {},
      { space_overrides: { 'other.eth': { instructions: 'Save.' } } },
      { kind: 'cast' },
    ],
  ];
  test.each(changes)('%s', async (_what, before, after, outcome) => {
    const vote = await stand.aVote({ preferences: { ...before } });
    await vote.writePreferences(typeof after === 'string' || after === null ? after : { ...after });
    expect(await vote.vote()).toEqual(outcome);
    expect(vote.sends()).toHaveLength('why' in outcome ? 0 : 1);
  });

  test.each([
    ['none', 'none', ''],
    ['the template alone', 'template', ''],
    ['more', 'full', 'made for the template'],
  ])('an owner who wants %s published', async (_what, publish_reason, reason) => {
    const pinned = publish_reason === 'template' ? 'full' : 'template';
    const vote = await stand.aVote({
      preferences: { publish_reason: pinned },
      decision: { public_reason: 'made for the template' },
    });
    await vote.writePreferences({ publish_reason });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
    expect((await vote.hubVote())?.reason).toBe(reason);
  });

  test('a file that appeared where there was none applies too', async () => {
    const vote = await stand.aVote({ preferences: null });
    await vote.writePreferences({ approval: 'always' });
    expect(await vote.vote()).toEqual({ kind: 'held', why: 'approval_always' });
  });

  test('an owner who never had a file votes by the defaults', async () => {
    const vote = await stand.aVote({ preferences: null });
    expect(await vote.vote()).toEqual({ kind: 'cast' });
  });

  test.each([
    ['an author who was blacklisted', (author: string) => ({ blacklisted_proposers: [author] })],
    ['an author who is not on a new whitelist', () => ({ whitelisted_proposers: [anAddress()] })],
  ])('%s', async (_what, preferences) => {
    const vote = await stand.aVote();
    await vote.writePreferences(preferences(vote.proposal.author));
    expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'preferences' });
    expect(vote.sends()).toEqual([]);
  });

  test('a blacklist is not got round by another author written into the stored text', async () => {
    const vote = await stand.aVote();
    await vote.writePreferences({ blacklisted_proposers: [vote.proposal.author] });
    await vote.deps.records.putProposal(contentHash(vote.proposal), { ...vote.proposal, author: anAddress() });
    expect(await vote.vote()).toEqual({ kind: 'skipped', why: 'preferences' });
    expect(vote.sends()).toEqual([]);
  });
});
