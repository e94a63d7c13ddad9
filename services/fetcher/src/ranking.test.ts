import { JOBS } from '@quorum/shared/jobs';
import { newRunId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, it } from 'vitest';
import { aSpace } from '../../../packages/shared/test/samples.ts';
import { useFlow, type Asker } from '../test/flow.ts';

const flow = useFlow();

async function rank({ owner, space }: Pick<Asker, 'owner' | 'space'>) {
  const data = { owner, space_id: space };
  const job = await flow()
    .queue('agent-run')
    .add('rank', data, { jobId: `rank-${newRunId()}` });
  return JOBS.rank.result.parse(await flow().jobEnd(job));
}

describe('a ranking', () => {
  it('says what a run would choose and why not the others, starts none and stores no text', async () => {
    const { ask, add, proposalIn, fetcher, redis, sandbox, start, decider, voter, ended, run } = flow();
    const asker = await ask(4);
    const nowS = Math.floor(Date.now() / 1_000);
    const late = proposalIn(asker.space, { nowS, end: nowS + 60 });
    await add({ proposals: [late] });
    fetcher();
    const models = () => sandbox.world.received.filter(({ endpoint }) => endpoint === 'model').length;
    const [asked, texts] = [models(), (await redis.keys(keys.proposal('*'))).length];
    const answer = await rank(asker);
    if (answer.kind !== 'ranked') throw new Error(answer.message);
    const { ranking } = answer;
    expect(ranking).toMatchObject({ space_id: asker.space, dry_run: false });
    expect(ranking.selected.map(({ proposal_id: id }) => id)).toEqual(asker.ids.slice(0, 3));
    expect(ranking.selected[0]).toMatchObject({ title: 'Repair the breakwater', voting_power: 10 });
    expect(ranking.dropped).toEqual([
      { proposal_id: late.id, why: 'closing_too_soon' },
      { proposal_id: asker.ids[3], why: 'beyond_limit' },
    ]);
    expect(ranking.filter_metrics.ranked).toHaveLength(4);
    expect([models(), (await redis.keys(keys.proposal('*'))).length]).toEqual([asked, texts]);
    expect(await flow().runsOf(asker)).toEqual([]);
    expect(await flow().queue('notify').getJobCountByTypes('waiting')).toBe(0);

    // By the same code: the run chooses just that.
    decider();
    voter();
    const runId = await start(asker);
    await ended(runId);
    expect((await run(runId)).opening?.selected.map(({ proposal_id: id }) => id)).toEqual(asker.ids.slice(0, 3));
  });

  it('of a space that does not exist says what to check', async () => {
    flow().fetcher();
    const { owner } = await flow().ask(0);
    expect(await rank({ owner, space: aSpace('nowhere.eth') })).toMatchObject({
      kind: 'failed',
      category: 'validation',
      message: expect.stringContaining('Check its name'),
    });
  });

  it('is a failure in words where the hub is down', async () => {
    const asker = await flow().ask(1);
    await flow().fault({ endpoint: 'hub', share: 1, status: 503, body: '' });
    flow().fetcher();
    expect(await rank(asker)).toMatchObject({ kind: 'failed', category: 'upstream_unavailable' });
  });
});
