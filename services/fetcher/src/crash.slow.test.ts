/**
 * A fetcher that dies, really: `main.ts` as a process of its own, killed with -9 after it added the children of a run and before
 * it noted so. What takes over finds a root at step `fetch` whose children may have settled already.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunId } from '@quorum/shared/ids';
import { jobIds, type QueueName } from '@quorum/shared/jobs';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { createTransitions } from '@quorum/shared/transitions';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { UnrecoverableError } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { aResponse } from '../../../packages/shared/test/samples.ts';
import { startChild, type Child } from '../../../scripts/child.ts';
import { openBrink } from '../test/brink.ts';
import { useFlow } from '../test/flow.ts';
import { inWorld } from '../test/samples.ts';
import { PATIENT } from '../../../test/patience.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const flow = useFlow();

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-fetcher-crash-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function startMain(redisUrl: string): Promise<Child> {
  const child = startChild({
    name: 'fetcher',
    cwd: dir,
    args: [MAIN],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: redisUrl,
      SNAPSHOT_HUB_URL: `${flow().sandbox.url}/graphql`,
      PREFERENCES_DIR: dir,
      JOB_LOCK_S: '1',
      LOG_LEVEL: 'warn',
    },
    logFile: path.join(dir, 'fetcher.log'),
    onLine: () => undefined,
  });
  await child.ready;
  return child;
}

type Crashed = { readonly runId: RunId; readonly ids: readonly ProposalId[] };

/** A run whose fetcher is dead: its children are in Redis, its root is still at step `fetch`. */
async function crashed(proposals: number): Promise<Crashed> {
  const { ask, start, server, job, tree } = flow();
  const asker = await ask(proposals);
  const brink = await openBrink(server.url, '"step":"summarise"');
  const child = await startMain(brink.url);
  try {
    const runId = await start(asker);
    await brink.reached;
    child.kill();
    expect(await child.ended).toBe('SIGKILL');
    expect((await job(runId)).data).toEqual({ run_id: runId, step: 'fetch' });
    expect((await tree(runId)).children).toHaveLength(proposals);
    return { runId, ids: asker.ids };
  } finally {
    child.kill();
    await brink.close();
  }
}

/** Waits until the job of this proposal has come to this state. */
async function settled(name: QueueName, runId: RunId, id: ProposalId, state: string): Promise<void> {
  const jobId = name === 'vote' ? jobIds.vote(runId, id) : jobIds.decide(runId, id);
  await vi.waitUntil(async () => (await flow().queue(name).getJobState(jobId)) === state, PATIENT);
}

async function outcomes(runId: RunId): Promise<Record<string, string>> {
  const run = await flow().run(runId);
  return Object.fromEntries([...run.outcomes].map(([id, { outcome }]) => [id, outcome.kind]));
}

describe('a fetcher that is killed after it fanned out', () => {
  it('hangs no run whose child has failed meanwhile: what failed is not added again', async () => {
    const { decider, voter, fetcher, ended } = flow();
    const { runId, ids } = await crashed(3);
    const [broken, ...others] = ids;
    if (broken === undefined) throw new Error('there are no proposals');
    const decided = decider(async ({ proposal_id: id }) => {
      if (id === broken) throw new UnrecoverableError('this worker broke');
    });
    voter();
    await settled('vote', runId, broken, 'failed');
    for (const id of others) await settled('vote', runId, id, 'completed');
    fetcher({ lockS: 1 });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect(decided.toSorted()).toEqual(ids.toSorted());
    expect(await outcomes(runId)).toEqual({
      [broken]: 'failed',
      ...Object.fromEntries(others.map((id) => [id, 'cast'])),
    });
  });

  it('decides nothing twice where a child has completed meanwhile and the others are still to come', async () => {
    const { decider, voter, fetcher, ended } = flow();
    const { runId, ids } = await crashed(3);
    const [done, ...others] = ids;
    if (done === undefined) throw new Error('there are no proposals');
    // Nothing but the first in line is worked on before the take-over.
    const gate = Promise.withResolvers<void>();
    const decided = decider(async ({ proposal_id: id }) => {
      if (id !== done) await gate.promise;
    });
    const voted = voter();
    await settled('vote', runId, done, 'completed');
    fetcher({ lockS: 1 });
    await vi.waitUntil(async () => (await flow().job(runId)).data.step === 'summarise', PATIENT);
    gate.resolve();
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect(decided.toSorted()).toEqual(ids.toSorted());
    expect(voted.toSorted()).toEqual([done, ...others].toSorted());
    expect(await outcomes(runId)).toEqual(Object.fromEntries(ids.map((id) => [id, 'cast'])));
  });

  it('keeps to what it had selected, whatever the hub lists by now', async () => {
    const { decider, voter, fetcher, ended, add, run, sandbox } = flow();
    const { runId, ids } = await crashed(2);
    const { space } = await run(runId);
    const before = (await run(runId)).opening;
    const asked = sandbox.world.received.length;
    const nowS = Math.floor(Date.now() / 1_000);
    await add({ proposals: [inWorld(space, { nowS, end: nowS + 600, title: 'More urgent than all' })] });
    const decided = decider();
    voter();
    fetcher({ lockS: 1 });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect((await run(runId)).opening).toEqual(before);
    expect(decided.toSorted()).toEqual(ids.toSorted());
    expect((await run(runId)).response?.filter_metrics).toMatchObject({ fetched: 2, selected: 2 });
    expect(sandbox.world.received.length).toBe(asked);
  });

  it('has a root that waits for what still works, where the run was ended meanwhile', async () => {
    const { decider, voter, fetcher, ended, run, redis, job } = flow();
    const { runId } = await crashed(2);
    const { owner } = await run(runId);
    await createTransitions(redis).finish({ owner, dryRun: false }, aResponse(runId, { status: 'failed' }), Date.now());
    fetcher({ lockS: 1 });
    await vi.waitUntil(async () => (await (await job(runId)).getState()) === 'waiting-children', PATIENT);
    decider();
    voter(async () => ({ kind: 'skipped', why: 'cancelled' }));
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'failed' });
    expect((await run(runId)).response).toMatchObject({ status: 'failed', execution_time: 1.5 });
  });

  it('again and again loses its run in words, and its children change nothing about that', async () => {
    const { decider, voter, fetcher, run, redis, job, tryStart } = flow();
    const { runId, ids } = await crashed(2);
    await redis.hset(`${BULL_PREFIX}:agent-run:${runId}`, 'stc', 20);
    fetcher({ lockS: 1 });
    await vi.waitUntil(async () => (await run(runId)).state === 'failed', PATIENT);
    const { response, owner, space } = await run(runId);
    expect(response).toMatchObject({ status: 'failed', votes_cast: [], filter_metrics: { fetched: 2, selected: 2 } });
    decider();
    voter(async () => ({ kind: 'skipped', why: 'cancelled' }));
    for (const id of ids) await settled('vote', runId, id, 'completed');
    expect(await job(runId).then((root) => root.getState())).toBe('failed');
    expect(await run(runId)).toMatchObject({ state: 'failed', response });
    expect(await tryStart(owner, space)).toBe('created');
  });
});
