import { newRunId, type RunId } from '@quorum/shared/ids';
import { jobIds } from '@quorum/shared/jobs';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { AgentRunResponse } from '@quorum/shared/run';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { UnrecoverableError, Worker } from 'bullmq';
import { describe, expect, it, vi } from 'vitest';
import { anOwner, aSpace, listeningLogger } from '../../../packages/shared/test/samples.ts';
import { useFlow } from '../test/flow.ts';
import { PATIENT } from '../../../test/patience.ts';

const flow = useFlow();

const kinds = async (runId: RunId): Promise<Record<string, string>> => {
  const { outcomes } = await flow().run(runId);
  return Object.fromEntries(
    [...outcomes].map(([id, { outcome }]) => [id, 'why' in outcome ? `${outcome.kind}: ${outcome.why}` : outcome.kind]),
  );
};
const all = (ids: readonly ProposalId[], kind: string): Record<string, string> =>
  Object.fromEntries(ids.map((id) => [id, kind]));

describe('a run', () => {
  it('of three proposals is one tree, and ends after all of them', async () => {
    const { ask, start, fetcher, decider, voter, ended, run, tree, job } = flow();
    const asker = await ask(3);
    fetcher();
    const [decided, voted] = [decider(), voter()];
    const runId = await start(asker);
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect([decided.toSorted(), voted.toSorted()]).toEqual([asker.ids.toSorted(), asker.ids.toSorted()]);

    const { response, state } = await run(runId);
    expect(state).toBe('completed');
    expect(response).toMatchObject({ status: 'completed', proposals_analyzed: 3, errors: [], dry_run: false });
    expect(response?.votes_cast.map((one) => one.proposal_id)).toEqual(asker.ids);

    const root = await tree(runId);
    const children = root.children ?? [];
    expect(new Set(children.map((node) => node.job.id))).toEqual(
      new Set(asker.ids.map((id) => jobIds.vote(runId, id))),
    );
    expect(children.flatMap((node) => node.children ?? []).map((node) => node.job.id)).toHaveLength(3);
    const finished = (await job(runId)).finishedOn ?? 0;
    for (const { job: vote } of children) expect(vote.finishedOn).toBeLessThanOrEqual(finished);
  });

  it('works first on what closes first', async () => {
    const { ask, start, fetcher, tree, run, queue, decider, voter, ended } = flow();
    const asker = await ask(3);
    fetcher();
    const runId = await start(asker);
    await vi.waitUntil(async () => (await queue('decide').getJobCountByTypes('prioritized')) === 3, PATIENT);
    const waiting = await queue('decide').getPrioritized();
    expect(waiting.map((job) => job.data.proposal_id)).toEqual(asker.ids);
    expect((await run(runId)).state).toBe('running');
    expect((await tree(runId)).job.data).toEqual({ run_id: runId, step: 'summarise' });
    decider();
    voter();
    await ended(runId);
  });

  it('without proposals ends at once with zero counts', async () => {
    const { ask, start, fetcher, ended, run } = flow();
    fetcher();
    const runId = await start(await ask(0));
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    const { response } = await run(runId);
    expect(response).toMatchObject({ proposals_analyzed: 0, errors: [], filter_metrics: { fetched: 0, selected: 0 } });
  });

  it.for(['decide', 'vote'] as const)('goes on where a %s fails for good, and says so', async (failing) => {
    const { ask, start, fetcher, decider, voter, ended, run } = flow();
    const asker = await ask(3);
    const [, broken, last] = asker.ids;
    if (broken === undefined) throw new Error('there are no proposals');
    const giveUp = async (id: ProposalId): Promise<void> => {
      if (id === broken) throw new UnrecoverableError('this worker broke');
    };
    fetcher();
    const voted =
      failing === 'decide'
        ? (decider((ref) => giveUp(ref.proposal_id)), voter())
        : (decider(),
          voter(async (ref) => {
            await giveUp(ref.proposal_id);
            return { kind: 'cast' };
          }));
    const runId = await start(asker);
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect(await kinds(runId)).toEqual({ ...all(asker.ids, 'cast'), [broken]: 'failed: internal' });
    expect(voted.includes(broken)).toBe(failing === 'vote');
    expect(voted).toContain(last);
    expect((await run(runId)).response?.errors).toEqual([
      'No vote on "Repair the breakwater": something broke inside Quorum; the log has the details.',
    ]);
  });

  it('ends where everything under it fails', async () => {
    const { ask, start, fetcher, decider, voter, ended } = flow();
    const asker = await ask(3);
    fetcher();
    decider(() => Promise.reject(new UnrecoverableError('this worker broke')));
    voter();
    const runId = await start(asker);
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect(await kinds(runId)).toEqual(all(asker.ids, 'failed: internal'));
  });

  it('ends cancelled where it is cancelled on its way', async () => {
    const { ask, start, fetcher, decider, voter, ended, transitions, queue, run, tryStart } = flow();
    const asker = await ask(2);
    fetcher();
    const runId = await start(asker);
    await vi.waitUntil(async () => (await queue('decide').getJobCountByTypes('prioritized')) === 2, PATIENT);
    await transitions.cancel({ ...asker, runId }, Date.now());
    decider();
    voter(async () => ({ kind: 'skipped', why: 'cancelled' }));
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'cancelled' });
    expect(await run(runId)).toMatchObject({ state: 'cancelled', response: { status: 'cancelled', votes_cast: [] } });
    expect(await tryStart(asker.owner, asker.space)).toBe('created');
  });

  it('ends cancelled at once where nobody has begun its children, and they are not put back', async () => {
    const { ask, start, fetcher, ended, transitions, queue, run, job } = flow();
    const asker = await ask(2);
    fetcher();
    const runId = await start(asker);
    await vi.waitUntil(async () => (await (await job(runId)).getState()) === 'waiting-children', PATIENT);
    // As DELETE /agent-run/:id does.
    await transitions.cancel({ ...asker, runId }, Date.now());
    await (await job(runId)).removeUnprocessedChildren();
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'cancelled' });
    expect(await kinds(runId)).toEqual(all(asker.ids, 'skipped: cancelled'));
    expect((await run(runId)).response).toMatchObject({ errors: [], next_check_time: null });
    for (const name of ['decide', 'vote'] as const) {
      expect(await queue(name).getJobCountByTypes('waiting', 'prioritized', 'waiting-children')).toBe(0);
    }
  });

  it('that was cancelled before it opened ends cancelled, and asks the hub nothing', async () => {
    const { ask, start, fetcher, ended, run, sandbox, tryStart } = flow();
    const asker = await ask(2);
    const asked = sandbox.world.received.length;
    fetcher();
    const runId = await start(asker, { cancelled: true });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'cancelled' });
    expect((await run(runId)).response).toMatchObject({
      status: 'cancelled',
      errors: [],
      filter_metrics: { fetched: 0 },
    });
    expect(sandbox.world.received.length).toBe(asked);
    expect(await tryStart(asker.owner, asker.space)).toBe('created');
  });

  it('whose record cannot be read whole ends failed, and leaves its owner and space free', async () => {
    const { ask, start, fetcher, decider, voter, ended, redis, tryStart } = flow();
    const asker = await ask(1);
    decider(async ({ run_id: runId, proposal_id: id }) => {
      await redis.hset(keys.run(runId), `decision:${id}`, '{"kind":"odd"}');
    });
    voter(async () => ({ kind: 'failed', why: 'internal' }));
    fetcher();
    const runId = await start(asker);
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'failed' });
    const response = AgentRunResponse.parse(JSON.parse((await redis.hget(keys.run(runId), 'response')) ?? 'null'));
    expect(response.errors.join()).toMatch(/Something broke inside Quorum/);
    expect(await tryStart(asker.owner, asker.space)).toBe('created');
  });

  it('that is cancelled while its hub is down ends cancelled', async () => {
    const { ask, start, fetcher, ended, fault, transitions, sandbox } = flow();
    const asker = await ask(1);
    await fault({ endpoint: 'hub', share: 1, status: 503, latency_ms: 100 });
    const asked = sandbox.world.received.length;
    fetcher();
    const runId = await start(asker);
    await vi.waitUntil(() => sandbox.world.received.length > asked, PATIENT);
    await transitions.cancel({ ...asker, runId }, Date.now());
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'cancelled' });
  });

  it('whose fetcher is shut down while it waits for the hub is finished by the next one', async () => {
    const { ask, start, fetcher, decider, voter, ended, fault, sandbox } = flow();
    const asker = await ask(1);
    await fault({ endpoint: 'hub', count: 1, latency_ms: 60_000 });
    const [first, asked] = [fetcher(), sandbox.world.received.length];
    const runId = await start(asker, { retries: { maxRetryAttempts: 1, retryDelayS: 0.01 } });
    await vi.waitUntil(() => sandbox.world.received.length > asked, PATIENT);
    await first.close(10);
    fetcher();
    decider();
    voter();
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect(await kinds(runId)).toEqual(all(asker.ids, 'cast'));
  });

  it('is one of thirty at once, of thirty owners, and all end', async () => {
    const { ask, start, fetcher, decider, voter, ended, run } = flow();
    const askers = await Promise.all(Array.from({ length: 30 }, () => ask(2)));
    fetcher();
    const [decided] = [decider(), voter()];
    const runs = await Promise.all(askers.map((asker) => start(asker)));
    await Promise.all(runs.map(ended));
    expect(decided).toHaveLength(60);
    for (const [at, runId] of runs.entries()) {
      const { response, owner } = await run(runId);
      expect(owner).toBe(askers[at]?.owner);
      expect(response?.votes_cast.map((one) => one.proposal_id)).toEqual(askers[at]?.ids);
    }
  });

  it('that has ended is not run again by a job that is delivered again', async () => {
    const { ask, start, fetcher, decider, voter, ended, run, queue, sandbox } = flow();
    const asker = await ask(1);
    fetcher();
    const [decided] = [decider(), voter()];
    const runId = await start(asker);
    await ended(runId);
    const { response } = await run(runId);
    const asked = sandbox.world.received.length;
    await (await queue('agent-run').getJob(runId))?.remove();
    await queue('agent-run').add('agent-run', { run_id: runId, step: 'fetch' }, { jobId: runId });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect((await run(runId)).response).toEqual(response);
    expect([decided, sandbox.world.received.length]).toEqual([asker.ids, asked]);
  });
});

describe('a hub that is down', () => {
  it('fails the run in words after its last attempt, and the next run works', async () => {
    const { ask, start, fetcher, decider, voter, ended, run, fault, clearFaults } = flow();
    const asker = await ask(1);
    await fault({ endpoint: 'hub', share: 1, status: 503, body: '<html>Bad gateway</html>' });
    fetcher();
    decider();
    voter();
    const runId = await start(asker);
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'failed' });
    const { response, state } = await run(runId);
    expect(state).toBe('failed');
    expect(response?.errors).toEqual([
      expect.stringMatching(/^A service that Quorum needs does not answer: Snapshot's hub gave no usable answer: /),
    ]);
    await clearFaults();
    const next = await start(asker);
    expect(await ended(next)).toEqual({ run_id: next, status: 'completed' });
    expect(await kinds(next)).toEqual(all(asker.ids, 'cast'));
  });

  it('is asked again while attempts are left, and the run goes on once it is back', async () => {
    const { ask, start, fetcher, decider, voter, ended, sandbox, fault } = flow();
    const asker = await ask(1);
    await fault({ endpoint: 'hub', count: 3, status: 503, body: '' });
    const before = sandbox.world.received.length;
    fetcher();
    decider();
    voter();
    const runId = await start(asker, { retries: { maxRetryAttempts: 4, retryDelayS: 0.01 } });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    const failed = sandbox.world.received.slice(before).filter(({ answer }) => statusOf(answer) === 503);
    expect(failed).toHaveLength(3);
  });

  it('that knows no such space ends the run at once, and says what to check', async () => {
    const { start, fetcher, ended, run } = flow();
    fetcher();
    const runId = await start({ ...(await flow().ask(0)), space: aSpace('nowhere.eth') });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'failed' });
    expect((await run(runId)).response?.errors).toEqual([
      'The request does not fit: There is no space nowhere.eth on Snapshot. Check its name, for example ens.eth.',
    ]);
  });
});

describe('a job that no handler sees the end of', () => {
  it('ends its run as failed where its payload is invalid', async () => {
    const { ask, start, fetcher, run, tryStart } = flow();
    const asker = await ask(1);
    const { log, lines } = listeningLogger();
    fetcher({ log });
    const runId = await start(asker, { data: (run_id) => ({ run_id, step: 'dance' }) });
    await vi.waitUntil(async () => (await run(runId)).state === 'failed', PATIENT);
    expect((await run(runId)).response?.errors).toEqual([
      'Something broke inside Quorum: The job of this run was lost; the log has the details.',
    ]);
    expect(JSON.stringify(lines)).toContain('does not fit');
    expect(await tryStart(asker.owner, asker.space)).toBe('created');
  });

  it('ends its run as failed where it was taken back too often', async () => {
    const { ask, start, fetcher, run, redis, server, tryStart } = flow();
    const asker = await ask(1);
    const runId = await start(asker);
    const connection = { url: server.url, maxRetriesPerRequest: null };
    const vanishing = new Worker('agent-run', null, { connection, prefix: BULL_PREFIX, lockDuration: 500 });
    await vanishing.waitUntilReady();
    expect((await vanishing.getNextJob('a token'))?.id).toBe(runId);
    await vanishing.close(true);
    await redis.hset(`${BULL_PREFIX}:agent-run:${runId}`, 'stc', 20);
    fetcher({ lockS: 1 });
    await vi.waitUntil(async () => (await run(runId)).state === 'failed', PATIENT);
    expect((await run(runId)).response?.errors).toEqual([expect.stringMatching(/^Something broke inside Quorum: /)]);
    expect(await tryStart(asker.owner, asker.space)).toBe('created');
  });

  it('without a run fails and leaves nothing behind', async () => {
    const { fetcher, queue, ended, redis } = flow();
    fetcher();
    const runId = newRunId();
    await queue('agent-run').add('agent-run', { run_id: runId, step: 'fetch' }, { jobId: runId });
    await expect(ended(runId)).rejects.toThrow(/no such run/);
    expect(await redis.exists(keys.run(runId), keys.active(anOwner(), aSpace()))).toBe(0);
  });
});

function statusOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null && 'status' in answer ? answer.status : null;
}
