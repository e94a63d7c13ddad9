/** What `accept` and `finish` note for those who list runs. */
import { describe, expect, it } from 'vitest';
import { aResponse, aVoteDecision } from '../test/samples.ts';
import { accept, aCase, aRunningRun, NOW_MS, useRedis, type Case } from '../test/world.ts';
import { newRunId } from './ids.ts';
import { keys, RETENTION_S } from './redis-keys.ts';

const { redis } = useRedis();
const DAY_MS = 24 * 60 * 60 * 1_000;
const KEPT_MS = RETENTION_S.finishedRun * 1_000;

const listed = (key: string) => redis().zrevrange(key, 0, -1);
const acceptAt = (one: Case, nowMs: number) => {
  const { runId, owner, space } = one;
  return one.transitions.accept({ runId, owner, space, dryRun: false, idempotency: null, nowMs });
};
const finish = (one: Case, nowMs: number, decisions = [aVoteDecision()]) =>
  one.transitions.finish({ owner: one.owner, dryRun: false }, aResponse(one.runId, { decisions }), nowMs);

describe('accept', () => {
  it('lists the run for its owner and for all, by the time that it was accepted', async () => {
    const one = aCase(redis());
    await accept(one);
    expect(await redis().zrange(keys.runsOf(one.owner), '0', '-1', 'WITHSCORES')).toEqual([one.runId, String(NOW_MS)]);
    expect(await listed(keys.runs())).toContain(one.runId);
  });

  it('lists no second run where it joins, replays, or is refused', async () => {
    const one = aCase(redis());
    await accept(one, { key: 'k' });
    await accept(one, { runId: newRunId() });
    await accept(one, { runId: newRunId(), key: 'k' });
    await accept(one, { runId: newRunId(), dryRun: true });
    expect(await listed(keys.runsOf(one.owner))).toEqual([one.runId]);
  });

  it('forgets once a day what is older than runs are kept, and the list with the last of them', async () => {
    const first = aCase(redis());
    const again = (nowMs: number) => {
      const one = { ...first, runId: newRunId(), space: aCase(redis()).space };
      return acceptAt({ ...one, owner: first.owner }, nowMs);
    };
    const aDayLater = () =>
      Promise.all(
        [keys.runsOf(first.owner), keys.runs()].map((key) => redis().expire(key, RETENTION_S.finishedRun - 1)),
      );
    await acceptAt(first, NOW_MS);
    await finish(first, NOW_MS);
    await aDayLater();
    const second = await again(NOW_MS + KEPT_MS);
    await finish({ ...first, runId: second.runId }, NOW_MS + KEPT_MS);
    const third = await again(NOW_MS + KEPT_MS + 1);
    await finish({ ...first, runId: third.runId }, NOW_MS + KEPT_MS + 1);
    expect(await listed(keys.runsOf(first.owner))).toEqual([third.runId, second.runId, first.runId]);
    await aDayLater();
    const fourth = await again(NOW_MS + KEPT_MS + 1);
    expect((await listed(keys.runsOf(first.owner))).toSorted()).toEqual(
      [fourth, third, second].map(({ runId }) => runId).toSorted(),
    );
    expect(await listed(keys.runs())).not.toContain(first.runId);
    const keptS = RETENTION_S.finishedRun + DAY_MS / 1_000;
    for (const list of [keys.runsOf(first.owner), keys.runs()])
      expect(await redis().ttl(list)).toBeGreaterThan(keptS - 60);
  });
});

describe('finish', () => {
  it('lists a run that decided something, once, by the time of its end', async () => {
    const one = await aRunningRun(redis());
    await finish(one, NOW_MS + 7);
    await finish(one, NOW_MS + 9);
    const entry = [one.runId, String(NOW_MS + 7)];
    expect(await redis().zrange(keys.decidedRunsOf(one.owner), '0', '-1', 'WITHSCORES')).toEqual(entry);
    expect(await listed(keys.decidedRuns())).toContain(one.runId);
  });

  it('does not list one that decided nothing', async () => {
    const one = await aRunningRun(redis());
    await finish(one, NOW_MS, []);
    expect(await redis().exists(keys.decidedRunsOf(one.owner))).toBe(0);
    expect(await listed(keys.decidedRuns())).not.toContain(one.runId);
  });

  it('forgets those whose record is gone by then', async () => {
    const one = await aRunningRun(redis());
    await finish(one, NOW_MS);
    const later = { ...one, runId: newRunId() };
    await acceptAt(later, NOW_MS + 31 * DAY_MS);
    await finish(later, NOW_MS + 31 * DAY_MS);
    expect(await listed(keys.decidedRunsOf(one.owner))).toEqual([later.runId]);
  });
});

describe('the places of open runs', () => {
  const MOST = 2;
  const start = (one: Case) => one.transitions.start(one.runId, NOW_MS, MOST);
  const end = async (one: Case) => {
    const { owner, runId, space } = one;
    const response = aResponse(runId, { space_id: space });
    return (await one.transitions.finish({ owner, dryRun: false }, response, NOW_MS, null, MOST)).opens;
  };
  /** So many runs, accepted one after another, and no others are open. */
  const inTurn = async (count: number): Promise<Case[]> => {
    await redis().del(keys.openRuns());
    const all = Array.from({ length: count }, () => aCase(redis()));
    for (const [at, one] of all.entries()) await acceptAt(one, NOW_MS + at);
    return all;
  };
  const [a, b, c, d] = [0, 1, 2, 3] as const;
  const at = (all: readonly Case[], place: number): Case => {
    const one = all[place];
    if (one === undefined) throw new Error('there are not so many runs');
    return one;
  };

  it('are those of the runs that were accepted first, whoever asks first', async () => {
    const all = await inTurn(3);
    expect(await start(at(all, c))).toBe('queued');
    expect(await start(at(all, b))).toBe('running');
    expect(await start(at(all, a))).toBe('running');
    expect(await start(at(all, c))).toBe('queued');
  });

  it('go one by one to those that wait, however many ends come at once', async () => {
    const all = await inTurn(5);
    await Promise.all([start(at(all, a)), start(at(all, b))]);
    const opened = await Promise.all([end(at(all, a)), end(at(all, b))]);
    expect(new Set(opened)).toEqual(new Set([at(all, c).runId, at(all, d).runId]));
    expect([await start(at(all, c)), await start(at(all, d)), await start(at(all, 4))]).toEqual([
      'running',
      'running',
      'queued',
    ]);
  });

  it('are given away once, and not by who had none', async () => {
    const all = await inTurn(4);
    // It was cancelled before its turn came.
    expect(await end(at(all, d))).toBeNull();
    expect(await end(at(all, a))).toBe(at(all, c).runId);
    expect(await end(at(all, a))).toBeNull();
    expect(await end(at(all, b))).toBeNull();
  });

  it('are for everybody where no number is said', async () => {
    const all = await inTurn(3);
    expect(await at(all, c).transitions.start(at(all, c).runId, NOW_MS)).toBe('running');
  });
});
