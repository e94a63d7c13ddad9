import { describe, expect, it } from 'vitest';
import { samplesOf, sumsBy } from '../../../test/scraped.ts';
import { aHold } from '../test/holds.ts';
import { aResponse } from '../test/samples.ts';
import { aCase, aRunningRun, NOW_MS, useRedis, vote } from '../test/world.ts';
import { countExchanges, createMetrics } from './metrics.ts';
import { createRecords } from './records.ts';
import { createTransitions } from './transitions.ts';
import { countWritten } from './written.ts';

const { redis } = useRedis();

/** Transitions and records of two processes, and what both have counted so far. */
function twoProcesses() {
  const processes = ['one', 'other'].map((name) => {
    const metrics = createMetrics(name);
    return {
      metrics,
      transitions: createTransitions(redis(), null, countWritten(metrics)),
      records: createRecords(redis(), countWritten(metrics)),
    };
  });
  const [one, other] = processes;
  if (one === undefined || other === undefined) throw new Error('there are two');
  const sums = async (name: string, by: readonly string[]): Promise<Record<string, number>> =>
    sumsBy(samplesOf(await Promise.all(processes.map(({ metrics }) => metrics.registry.metrics()))), name, by);
  return { one, other, sums };
}

const cast = { outcome: { kind: 'cast' }, settled_at: NOW_MS } as const;

describe('what is written is counted once, whoever writes it', () => {
  it('an outcome of a live run, and of a dry one, with its reason', async () => {
    const { one, other, sums } = twoProcesses();
    const run = await aRunningRun(redis());
    const settling = { ...run, record: cast, held: null, nowMs: NOW_MS };
    await Promise.all([one, other, one, other].map(({ transitions }) => transitions.settle(settling)));
    expect(await sums('quorum_outcomes_total', ['kind', 'why'])).toEqual({ 'cast/': 1 });
    const dry = await aRunningRun(redis(), { dryRun: true });
    const skipped = { outcome: { kind: 'skipped', why: 'risk' }, settled_at: NOW_MS } as const;
    await Promise.all([one, other].map(({ records }) => records.settle(dry.runId, dry.proposal, skipped)));
    expect(await sums('quorum_outcomes_total', ['kind', 'why'])).toEqual({ 'cast/': 1, 'skipped/risk': 1 });
  });

  it('the end of a run, as it stands and with how long it took', async () => {
    const { one, other, sums } = twoProcesses();
    const run = await aRunningRun(redis());
    const ends = (status: 'completed' | 'failed') =>
      aResponse(run.runId, { space_id: run.space, status, execution_time: 3 });
    await one.transitions.finish({ ...run, dryRun: false }, ends('completed'), NOW_MS);
    await other.transitions.finish({ ...run, dryRun: false }, ends('failed'), NOW_MS);
    expect(await sums('quorum_runs_total', ['status'])).toEqual({ completed: 1 });
    expect(await sums('quorum_run_duration_seconds_sum', ['status'])).toEqual({ completed: 3 });
  });

  it('a vote, with the time that was left; one that another process settled is not its own', async () => {
    const { one, other, sums } = twoProcesses();
    const run = await aRunningRun(redis());
    await one.transitions.reserve(vote(run));
    const ending = { ...vote(run), endMs: NOW_MS + 90_000 };
    await one.transitions.confirm(ending, { state: 'cast', receipt: null });
    await other.transitions.confirm(ending, { state: 'voided', why: 'too late' });
    await other.transitions.confirm({ ...ending, voteId: 'another' }, { state: 'cast', receipt: null });
    expect(await sums('quorum_votes_total', ['result'])).toEqual({ cast: 1 });
    expect(await sums('quorum_vote_time_left_seconds_sum', [])).toEqual({ '': 90 });
    const found = { ...vote(aCase(redis())), instead: null };
    await one.transitions.adopt(found);
    await other.transitions.adopt({ ...found, nowMs: found.nowMs + 1 });
    expect(await sums('quorum_votes_total', ['result'])).toEqual({ adopted: 1, cast: 1 });
  });

  it('a hold, by each state that it comes into', async () => {
    const { one, other, sums } = twoProcesses();
    const hold = await aHold(redis());
    const now = await hold.read();
    const ending = { ...cast, outcome: { kind: 'cast' as const } };
    await Promise.all([one, other].map(({ transitions }) => transitions.settleHold(now, 'cast', ending, Date.now())));
    expect(await sums('quorum_holds_total', ['state'])).toEqual({ cast: 1 });
    const late = await aHold(redis());
    for (const { transitions } of [one, other]) {
      await transitions.answerHold(await late.read(), { kind: 'expire' }, late.subject.deadline + 1);
    }
    expect(await sums('quorum_holds_total', ['state'])).toEqual({ cast: 1, expired: 1 });
  });

  it('the first decision, and no other', async () => {
    const run = await aRunningRun(redis());
    const { one, other } = twoProcesses();
    const usage = { calls: 1, input_tokens: 1, output_tokens: 1, cost_usd: null };
    const failed = { kind: 'failed', why: 'timeout', detail: 'too late', usage } as const;
    let told = 0;
    for (const { records } of [one, other]) await records.decide(run.runId, run.proposal, failed, () => (told += 1));
    expect(told).toBe(1);
  });
});

it('requests to upstreams are counted by the status of their answers, what is none as none, and by whether it worked', async () => {
  const metrics = createMetrics('one');
  const count = countExchanges(metrics);
  const told = [
    [200, true],
    // Whoever has GraphQL says with 200 that it failed.
    [200, false],
    [503, false],
    [null, false],
    [1_000, false],
  ] as const;
  for (const [status, ok] of told) count({ upstream: 'hub', status, ok, durationMs: 500 });
  const samples = samplesOf([await metrics.registry.metrics()]);
  expect(sumsBy(samples, 'quorum_upstream_requests_total', ['status', 'ok'])).toEqual({
    '200/false': 1,
    '200/true': 1,
    '503/false': 1,
    'none/false': 2,
  });
  expect(sumsBy(samples, 'quorum_upstream_request_duration_seconds_sum', ['upstream'])).toEqual({ hub: 2.5 });
});
