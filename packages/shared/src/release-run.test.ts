import { DelayedError, FlowProducer, Queue, Worker, type Job } from 'bullmq';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { aProposalId } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { newRunId, type RunId } from './ids.ts';
import { jobIds } from './jobs.ts';
import { BULL_PREFIX } from './redis-keys.ts';
import { releaseRun } from './release-run.ts';

const { server } = useRedis();
const LONG_MS = 600_000;

let runs: Queue;
let votes: Queue;
let decides: Queue;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  const open = (name: string): Queue => {
    const queue = new Queue(name, { connection: { url: server().url }, prefix: BULL_PREFIX });
    closers.push(() => queue.close());
    return queue;
  };
  [runs, votes, decides] = [open('agent-run'), open('vote'), open('decide')];
});
afterEach(async () => {
  for (const queue of [runs, votes, decides]) await queue.obliterate({ force: true });
  for (const close of closers.splice(0).toReversed()) await close();
});

type Tree = { readonly runId: RunId; readonly voteId: string; readonly decideId: string };

/** A root that waits for one vote; `decided`: the vote waits for nothing. */
async function aTree(decided: boolean): Promise<Tree> {
  const [runId, proposal] = [newRunId(), aProposalId()];
  const [voteId, decideId] = [jobIds.vote(runId, proposal), jobIds.decide(runId, proposal)];
  const flow = new FlowProducer({ connection: { url: server().url }, prefix: BULL_PREFIX });
  const decide = { name: 'decide', queueName: 'decide', data: {}, opts: { jobId: decideId } };
  const vote = { name: 'vote', queueName: 'vote', data: {}, opts: { jobId: voteId, priority: 7 } };
  const children = [{ ...vote, ...(decided ? {} : { children: [decide] }) }];
  await flow.add({ name: 'agent-run', queueName: 'agent-run', data: {}, opts: { jobId: runId }, children });
  await flow.close();
  return { runId, voteId, decideId };
}

async function statesOf({ runId, voteId, decideId }: Tree): Promise<Record<string, string>> {
  const [run, vote, decide] = await Promise.all([
    runs.getJobState(runId),
    votes.getJobState(voteId),
    decides.getJobState(decideId),
  ]);
  return { run, vote, decide };
}

/** A worker that does this with the one job of its queue, until it is told to end. */
function working(queue: string, handle: (job: Job, token: string) => Promise<unknown>): Worker {
  const options = { connection: { url: server().url, maxRetriesPerRequest: null }, prefix: BULL_PREFIX };
  const worker = new Worker(queue, (job, token = '') => handle(job, token), options);
  worker.on('error', () => undefined);
  closers.push(() => worker.close());
  return worker;
}

it('takes away a vote that nobody has begun, and the decision that it waits for', async () => {
  const tree = await aTree(false);
  await releaseRun(tree.runId, { runs, votes });
  expect(await statesOf(tree)).toEqual({ run: 'waiting', vote: 'unknown', decide: 'unknown' });
});

it('takes away a vote whose decision is being made; that goes on by itself', async () => {
  const tree = await aTree(false);
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  working('decide', () => done);
  await expect.poll(() => statesOf(tree), PATIENT).toMatchObject({ decide: 'active' });
  await releaseRun(tree.runId, { runs, votes });
  expect(await statesOf(tree)).toEqual({ run: 'waiting', vote: 'unknown', decide: 'active' });
  finish();
  await expect.poll(() => statesOf(tree), PATIENT).toMatchObject({ decide: 'completed' });
});

it('brings up a vote that was begun and put off: it may be on the hub', async () => {
  const tree = await aTree(true);
  const worker = working('vote', async (job, token) => {
    await job.moveToDelayed(Date.now() + LONG_MS, token);
    throw new DelayedError();
  });
  await expect.poll(() => statesOf(tree), PATIENT).toMatchObject({ vote: 'delayed' });
  await worker.close();
  await releaseRun(tree.runId, { runs, votes });
  expect(await statesOf(tree)).toMatchObject({ run: 'waiting-children', vote: 'prioritized' });
});

it('leaves a vote alone that was begun and handed back', async () => {
  const tree = await aTree(true);
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const worker = working('vote', async (job, token) => {
    await job.moveToWait(token);
    begin();
    // It is closed before it takes the job once more.
    await new Promise(() => undefined);
  });
  await begun;
  await worker.close(true);
  await releaseRun(tree.runId, { runs, votes });
  expect(await statesOf(tree)).toMatchObject({ run: 'waiting-children', vote: 'prioritized' });
});

it('leaves a vote alone that is being worked on', async () => {
  const tree = await aTree(true);
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  working('vote', () => done);
  await expect.poll(() => statesOf(tree), PATIENT).toMatchObject({ vote: 'active' });
  await releaseRun(tree.runId, { runs, votes });
  expect(await statesOf(tree)).toMatchObject({ run: 'waiting-children', vote: 'active' });
  finish();
  await expect.poll(() => statesOf(tree), PATIENT).toMatchObject({ run: 'waiting', vote: 'completed' });
});

it('brings up a root that was put off, and asks nothing of a run without one', async () => {
  const runId = newRunId();
  await releaseRun(runId, { runs, votes });
  await runs.add('agent-run', {}, { jobId: runId, delay: LONG_MS });
  await releaseRun(runId, { runs, votes });
  expect(await runs.getJobState(runId)).toBe('waiting');
});
