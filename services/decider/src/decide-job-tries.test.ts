/** What is kept of a try that comes to no decision: when its calls were made, whatever it was thrown out by. */
import { randomBytes } from 'node:crypto';
import { upstreamId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import type { DecideTimes } from '@quorum/shared/run-times';
import { createGate } from '@quorum/shared/upstream-gate';
import { expect, test, vi } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { PLENTY, useFolder } from '../test/asking.ts';
import { jobDeps, NOW_MS, useJobStand, type Job } from '../test/job-stand.ts';
import { vote } from '../test/model-server.ts';
import { openRun, type TestRun } from '../test/runs.ts';
import { decideJob, type DecideJobDeps } from './decide-job.ts';

const KEY = randomBytes(32);
const SETTINGS = { models: ['small'], samples: 3, secondReading: 'never' } as const;
const folder = useFolder();

const stand = useJobStand();

const depsOf = (given: Partial<Job> = {}): DecideJobDeps =>
  jobDeps(stand, { key: KEY, folder, settings: SETTINGS, last: false, ...given });

/** Works the job, and gives back what it threw. */
const thrownBy = ({ payload }: TestRun, deps: DecideJobDeps, signal = new AbortController().signal): Promise<unknown> =>
  decideJob(payload, deps, signal).then(
    (result) => ({ result }),
    (error: unknown) => error,
  );

async function triesOf({ payload }: TestRun): Promise<readonly DecideTimes[]> {
  const run = await stand.stores.records.run(payload.run_id);
  return run?.tried.get(payload.proposal_id)?.decide ?? [];
}

const resultsOf = ({ asks }: DecideTimes): string[] => asks.map(([, , , , , result]) => result).toSorted();

/** Tells the job to stop as soon as a model is asked, which says nothing any more. */
function stopWhenAsked(): AbortSignal {
  const stop = new AbortController();
  stand.server.behave(() => {
    stop.abort(new DOMException('the run was cancelled', 'AbortError'));
    return { kind: 'silent' };
  });
  return stop.signal;
}

test('a job that is stopped while models are asked keeps what it asked', async () => {
  const run = await openRun(stand.stores);
  expect(await thrownBy(run, depsOf(), stopWhenAsked())).toMatchObject({ message: 'the run was cancelled' });
  const [kept, ...more] = await triesOf(run);
  expect.assert(kept !== undefined);
  expect([resultsOf(kept), more]).toEqual([['stopped', 'stopped', 'stopped'], []]);
});

test('each pick-up in which models were asked is kept', async () => {
  const run = await openRun(stand.stores);
  stand.server.behave(() => ({ kind: 'status', status: 503, body: '{}' }));
  expect(await thrownBy(run, depsOf())).toMatchObject({ category: 'upstream_unavailable' });
  await thrownBy(run, depsOf({ pickups: 2 }), stopWhenAsked());
  expect((await triesOf(run)).map(resultsOf)).toEqual([
    ['unavailable', 'unavailable', 'unavailable'],
    ['stopped', 'stopped', 'stopped'],
  ]);
});

test('of the tries in which others hold the budget the first is kept', async () => {
  const run = await openRun(stand.stores);
  await stand.redis.hset(keys.budgetRun(run.payload.run_id), 'hold:others', `999999:${NOW_MS + 60_000}`);
  const caps = { ...PLENTY, run: 1_000_000 };
  for (const pickups of [2, 3, 4]) {
    expect(await thrownBy(run, depsOf({ caps, pickups }))).toMatchObject({ name: 'PostponeError' });
  }
  expect(await triesOf(run)).toEqual([{ began: expect.any(Number), ended: expect.any(Number), asks: [] }]);
});

test('what a shut gate holds back is no call, and of such tries the first is kept', async () => {
  const run = await openRun(stand.stores);
  stand.server.behave(() => ({ kind: 'status', status: 429, body: '{}', headers: { 'retry-after': '30' } }));
  const asked = stand.server.requests.length;
  const upstream = upstreamId(stand.server.url, undefined, 'small');
  const gateOf = () => createGate(stand.redis, upstream, 'model');
  for (const pickups of [1, 2, 3, 4]) await thrownBy(run, { ...depsOf({ pickups }), gateOf });
  const sent = stand.server.requests.length - asked;
  const tries = await triesOf(run);
  expect(tries.flatMap(resultsOf)).toEqual(Array.from({ length: sent }, () => 'rate_limited'));
  // All began at the same time by this clock.
  expect(tries.filter(({ asks }) => asks.length > 0)).toHaveLength(1);
  expect(tries).toHaveLength(2);
});

test("the model's gate is looked at in the turn of the hold, and that once for all who ask as soon as it is held", async () => {
  stand.server.behave((request) => vote(request, 'For'));
  const looks = async (): Promise<number> =>
    Number(/cmdstat_pttl:calls=(\d+)/.exec(await stand.redis.info('commandstats'))?.[1] ?? 0);
  const gate = createGate(stand.redis, upstreamId(stand.server.url, randomBytes(8).toString('hex')), 'model');
  const deps = { ...depsOf(), gateOf: () => gate };
  const { budget } = deps;
  const first = await looks();
  const hold: typeof budget.hold = async (input) => {
    await vi.waitFor(async () => expect((await looks()) - first).toBe(1), PATIENT);
    return budget.hold(input);
  };
  const decided = { result: { kind: 'decided' } };
  expect(await thrownBy(await openRun(stand.stores), { ...deps, budget: { ...budget, hold } })).toEqual(decided);
  // By now Redis knows every script.
  const second = await looks();
  expect(await thrownBy(await openRun(stand.stores), deps)).toEqual(decided);
  expect((await looks()) - second).toBe(1);
});

test('what was thrown is thrown, also where its times cannot be written', async () => {
  const run = await openRun(stand.stores);
  stand.server.behave(() => ({ kind: 'status', status: 503, body: '{}' }));
  const deps = depsOf();
  const records = { ...deps.records, triedToDecide: () => Promise.reject(new Error('not written')) };
  expect(await thrownBy(run, { ...deps, records })).toMatchObject({ category: 'upstream_unavailable' });
});
