/** What a decision may cost: nobody is asked beyond it, and what was not used is given back, whatever became of the job. */
import { randomBytes } from 'node:crypto';
import type { Caps } from '@quorum/shared/budget';
import { QuorumError } from '@quorum/shared/errors';
import { keys } from '@quorum/shared/redis-keys';
import { PostponeError } from '@quorum/shared/run-worker';
import { describe, expect, test } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { PLENTY, useFolder } from '../test/asking.ts';
import { jobDeps, NOW_MS, useJobStand } from '../test/job-stand.ts';
import { vote, type Reply } from '../test/model-server.ts';
import { openRun, type TestRun } from '../test/runs.ts';
import { decideJob, recordFailure } from './decide-job.ts';

const KEY = randomBytes(32);
/** Three questions, each asked twice, each answer of 1,000 tokens at $4 a million. */
const WORST_OF_OUTPUT = 3 * 2 * 4_000;
const folder = useFolder();

const stand = useJobStand();

type Given = {
  models?: string[];
  caps?: Partial<Caps>;
  last?: boolean;
  timeoutMs?: number;
  minTimeToVoteS?: number;
  signal?: AbortSignal;
};

/** Works the job. `asked`: how often a model was. */
async function work(run: TestRun, given: Given = {}) {
  const { models = ['small'], last = true, timeoutMs = PATIENT.timeout, minTimeToVoteS = 120 } = given;
  const { signal = new AbortController().signal } = given;
  const before = stand.server.requests.length;
  const deps = jobDeps(stand, {
    key: KEY,
    folder,
    settings: { models, samples: 3, secondReading: 'never' },
    last,
    caps: { ...PLENTY, ...given.caps },
    timeoutMs,
    minTimeToVoteS,
  });
  const result = await decideJob(run.payload, deps, signal).catch((error: unknown) => error);
  return {
    result,
    asked: stand.server.requests.length - before,
    budget: await stand.redis.hgetall(keys.budgetRun(run.payload.run_id)),
  };
}

describe('nobody is asked', () => {
  test('where no price is known; the record names the setting for the owner', async () => {
    const run = await openRun(stand.stores);
    const worked = await work(run, { models: ['small', 'unheard-of'] });
    expect(worked).toEqual({ result: { kind: 'skipped', why: 'budget' }, asked: 0, budget: {} });
    expect(await run.decision()).toEqual({
      kind: 'skipped',
      why: 'budget',
      detail: expect.stringMatching(/^MODEL_PRICES names no price for unheard-of/),
      usage: { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
      times: { began: expect.any(Number), ended: expect.any(Number), asks: [] },
    });
  });

  test.each(['run', 'owner_day', 'day'] as const)('beyond the cap of the %s', async (cap) => {
    const run = await openRun(stand.stores);
    const worked = await work(run, { caps: { [cap]: 0 } });
    expect(worked).toEqual({ result: { kind: 'skipped', why: 'budget' }, asked: 0, budget: {} });
    // The first word stands, also once there is a budget.
    expect((await work(run)).result).toEqual({ kind: 'skipped', why: 'budget' });
  });

  test('while others hold what is left: the job comes back later, and nothing is recorded', async () => {
    const run = await openRun(stand.stores);
    const others = `999999:${NOW_MS + 60_000}`;
    await stand.redis.hset(keys.budgetRun(run.payload.run_id), 'hold:others', others);
    const { result, asked, budget } = await work(run, { caps: { run: 1_000_000 } });
    expect(result).toBeInstanceOf(PostponeError);
    expect([asked, budget]).toEqual([0, { 'hold:others': others }]);
    expect(await run.decision()).toBeUndefined();
  });
});

describe('what a decision cost', () => {
  test('is charged as the answers say', async () => {
    const run = await openRun(stand.stores);
    stand.server.behave((request) => vote(request, 'For'));
    // Each answer of the test server: 1,000 tokens in at $1 and 100 out at $4 a million.
    expect(await work(run)).toEqual({ result: { kind: 'decided' }, asked: 3, budget: { spent: String(3 * 1_400) } });
    const record = await run.decision();
    expect(record?.kind === 'decided' && record.sealed.decision.usage.cost_usd).toBeCloseTo(0.0042, 10);
  });

  test('is charged also where no decision came of it, and nothing where the model turned everything away', async () => {
    const refused = await openRun(stand.stores);
    stand.server.behave(() => ({ kind: 'says', content: 'For!' }));
    // Each of the three was asked twice.
    expect(await work(refused)).toMatchObject({ asked: 6, budget: { spent: String(6 * 1_400) } });
    const away = await openRun(stand.stores);
    stand.server.behave(() => ({ kind: 'status', status: 503, body: '{}' }));
    expect((await work(away, { last: false })).budget).toEqual({ spent: '0' });
  });

  test('counts every attempt: the decision, its evidence and the run say what the budget was charged', async () => {
    const run = await openRun(stand.stores);
    stand.server.behave((request, nth) =>
      nth % 3 === 0 ? vote(request, 'For') : { kind: 'status', status: 503, body: '{}' },
    );
    const first = await work(run, { last: false });
    expect(first).toMatchObject({ result: { category: 'upstream_unavailable' }, asked: 3, budget: { spent: '1400' } });
    stand.server.behave((request) => vote(request, 'For'));
    const { result, budget } = await work(run);
    expect([result, budget]).toEqual([{ kind: 'decided' }, { spent: String(4 * 1_400) }]);

    const all = { calls: 6, input_tokens: 4_000, output_tokens: 400, cost_usd: expect.closeTo(0.0056, 10) };
    const record = await run.decision();
    expect.assert(record?.kind === 'decided');
    const { usage, evidence_hash } = record.sealed.decision;
    expect(usage).toEqual(all);
    expect(JSON.parse((await stand.stores.records.evidence(evidence_hash)) ?? '')).toMatchObject({
      decision: { usage: all },
    });
    const { payload, proposal } = run;
    expect((await stand.stores.records.run(payload.run_id))?.spent.get(proposal.id)).toEqual(all);
  });

  test('stands in the record of a failure, and of what there was no budget for in the end', async () => {
    const spentOn = async (): Promise<TestRun> => {
      const run = await openRun(stand.stores);
      stand.server.behave((request, nth) => (nth % 3 === 0 ? vote(request, 'For') : { kind: 'cuts' }));
      await work(run, { last: false });
      return run;
    };
    // What was cut off may be billed: its cost is not known.
    const usage = { calls: 3, input_tokens: 1_000, output_tokens: 100, cost_usd: null };
    const failed = await spentOn();
    await recordFailure(failed.payload, new QuorumError('internal', 'Broken.'), stand.stores.records);
    expect(await failed.decision()).toMatchObject({ kind: 'failed', why: 'internal', usage });
    const refused = await spentOn();
    await work(refused, { caps: { run: 1 } });
    expect(await refused.decision()).toMatchObject({ kind: 'skipped', why: 'budget', usage });
  });

  test('of a job that was stopped half-way is a call of unknown cost for each question', async () => {
    const run = await openRun(stand.stores);
    const stop = new AbortController();
    stand.server.behave(() => {
      stop.abort(new DOMException('shutting down', 'AbortError'));
      return { kind: 'silent' };
    });
    await work(run, { signal: stop.signal });
    const { payload, proposal } = run;
    const usage = { calls: 3, input_tokens: 0, output_tokens: 0, cost_usd: null };
    expect(await stand.stores.records.spent(payload.run_id, proposal.id)).toEqual(usage);
  });

  test.each([
    ['that is cut off', { kind: 'cuts' }],
    ['that takes too long', { kind: 'silent' }],
  ] satisfies [string, Reply][])('an answer %s counts whole: it may be billed', async (_what, reply) => {
    const run = await openRun(stand.stores);
    stand.server.behave(() => reply);
    const { budget } = await work(run, { timeoutMs: 300 });
    expect(Object.keys(budget)).toEqual(['spent']);
    expect(Number(budget['spent'])).toBeGreaterThan(WORST_OF_OUTPUT);
  });

  test.each([
    ['no vote would be begun any more', 3_000, 3_600],
    ['there is no time for a vote, however little is asked for', 20, 0],
  ])('is nothing where %s before anybody could be asked', async (_what, leftS, minTimeToVoteS) => {
    const run = await openRun(stand.stores, { end: NOW_MS / 1_000 + leftS });
    stand.server.behave((request) => vote(request, 'For'));
    const { result, asked, budget } = await work(run, { minTimeToVoteS });
    expect([result, asked, budget]).toEqual([{ kind: 'failed', why: 'timeout' }, 0, { spent: '0' }]);
  });

  test.each([
    { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: 1 },
    { prompt_tokens: 1, completion_tokens: 2e15 },
    { prompt_tokens: -1, completion_tokens: 1e300 },
  ])('is the worst where the endpoint tells a nonsense of it, and the ballots count: %j', async (usage) => {
    const run = await openRun(stand.stores);
    stand.server.behave((request) => ({ ...vote(request, 'For'), usage }));
    const { result, budget } = await work(run);
    expect(result).toEqual({ kind: 'decided' });
    expect(Object.keys(budget)).toEqual(['spent']);
    expect(Number(budget['spent'])).toBeGreaterThan(WORST_OF_OUTPUT);
  });

  test('a job that is stopped half-way is charged what was asked, and holds nothing any more', async () => {
    const run = await openRun(stand.stores);
    const stop = new AbortController();
    stand.server.behave(() => {
      stop.abort(new DOMException('shutting down', 'AbortError'));
      return { kind: 'silent' };
    });
    const { result, budget } = await work(run, { signal: stop.signal });
    expect(result).toMatchObject({ message: 'shutting down' });
    expect(Object.keys(budget)).toEqual(['spent']);
    expect(Number(budget['spent'])).toBeGreaterThan(WORST_OF_OUTPUT);
  });
});
