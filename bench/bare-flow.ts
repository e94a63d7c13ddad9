/**
 * What an idle run is held against: the same work as a bare BullMQ flow, in one process. A root job fetches and adds a child for each
 * proposal, waits for them, and gathers what they return. It makes the calls of the straight line, and keeps no record.
 */
import { FlowProducer, Queue, QueueEvents, WaitingChildrenError, Worker, type ConnectionOptions } from 'bullmq';
import type { Proposal, StraightLine } from './straight-line.ts';

const ROOT = { name: 'bare-run', prefix: 'bare' } as const;
const CHILD = { name: 'bare-decide', prefix: 'bare' } as const;
const CONCURRENCY = 100;

export type BareFlow = {
  /** Resolves when the run of this space is over, with the number of its decisions. */
  readonly run: (space: string) => Promise<number>;
  readonly close: () => Promise<void>;
};

type RootData = { readonly space: string; readonly step: 'fetch' | 'gather' };

export async function startBareFlow(redisUrl: string, script: StraightLine): Promise<BareFlow> {
  const connection: ConnectionOptions = { url: redisUrl, maxRetriesPerRequest: null };
  const options = { connection, prefix: ROOT.prefix };
  const queue = new Queue<RootData, number>(ROOT.name, options);
  const events = new QueueEvents(ROOT.name, options);
  const flow = new FlowProducer(options);
  const roots = new Worker<RootData, number>(
    ROOT.name,
    async (job, token = '') => {
      if (job.data.step === 'fetch') {
        const proposals = await script.fetch(job.data.space);
        const parent = { id: job.id ?? '', queue: job.queueQualifiedName };
        await flow.addBulk(
          proposals.map((data) => ({
            name: 'decide',
            queueName: CHILD.name,
            data,
            opts: { parent, failParentOnFailure: true, ...FORGOTTEN },
          })),
        );
        await job.updateData({ ...job.data, step: 'gather' });
      }
      if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
      return Object.keys(await job.getChildrenValues()).length;
    },
    { ...options, concurrency: CONCURRENCY },
  );
  const children = new Worker<Proposal, unknown>(CHILD.name, (job) => script.decide(job.data), {
    ...options,
    concurrency: CONCURRENCY,
  });
  // Each run that is waited for listens on the queue.
  queue.setMaxListeners(2 * CONCURRENCY);
  // Without a listener a worker may stop at an error.
  const tell = (error: Error): void => void process.stderr.write(`bare flow: ${error.message}\n`);
  for (const worker of [roots, children]) worker.on('error', tell);
  queue.on('error', tell);
  events.on('error', tell);
  flow.on('error', tell);
  await Promise.all([queue, events, roots, children].map((part) => part.waitUntilReady()));
  return {
    async run(space) {
      const job = await queue.add('run', { space, step: 'fetch' }, FORGOTTEN);
      return await job.waitUntilFinished(events);
    },
    async close() {
      await Promise.all([roots, children].map((worker) => worker.close()));
      await Promise.all([queue, events, flow].map((part) => part.close()));
    },
  };
}

/** Kept as long as ours are. */
const FORGOTTEN = { removeOnComplete: { age: 60 * 60 }, removeOnFail: { age: 60 * 60 } } as const;

/** The run of a flow, which is to come to so many decisions: one that finds fewer is no quicker. */
export function decidesAll(run: (space: string) => Promise<number>, count: number): (space: string) => Promise<void> {
  return async (space) => {
    const decided = await run(space);
    if (decided !== count) throw new Error(`a flow came to ${decided} decisions of ${count} in ${space}`);
  };
}
