/** Runs that have ended and are packed: they read as before, and nobody who comes late changes anything or makes it twice. */
import { fc, test as property } from '@fast-check/vitest';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { describe, expect, it } from 'vitest';
import { aDecision, aHash, aProposalId, aResponse, aVoteDecision, openingOf, preferences } from '../test/samples.ts';
import { aRunningRun, NOW_MS, useRedis } from '../test/world.ts';
import { createBudget } from './budget.ts';
import { newRunId } from './ids.ts';
import { createRecords, type DecisionRecord, type Opening, type OutcomeRecord } from './records.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const records = () => createRecords(redis());

const usage = { calls: 5, input_tokens: 3_000, output_tokens: 400, cost_usd: 0.001 };
const simulated: OutcomeRecord = { outcome: { kind: 'simulated' }, settled_at: NOW_MS };
const skipped: OutcomeRecord = { outcome: { kind: 'skipped', why: 'risk' }, settled_at: NOW_MS };
const decided = (): DecisionRecord => ({ kind: 'decided', sealed: { decision: aDecision(), mac: aHash() } });

const opened = (proposals: readonly ProposalId[], title: string): Opening =>
  openingOf(proposals, { title, preferences: preferences({ instructions: title }), dry_run: true });

/** A run of three proposals; of the first `settled` of them it is known where they ended. */
async function aRun({ settled = 3, title = 'Repair the breakwater', ends = true } = {}) {
  const one = await aRunningRun(redis(), { dryRun: true });
  const { runId, transitions } = one;
  const proposals = [aProposalId(), aProposalId(), aProposalId()];
  await records().open(runId, opened(proposals, title));
  await records().pinSettings(runId, 'decider', { DECIDER_MODELS: 'small', MODEL_PRICES: 'small=0.1/0.4' });
  for (const proposal of proposals) await records().decide(runId, proposal, decided());
  for (const proposal of proposals.slice(0, settled)) await records().settle(runId, proposal, simulated);
  const decisions = proposals.map((proposal_id) => aVoteDecision({ proposal_id, title }));
  const response = aResponse(runId, { space_id: one.space, decisions });
  if (ends) await transitions.finish({ owner: one.owner, dryRun: true }, response, NOW_MS);
  const fields = () => redis().hkeys(keys.run(runId));
  const read = () => records().run(runId);
  return { ...one, proposals, first: proposals[0] ?? one.proposal, fields, read };
}

describe('a run that is packed', () => {
  property.prop([fc.string({ unit: 'grapheme', maxLength: 200 })], { numRuns: 20 })(
    'reads as it did before, whatever stands in it',
    async (title) => {
      const { runId, read, fields } = await aRun({ title });
      const [before, told] = [await read(), await records().runAndEvents(runId)];
      expect(await records().pack(runId)).toBe(true);
      expect((await fields()).toSorted()).toEqual(['finished_at', 'packed', 'request', 'started_at', 'state']);
      expect(await read()).toEqual(before);
      expect(await records().runAndEvents(runId)).toEqual(told);
    },
  );

  it('shows a vote what it needs, and nothing of the other proposals, as it did before', async () => {
    const { runId, first, read } = await aRun();
    await records().pinSettings(runId, 'voter', { MIN_TIME_TO_VOTE_S: '60' });
    const needs = () => records().runForVote(runId, first);
    const [before, whole] = [await needs(), await read()];
    expect(before).toMatchObject({
      owner: whole?.owner,
      space: whole?.space,
      state: 'completed',
      opening: whole?.opening,
      settings: new Map([['voter', { MIN_TIME_TO_VOTE_S: '60' }]]),
      decisions: new Map([[first, whole?.decisions.get(first)]]),
      outcomes: new Map([[first, simulated]]),
    });
    expect(await records().pack(runId)).toBe(true);
    expect(await needs()).toEqual(before);
    expect(await records().runForVote(newRunId(), first)).toBeNull();
  });

  it('shows a decision what it needs, as it did before', async () => {
    const { runId, first, read, fields } = await aRun();
    const kept = { DECIDER_MODELS: 'small', MODEL_PRICES: 'small=0.1/0.4' };
    const needs = () => records().runForDecision(runId, first, { service: 'decider', settings: { A: '1' } });
    const [before, whole] = [await needs(), await read()];
    expect(before).toMatchObject({
      startedAtMs: whole?.startedAtMs,
      state: 'completed',
      opening: whole?.opening,
      settings: new Map([['decider', kept]]),
      decisions: new Map([[first, whole?.decisions.get(first)]]),
    });
    expect(await records().pack(runId)).toBe(true);
    const names = await fields();
    expect(await needs()).toEqual(before);
    expect(await fields()).toEqual(names);
  });

  it('takes far less room, and goes when it would have gone', async () => {
    const { runId } = await aRun();
    const size = () => redis().memory('USAGE', keys.run(runId));
    const [before, left] = [(await size()) ?? 0, await redis().ttl(keys.run(runId))];
    await records().pack(runId);
    // A large run a fifth; what is drawn here may be small, and words that were drawn by lot shrink less than real ones.
    expect(await size()).toBeLessThan(before * 0.7);
    expect(await redis().ttl(keys.run(runId))).toBeGreaterThan(left - 60);
  });

  it('is packed once', async () => {
    const { runId } = await aRun();
    expect(await records().pack(runId)).toBe(true);
    expect(await records().pack(runId)).toBe(false);
  });

  it('tells whoever comes late what stands, and takes nothing new', async () => {
    const { runId, first, read, fields, owner, space, transitions } = await aRun();
    await records().pack(runId);
    const [before, names] = [await read(), await fields()];
    expect(await records().settle(runId, first, skipped)).toEqual(simulated);
    const settling = { owner, space, proposal: first, runId, record: skipped, held: null, nowMs: NOW_MS };
    expect(await transitions.settle(settling)).toEqual(simulated);
    expect(await records().decide(runId, first, decided())).toEqual(before?.decisions.get(first));
    expect(await records().open(runId, opened([first], 'another'))).toEqual(before?.opening);
    expect(await records().pinSettings(runId, 'voter', { A: '1' })).toEqual({ A: '1' });
    expect(await fields()).toEqual(names);
    expect(await read()).toEqual(before);
  });

  it('still takes what is settled later, and what models are paid for late', async () => {
    const one = await aRun({ ends: false });
    const { runId, first, owner, space, read, transitions } = one;
    const budget = createBudget(redis());
    const spend = async (): Promise<void> => {
      const caps = { run: 1_000_000, owner_day: 1_000_000, day: 1_000_000 };
      const asked = { id: aHash(), runId, owner, proposal: first, micros: 2_000, caps, nowMs: NOW_MS, forMs: 60_000 };
      const held = await budget.hold(asked);
      if (held.kind !== 'held') throw new Error('nothing is in the way');
      await budget.settle(held.hold, 1_000, usage);
    };
    await spend();
    await transitions.finish({ owner, dryRun: true }, aResponse(runId, { space_id: space }), NOW_MS);
    expect(await records().pack(runId)).toBe(true);
    await spend();
    await transitions.settleLater({ ...one, proposal: first, voteId: 'vote-1', nowMs: NOW_MS }, skipped);
    const run = await read();
    expect(run?.spent.get(first)).toEqual({
      ...usage,
      calls: 10,
      input_tokens: 6_000,
      output_tokens: 800,
      cost_usd: 0.002,
    });
    expect(run?.later.get(first)).toEqual(skipped);
  });
});

describe('a run is not packed', () => {
  it('while it is open', async () => {
    const { runId } = await aRun({ ends: false });
    expect(await records().pack(runId)).toBe(false);
  });

  it('while one of its proposals may yet have an outcome', async () => {
    const { runId, proposals, fields } = await aRun({ settled: 2 });
    expect(await records().pack(runId)).toBe(false);
    expect(await fields()).toContain(`decision:${proposals[2]}`);
  });

  it('that failed: its record may be what failed it', async () => {
    const { runId, owner, space, transitions, fields } = await aRun({ ends: false });
    await transitions.finish({ owner, dryRun: true }, aResponse(runId, { space_id: space, status: 'failed' }), NOW_MS);
    expect(await records().pack(runId)).toBe(false);
    expect(await fields()).toContain('opening');
  });

  it('that there is not, or that was never opened', async () => {
    expect(await records().pack(newRunId())).toBe(false);
    const { runId, owner, space, transitions } = await aRunningRun(redis());
    await transitions.finish({ owner, dryRun: false }, aResponse(runId, { space_id: space, status: 'failed' }), NOW_MS);
    expect(await records().pack(runId)).toBe(false);
  });
});
