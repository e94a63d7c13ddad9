/**
 * Lets go of a run that is to stop, or has ended: its votes that nobody has begun are taken away, and those that were begun come up at
 * once. What was begun may be reserved, or sent and stand on the hub: only its own job knows, and settles it. Called once the record
 * of the run says that it is to stop: since then `reserve` refuses, so that a vote which is taken away here has reserved nothing.
 *
 * Takes queues by what they do, so that BullMQ stays at the edge.
 */
import type { RunId } from './ids.ts';
import { jobIds } from './jobs.ts';

type WaitingJob = { isDelayed(): Promise<boolean>; promote(): Promise<void> };

/** The part of the queues `agent-run` and `vote` that this needs. */
export type ReleaseQueues = {
  readonly runs: {
    getJob(
      id: string,
    ): Promise<(WaitingJob & { getDependencies(): Promise<{ readonly unprocessed?: string[] }> }) | undefined>;
  };
  readonly votes: {
    getJob(id: string): Promise<(WaitingJob & { readonly attemptsStarted: number }) | undefined>;
    /** 0: the job, or a child that is to go with it, is being worked on. */
    remove(id: string, options?: { readonly removeChildren: boolean }): Promise<number>;
  };
};

export async function releaseRun(runId: RunId, { runs, votes }: ReleaseQueues): Promise<void> {
  const root = await runs.getJob(jobIds.run(runId));
  if (root === undefined) return;
  const { unprocessed = [] } = await root.getDependencies();
  await Promise.all(unprocessed.map((key) => letGo(key.slice(key.lastIndexOf(':') + 1), votes)));
  await bringUp(root);
}

async function letGo(voteId: string, votes: ReleaseQueues['votes']): Promise<void> {
  const vote = await votes.getJob(voteId);
  if (vote === undefined) return;
  if (vote.attemptsStarted > 0) await bringUp(vote);
  // A decision that is being made goes on without its vote, and ends by itself.
  else if ((await votes.remove(voteId)) === 0) await votes.remove(voteId, { removeChildren: false });
}

async function bringUp(job: WaitingJob): Promise<void> {
  if (!(await job.isDelayed())) return;
  try {
    await job.promote();
  } catch (error) {
    // It may have come up by itself meanwhile.
    if (await job.isDelayed()) throw error;
  }
}
