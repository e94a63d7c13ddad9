/** As many runs are open at one time as may be; those that were accepted later wait for their turn. */
import { newRunId, type RunId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, it, vi } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { useFlow } from '../test/flow.ts';

const flow = useFlow();

const stateOf = async (runId: RunId): Promise<string> => (await flow().job(runId)).getState();
const isOpen = async (runId: RunId): Promise<boolean> => (await flow().run(runId)).state === 'running';
const decided = (runId: RunId) => vi.waitUntil(async () => (await stateOf(runId)) === 'waiting-children', PATIENT);
const waits = (runId: RunId) => vi.waitUntil(async () => (await stateOf(runId)) === 'delayed', PATIENT);

/** Accepts and enqueues so many runs, each of an owner of its own with a proposal, one after another. */
async function startAll(count: number): Promise<RunId[]> {
  const runs: RunId[] = [];
  for (let at = 0; at < count; at += 1) {
    runs.push(await flow().start(await flow().ask(1)));
    // The time that they were accepted, in milliseconds, says which is first.
    const before = Date.now();
    await vi.waitUntil(() => Date.now() > before, { interval: 1 });
  }
  return runs;
}

describe('where as many runs are open as may be', () => {
  it('one more stays queued, at no attempt’s cost, and is brought up by the end of one before it', async () => {
    const [first, second, third] = await startAll(3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three were started');
    flow().fetcher({ openRunsMost: () => 2 });
    await Promise.all([decided(first), decided(second), waits(third)]);
    expect(await flow().run(third)).toMatchObject({ state: 'queued', startedAtMs: null, opening: null });
    const job = await flow().job(third);
    expect(job.attemptsMade).toBe(0);
    // By itself it would look again in ten minutes.
    await job.changeDelay(600_000);
    flow().decider();
    flow().voter();
    for (const runId of [first, second, third])
      expect(await flow().ended(runId)).toMatchObject({ status: 'completed' });
    const [one, other, last] = await Promise.all([first, second, third].map((runId) => flow().run(runId)));
    const ends = [one?.finishedAtMs ?? Infinity, other?.finishedAtMs ?? Infinity];
    expect(last?.startedAtMs).toBeGreaterThanOrEqual(Math.min(...ends));
  });

  it('they open in the order in which they were accepted, and never more of them than may', async () => {
    const runs = await startAll(6);
    const open: number[] = [];
    flow().fetcher({ openRunsMost: () => 2 });
    flow().decider();
    flow().voter(async () => {
      open.push((await Promise.all(runs.map(isOpen))).filter(Boolean).length);
      return { kind: 'cast' };
    });
    for (const runId of runs) expect(await flow().ended(runId)).toMatchObject({ status: 'completed' });
    expect(Math.max(...open)).toBeLessThanOrEqual(2);
    const started = await Promise.all(runs.map(async (runId) => (await flow().run(runId)).startedAtMs ?? 0));
    // Two at a time: none starts before one that is two places ahead of it.
    for (const [at, startedMs] of started.entries()) {
      expect(startedMs).toBeGreaterThanOrEqual(started[at - 2] ?? 0);
    }
  });

  it('one that is cancelled ends without waiting, and asks the hub nothing', async () => {
    const [first] = await startAll(1);
    if (first === undefined) throw new Error('one was started');
    const asker = await flow().ask(1);
    const second = await flow().start(asker, { cancelled: true });
    flow().fetcher({ openRunsMost: () => 1 });
    expect(await flow().ended(second)).toMatchObject({ status: 'cancelled' });
    await decided(first);
    expect((await flow().run(second)).response?.filter_metrics.fetched).toBe(0);
  });

  it('one whose end brought nobody up keeps nobody waiting: they look by themselves', async () => {
    const [first, second] = await startAll(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    flow().fetcher({ openRunsMost: () => 1 });
    await Promise.all([decided(first), waits(second)]);
    // As a fetcher leaves it that dies between the end of a run and what follows.
    await flow().redis.zrem(keys.openRuns(), first);
    await vi.waitUntil(() => isOpen(second), PATIENT);
  });

  it('an entry without a record takes nobody’s place for long: the watchdog drops it', async () => {
    await flow().redis.zadd(keys.openRuns(), 0, newRunId());
    const [waiting] = await startAll(1);
    if (waiting === undefined) throw new Error('one was started');
    const worker = flow().fetcher({ openRunsMost: () => 1 });
    await waits(waiting);
    // It comes by when a fetcher starts; this is when it has.
    await worker.ready();
    await vi.waitUntil(() => isOpen(waiting), PATIENT);
    expect(await flow().redis.zrange(keys.openRuns(), '0', '-1')).toEqual([waiting]);
  });

  it('a higher limit lets in who waits', async () => {
    let most = 1;
    const [first, second] = await startAll(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    flow().fetcher({ openRunsMost: () => most });
    await Promise.all([decided(first), waits(second)]);
    most = 2;
    await vi.waitUntil(() => isOpen(second), PATIENT);
  });
});
