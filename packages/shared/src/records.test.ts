import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Proposal } from '@quorum/snapshot/proposal';
import { describe, expect, it } from 'vitest';
import {
  aDecision,
  aHash,
  anAddress,
  anOwner,
  aProposalId,
  aReceipt,
  aSpace,
  openingOf,
  preferences,
} from '../test/samples.ts';
import { accept, aCase, aRunningRun, NOW_MS, useRedis } from '../test/world.ts';
import { newRunId } from './ids.ts';
import { createRecords, type DecisionRecord, type Opening, type OutcomeRecord } from './records.ts';
import { keys, RETENTION_S } from './redis-keys.ts';

const { redis } = useRedis();
const records = () => createRecords(redis());

function anOpening(given: Partial<Opening> = {}): Opening {
  const wanted = preferences({ blacklisted_proposers: [anAddress()], instructions: 'Grow the harbour.' });
  return openingOf([aProposalId()], { preferences: wanted, ...given });
}

const usage = { calls: 1, input_tokens: 2, output_tokens: 3, cost_usd: null };
const decided = (): DecisionRecord => ({ kind: 'decided', sealed: { decision: aDecision(), mac: aHash() } });
const skipped: OutcomeRecord = { outcome: { kind: 'skipped', why: 'risk' }, settled_at: NOW_MS };

function aProposal(): Proposal {
  return Proposal.parse({
    id: aProposalId(),
    space: 'harbour.eth',
    author: anAddress(),
    network: '1',
    type: 'basic',
    privacy: '',
    title: 'Repair the breakwater',
    body: 'ü'.repeat(10_000),
    discussion: '',
    choices: ['For', 'Against'],
    plugins: { oSnap: { safes: [{ nested: [1] }] } },
    strategies: [{ name: 'erc20-balance-of', network: '1', params: { symbol: 'HBR' } }],
    snapshot: '1',
    created: 1,
    start: 2,
    end: 3,
    state: 'active',
    quorum: 0,
    quorum_type: 'default',
    scores: [],
    scores_total: 0,
    scores_state: 'pending',
    votes: 0,
    flagged: false,
    link: '',
  });
}

describe('a run record', () => {
  it('is null where there is no run', async () => {
    expect(await records().run(newRunId())).toBeNull();
  });

  it('shows the whole run at one moment', async () => {
    const one = await aRunningRun(redis(), { dryRun: true });
    const [first, second] = [aProposalId(), aProposalId()];
    const opening = anOpening();
    const failed: DecisionRecord = { kind: 'failed', why: 'model_output', detail: 'no answer fit', usage };
    const decision = decided();
    const cast: OutcomeRecord = { outcome: { kind: 'cast' }, receipt: aReceipt(), settled_at: NOW_MS };
    await records().open(one.runId, opening);
    await records().pinSettings(one.runId, 'decider', { DECIDER_MODELS: 'one' });
    expect(await records().pinSettings(one.runId, 'decider', { DECIDER_MODELS: 'two' })).toEqual({
      DECIDER_MODELS: 'one',
    });
    await records().decide(one.runId, first, decision);
    await records().decide(one.runId, second, failed);
    await records().settle(one.runId, first, cast);
    await records().settle(one.runId, second, skipped);
    expect(await records().run(one.runId)).toEqual({
      runId: one.runId,
      requestId: null,
      owner: one.owner,
      space: one.space,
      dryRun: true,
      acceptedAtMs: NOW_MS,
      state: 'running',
      startedAtMs: NOW_MS,
      finishedAtMs: null,
      cancelled: false,
      settings: new Map([['decider', { DECIDER_MODELS: 'one' }]]),
      opening,
      decisions: new Map([
        [first, decision],
        [second, failed],
      ]),
      spent: new Map(),
      tried: new Map(),
      outcomes: new Map([
        [first, cast],
        [second, skipped],
      ]),
      later: new Map(),
      response: null,
    });
  });

  it('says that the run was asked to stop', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.cancel(one, NOW_MS);
    expect((await records().run(one.runId))?.cancelled).toBe(true);
    expect((await records().runForVote(one.runId, one.proposal))?.cancelled).toBe(true);
  });

  it.for([
    ['request', '{"run_id":"else"}'],
    ['state', 'paused'],
    ['started_at', 'yesterday'],
    ['started_at', ''],
    ['finished_at', 'NaN'],
    ['opening', '{}'],
    ['opening', '{"preferences'],
    [`decision:${aProposalId()}`, '{"kind":"guessed"}'],
    ['decision:not/an/id', JSON.stringify({ kind: 'failed', why: 'internal', detail: '', usage })],
    [`outcome:${aProposalId()}`, '{"outcome":{"kind":"held","why":"budget"},"settled_at":1}'],
    ['response', '{"status":"completed"}'],
  ] as const)('with a broken %s (%s) is an error', async ([field, text]) => {
    const one = aCase(redis());
    await accept(one);
    await redis().hset(keys.run(one.runId), field, text);
    await expect(records().run(one.runId)).rejects.toThrow();
  });
});

describe('what is written once', () => {
  it('is the first opening of many', async () => {
    const { runId } = await aRunningRun(redis());
    const openings = Array.from({ length: 20 }, (_, at) => anOpening({ errors: [`writer ${at}`] }));
    const stands = await Promise.all(openings.map((opening) => records().open(runId, opening)));
    const stored = (await records().run(runId))?.opening;
    expect(openings).toContainEqual(stored);
    for (const one of stands) expect(one).toEqual(stored);
  });

  it('is no opening without its texts, where Redis has room for it and not for them', async () => {
    const { runId } = await aRunningRun(redis());
    const body = randomBytes(1_000_000).toString('base64');
    const [hash, proposal] = [aHash(), { ...aProposal(), body }];
    const opening = anOpening();
    // Once before, so that what Redis sets aside for reading a command as large as this is counted already.
    await records().putProposal(hash, proposal);
    await redis().del(keys.proposal(hash));
    const used = Number(/^used_memory:(\d+)/m.exec(await redis().info('memory'))?.[1]);
    await redis().config('SET', 'maxmemory', used + 600_000);
    try {
      await expect(records().open(runId, opening, [[hash, proposal]])).rejects.toThrow('OOM');
    } finally {
      await redis().config('SET', 'maxmemory', 0);
    }
    expect((await records().run(runId))?.opening).toBeNull();
    expect(await records().open(runId, opening, [[hash, proposal]])).toEqual(opening);
    expect(await records().proposal(hash)).toEqual(proposal);
    expect(await redis().ttl(keys.proposal(hash))).toBeGreaterThan(RETENTION_S.proposalText - 60);
  });

  it('is the first decision and the first outcome, of each proposal', async () => {
    const { runId } = await aRunningRun(redis());
    const [first, second] = [aProposalId(), aProposalId()];
    const [one, other] = [decided(), decided()];
    expect(await records().decide(runId, first, one)).toEqual(one);
    expect(await records().decide(runId, first, other)).toEqual(one);
    expect(await records().decide(runId, second, other)).toEqual(other);
    const cast: OutcomeRecord = { outcome: { kind: 'cast' }, settled_at: NOW_MS };
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, at) => records().settle(runId, first, at % 2 === 0 ? cast : skipped)),
    );
    expect(new Set(all.map((record) => record.outcome.kind)).size).toBe(1);
  });

  it('is an error where what stands is broken', async () => {
    const { runId } = await aRunningRun(redis());
    const proposal = aProposalId();
    await redis().hset(keys.run(runId), `outcome:${proposal}`, '{"outcome":{"kind":"cast"}}');
    await expect(records().settle(runId, proposal, skipped)).rejects.toThrow();
  });
});

describe('texts', () => {
  it('of a proposal are kept under their hash, compressed, for their time', async () => {
    const [hash, proposal] = [aHash(), aProposal()];
    await records().putProposal(hash, proposal);
    expect(await records().proposal(hash)).toEqual(proposal);
    expect(await records().proposal(aHash())).toBeNull();
    expect(await redis().strlen(keys.proposal(hash))).toBeLessThan(2_000);
    expect(await redis().ttl(keys.proposal(hash))).toBeGreaterThan(RETENTION_S.proposalText - 60);
  });

  it('of evidence are kept to the byte', async () => {
    const [hash, text] = [aHash(), JSON.stringify({ salt: aHash(), says: 'größer\u0000\n' })];
    await records().putEvidence(hash, text);
    expect(await records().evidence(hash)).toBe(text);
    expect(await records().evidence(aHash())).toBeNull();
    expect(await redis().ttl(keys.evidence(hash))).toBeGreaterThan(RETENTION_S.evidence - 60);
  });

  it('that are broken are an error', async () => {
    const hash = aHash();
    await redis().set(keys.proposal(hash), 'no zip');
    await expect(records().proposal(hash)).rejects.toThrow();
    await redis().set(keys.proposal(hash), gzipSync(JSON.stringify({ ...aProposal(), choices: [] })));
    await expect(records().proposal(hash)).rejects.toThrow(/choices/);
  });
});

describe('the ledger', () => {
  it('has no entry where there was no vote, and a broken entry is an error', async () => {
    const one = aCase(redis());
    expect(await records().ledger(one.voter, one.space, one.proposal)).toBeNull();
    const key = keys.ledger(one.voter, one.space, one.proposal);
    await redis().hset(key, { state: 'cast', run_id: one.runId });
    await expect(records().ledger(one.voter, one.space, one.proposal)).rejects.toThrow();
    await redis().hset(key, { vote_id: 'v', intent: '{}', created: 1, reserved_at: 2, receipt: '{"id":' });
    await expect(records().ledger(one.voter, one.space, one.proposal)).rejects.toThrow();
  });
});

describe('of an owner', () => {
  it('what was decided before is known by text and preferences', async () => {
    const [owner, space] = [anOwner(), aSpace()];
    const [held, changed, fresh] = [aProposalId(), aProposalId(), aProposalId()];
    const text = aHash();
    const now = new Map([held, changed, fresh].map((id) => [id, text]));
    expect(await records().decidedBefore(owner, space, now, 'v1')).toEqual(new Set());
    await records().noteDecidedBefore(
      owner,
      space,
      new Map([
        [held, text],
        [changed, aHash()],
      ]),
      'v1',
      'by_policy',
      { ends: new Map([[held, 2_000]]), nowMs: 1_000_000 },
    );
    await records().noteDecidedBefore(owner, space, new Map(), 'v1', 'by_policy', { ends: new Map(), nowMs: 0 });
    expect(await records().decidedBefore(owner, space, now, 'v1')).toEqual(new Set([held]));
    expect(await records().decidedBefore(owner, space, now, 'v2')).toEqual(new Set());
    expect(await records().decidedBefore(owner, aSpace('other.eth'), now, 'v1')).toEqual(new Set());
    expect(await records().decidedBefore(anOwner(), space, now, 'v1')).toEqual(new Set());
    expect(await records().decidedBefore(owner, space, new Map(), 'v1')).toEqual(new Set());
    expect(await redis().ttl(keys.decidedBefore(owner, space))).toBeGreaterThan(RETENTION_S.decidedBefore - 60);
  });

  it('what was decided before is forgotten a day after its proposal closed, however active the owner is', async () => {
    const [owner, space, text] = [anOwner(), aSpace(), aHash()];
    const [first, second, third] = [aProposalId(), aProposalId(), aProposalId()];
    const note = (id: typeof first, end: number, nowS: number) =>
      records().noteDecidedBefore(owner, space, new Map([[id, text]]), 'v1', 'by_policy', {
        ends: new Map([[id, end]]),
        nowMs: nowS * 1_000,
      });
    const known = () =>
      records().decidedBefore(owner, space, new Map([first, second, third].map((id) => [id, text])), 'v1');
    await note(first, 1_000, 500);
    await note(second, 500_000, 1_000 + 86_400);
    expect(await known()).toEqual(new Set([first, second]));
    await note(third, 500_000, 1_001 + 86_400);
    expect(await known()).toEqual(new Set([second, third]));
    expect(await redis().hlen(keys.decidedBefore(owner, space))).toBe(2);
  });
});
