/**
 * Watches, as many as wanted, and an outage in the middle: Redis and every service are killed with -9, and come back after several turns were
 * due. Each turn that was due while somebody worked has run once or joined a run; of those that were missed one is caught up.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { JOBS } from '@quorum/shared/jobs';
import { keys } from '@quorum/shared/redis-keys';
import { watchScheduleId } from '@quorum/shared/schedules';
import { SpaceId } from '@quorum/snapshot/proposal';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SERVICES } from '../../scripts/services.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { openWorld, SURE, WANTED } from './world.ts';

const EVERY_S = 6;
const EVERY_MS = EVERY_S * 1_000;

type Turn = { readonly dueMs: number; readonly workedMs: number; readonly kind: string; readonly runId: string | null };

/** The runs that these turns began, each once. */
function runsOf(turns: readonly Turn[]): (string | null)[] {
  return [...new Set(turns.filter(({ kind }) => kind !== 'joined').map(({ runId }) => runId))];
}

/** The proof, with so many watches: its tests are those of whoever calls this in a `describe`. */
export function watchesThroughAnOutage(count: number): void {
  const spaces = Array.from({ length: count }, (_, at) => SpaceId.parse(`watched-${at}.eth`));
  let stack: Stack;
  let queue: Queue;
  let outage: { readonly fromMs: number; readonly toMs: number };
  let turns: ReadonlyMap<SpaceId, readonly Turn[]>;

  beforeAll(async () => {
    stack = await startStack({
      world: openWorld({ spaces, types: ['basic'] }),
      space: 'watched-0.eth',
      moreSpaces: spaces.slice(1),
      env: { ...SURE, JOB_LOCK_S: '2' },
      appendonly: true,
    });
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
    queue = new Queue('agent-run', { connection: stack.redis, prefix: '{quorum}:bull' });
    queue.on('error', () => undefined);
  });
  afterAll(async () => {
    await queue.close();
    await stack.stop();
  });

  const send = async (method: string, space: SpaceId, body: unknown): Promise<number> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${stack.url}/watches/${space}`, { method, headers, body: JSON.stringify(body) });
    return response.status;
  };

  /** The ticks of each watch that have been worked, in order. */
  async function worked(): Promise<ReadonlyMap<SpaceId, readonly Turn[]>> {
    const done = (await queue.getJobs(['completed'], 0, -1)).filter(({ name }) => name === 'turn');
    return new Map(
      spaces.map((space) => {
        const prefix = `repeat:${watchScheduleId(stack.owner, space)}:`;
        const own = done.filter(({ id }) => id?.startsWith(prefix) === true);
        const all = own.map((job): Turn => {
          const { kind, run_id: runId } = JOBS.turn.result.parse(job.returnvalue);
          return { dueMs: Number(job.id?.slice(prefix.length)), workedMs: job.finishedOn ?? 0, kind, runId };
        });
        return [space, all.toSorted((a, b) => a.dueMs - b.dueMs)];
      }),
    );
  }

  const everyWatchHas = async (enough: (own: readonly Turn[]) => boolean): Promise<boolean> =>
    [...(await worked()).values()].every(enough);

  test('are ordered, killed with everything else in the middle of their turns, and go on', async () => {
    expect(await Promise.all(spaces.map((space) => send('PUT', space, { every_s: EVERY_S })))).toEqual(
      spaces.map(() => 201),
    );
    await until('two turns of each', () => everyWatchHas(({ length }) => length >= 2));

    await Promise.all(SERVICES.map((service) => stack.kill9(service)));
    await stack.redisServer.kill9();
    const fromMs = Date.now();
    // Time itself is what is waited for: several turns are to be missed.
    await pause(2.5 * EVERY_MS);
    await stack.redisServer.restart();
    await Promise.all(SERVICES.map((service) => stack.start(service)));
    outage = { fromMs, toMs: Date.now() };
    await until('two turns of each after it', () =>
      everyWatchHas((own) => own.filter(({ dueMs }) => dueMs > outage.toMs).length >= 2),
    );

    expect(await Promise.all(spaces.map((space) => send('DELETE', space, {})))).toEqual(spaces.map(() => 204));
    await until('the last runs to end', async () => (await stack.redis.zcard(keys.openRuns())) === 0);
    await until('all turns to be worked', async () => {
      const counts = await queue.getJobCounts('waiting', 'active');
      return counts['waiting'] === 0 && counts['active'] === 0;
    });
    turns = await worked();
  }, 180_000);

  test('lose no turn: only those of the outage are missing, and one of them is caught up', () => {
    for (const [space, own] of turns) {
      const gaps = own.slice(1).map(({ dueMs }, at) => ({ from: own[at]?.dueMs ?? 0, to: dueMs }));
      const wide = gaps.filter(({ from, to }) => to - from > 1.5 * EVERY_MS);
      expect(wide.length, `gaps of ${space}`).toBeLessThanOrEqual(1);
      for (const { from, to } of wide) {
        expect(from, `before the gap of ${space}`).toBeGreaterThan(outage.fromMs - 2 * EVERY_MS);
        expect(to, `after the gap of ${space}`).toBeLessThan(outage.toMs + 2 * EVERY_MS);
      }
      // The turn that fell due in the outage, and one that was cut off in the middle where there was one.
      const caughtUp = own.filter(({ dueMs, workedMs }) => dueMs < outage.toMs && workedMs > outage.fromMs);
      expect(caughtUp.length, `turns of ${space} that were caught up`).toBeGreaterThanOrEqual(1);
      expect(caughtUp.length, `turns of ${space} that were caught up`).toBeLessThanOrEqual(2);
    }
  });

  test('ran each turn once, or joined the run that was under way', async () => {
    const failed = (await queue.getJobs(['failed'], 0, -1)).filter(({ name }) => name === 'turn');
    expect(failed.map(({ failedReason }) => failedReason)).toEqual([]);
    const all = [...turns.values()].flat();
    expect(all.length).toBeGreaterThanOrEqual(4 * spaces.length);
    for (const { kind } of all) expect(['created', 'joined', 'replayed']).toContain(kind);
    const created = all.filter(({ kind }) => kind === 'created').map(({ runId }) => runId);
    expect(new Set(created).size).toBe(created.length);
    // No run came from anywhere else. A turn that was cut off says `replayed` then, also where it had joined a run.
    const begun = runsOf(all);
    const entries = await stack.redis.xrange(keys.auditOwner(stack.owner), '-', '+');
    const accepted = entries
      .filter(([, fields]) => fields.includes('accepted'))
      .map(([, fields]) => fields[fields.indexOf('run') + 1]);
    expect(new Set(begun)).toEqual(new Set(accepted));
    for (const runId of begun) expect((await stack.view(runId ?? '')).status, runId ?? '').toBe('completed');
  });

  test('never had two runs of one space at once, and no vote was cast twice', async () => {
    for (const own of turns.values()) {
      const views = await Promise.all(runsOf(own).map((runId) => stack.view(runId ?? '')));
      const spans = views
        .map(({ accepted_at: from, finished_at: to }) => ({ from: Date.parse(from), to: Date.parse(to ?? '') }))
        .toSorted((a, b) => a.from - b.from);
      for (const [at, { from }] of spans.slice(1).entries()) expect(from).toBeGreaterThanOrEqual(spans[at]?.to ?? NaN);
    }
    const voted = stack.sandbox.world.messages.filter(({ type }) => type === 'vote').map(({ space }) => space);
    expect(voted.toSorted()).toEqual(spaces.toSorted());
  });

  test('end with their order: nothing is left on a schedule', async () => {
    const left = await queue.getJobSchedulers(0, -1);
    expect(left.map(({ key }) => key)).toEqual(['watchdog']);
    expect(await stack.redis.hlen(keys.watches())).toBe(0);
    expect(await stack.redis.hlen(keys.appointments())).toBe(0);
  });
}
