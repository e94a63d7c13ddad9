/** A run that is read to be decided on: what is pinned in the step that reads, and where nothing is. */
import { describe, expect, it } from 'vitest';
import { aProposalId, aResponse, openingOf } from '../test/samples.ts';
import { aCase, aRunningRun, NOW_MS, useRedis } from '../test/world.ts';
import { newRunId, type RunId } from './ids.ts';
import { createRecords } from './records.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const records = () => createRecords(redis());

const usage = { calls: 1, input_tokens: 10, output_tokens: 2, cost_usd: 0.001 };
const failed = { kind: 'failed', why: 'internal', detail: 'x', usage } as const;
const [MINE, THEIRS] = [{ MODELS: 'mine' }, { MODELS: 'theirs' }];
const pinned = (runId: RunId) => redis().hget(keys.run(runId), 'settings:decider');

describe('a run that is read for a decision', () => {
  it('has what its service keeps, from the first read on, whatever a later one would keep', async () => {
    const { runId, proposal } = await aRunningRun(redis());
    const read = (settings: Readonly<Record<string, string>>) =>
      records().runForDecision(runId, proposal, { service: 'decider', settings });
    const both = await Promise.all([read(MINE), read(THEIRS)]);
    for (const run of both) expect(run?.settings).toEqual(new Map([['decider', MINE]]));
    expect(await records().pinSettings(runId, 'decider', THEIRS)).toEqual(MINE);
  });

  it('adopts what another process pinned before', async () => {
    const { runId, proposal } = await aRunningRun(redis());
    await records().pinSettings(runId, 'decider', THEIRS);
    const run = await records().runForDecision(runId, proposal, { service: 'decider', settings: MINE });
    expect(run?.settings).toEqual(new Map([['decider', THEIRS]]));
  });

  it('shows of decisions and spending those of the proposal, and of settings those of the service', async () => {
    const { runId, proposal, owner, space } = await aRunningRun(redis());
    const other = aProposalId();
    const opening = openingOf([proposal, other]);
    await records().open(runId, opening);
    await records().pinSettings(runId, 'voter', THEIRS);
    await records().decide(runId, other, failed);
    for (const id of [other, proposal]) await redis().hset(keys.run(runId), `spent:${id}`, JSON.stringify(usage));
    const run = await records().runForDecision(runId, proposal, { service: 'decider', settings: MINE });
    const whole = await records().run(runId);
    expect(run).toMatchObject({ owner, space, state: 'running', startedAtMs: whole?.startedAtMs, opening });
    expect(run?.settings).toEqual(new Map([['decider', MINE]]));
    expect(run?.decisions).toEqual(new Map());
    expect(run?.spent).toEqual(new Map([[proposal, usage]]));
  });

  it.for([
    ['is not running yet', 'queued'],
    ['is to stop', 'cancelled'],
    ['has ended', 'ended'],
    ['has a decision on it', 'decided'],
  ] as const)('keeps nothing where it %s', async ([, how]) => {
    const one = how === 'queued' ? aCase(redis()) : await aRunningRun(redis());
    const { runId, proposal, owner, space, transitions } = one;
    if (how === 'queued') {
      await transitions.accept({ runId, owner, space, dryRun: false, idempotency: null, nowMs: NOW_MS });
    }
    if (how === 'cancelled') await transitions.cancel(one, NOW_MS);
    if (how === 'ended') {
      await transitions.finish({ owner, dryRun: false }, aResponse(runId, { space_id: space }), NOW_MS);
    }
    if (how === 'decided') await records().decide(runId, proposal, failed);
    const run = await records().runForDecision(runId, proposal, { service: 'decider', settings: MINE });
    expect(run?.settings).toEqual(new Map());
    expect(run?.decisions.get(proposal)).toEqual(how === 'decided' ? failed : undefined);
    expect(await pinned(runId)).toBeNull();
  });

  it('is not there, and not made, where there is none', async () => {
    const runId = newRunId();
    expect(await records().runForDecision(runId, aProposalId(), { service: 'decider', settings: MINE })).toBeNull();
    expect(await redis().exists(keys.run(runId))).toBe(0);
  });
});
