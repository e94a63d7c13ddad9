/**
 * One of the four processes of `bench/split-flow.ts`, by its name. Each does what the service of that name does, as barely as BullMQ
 * lets it: no record, no policy, no log, no metrics.
 *
 *     node part.ts NAME REDIS_URL SANDBOX_URL      the calls of a run as JSON in BENCH_CALLS
 */
import { FlowProducer, Queue, QueueEvents, WaitingChildrenError, Worker, type ConnectionOptions } from 'bullmq';
import express from 'express';
import { z } from 'zod';
import { serve } from '../accepting/serve.ts';
import { Calls, Proposal, straightLine } from '../straight-line.ts';

/** As many at a time as ours take. */
const CONCURRENCY = 100;
/** Kept as long as ours are. */
const FORGOTTEN = { removeOnComplete: { age: 60 * 60 }, removeOnFail: { age: 60 * 60 } } as const;
const RootData = z.object({ space: z.string(), step: z.enum(['fetch', 'gather']) });

const [name = '', url = '', sandboxUrl = ''] = process.argv.slice(2);
const connection: ConnectionOptions = { url, maxRetriesPerRequest: null };
const options = { connection, prefix: 'split' };
const script = straightLine(sandboxUrl, Calls.parse(JSON.parse(process.env['BENCH_CALLS'] ?? '')));

// Without a listener a worker may stop at an error.
const tell = (error: Error): void => void process.stderr.write(`${name}: ${error.message}\n`);
const app = express();

if (name === 'gateway') {
  const queue = new Queue('run', options);
  const events = new QueueEvents('run', options);
  events.setMaxListeners(2 * CONCURRENCY);
  queue.on('error', tell);
  events.on('error', tell);
  await Promise.all([queue, events].map((part) => part.waitUntilReady()));
  app.use(express.json());
  app.post('/run', async (request, response) => {
    const { space } = z.object({ space: z.string() }).parse(request.body);
    const job = await queue.add('run', { space, step: 'fetch' }, FORGOTTEN);
    response.json({ decided: await job.waitUntilFinished(events) });
  });
}

if (name === 'fetcher') {
  const flow = new FlowProducer(options);
  flow.on('error', tell);
  const roots = new Worker(
    'run',
    async (job, token = '') => {
      const { space, step } = RootData.parse(job.data);
      if (step === 'fetch') {
        const parent = { id: job.id ?? '', queue: job.queueQualifiedName };
        await flow.addBulk(
          (await script.fetch(space)).map((data) => ({
            name: 'vote',
            queueName: 'vote',
            data: { proposal: data.id },
            opts: { parent, failParentOnFailure: true, ...FORGOTTEN },
            children: [
              { name: 'decide', queueName: 'decide', data, opts: { failParentOnFailure: true, ...FORGOTTEN } },
            ],
          })),
        );
        await job.updateData({ space, step: 'gather' });
      }
      if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
      return Object.keys(await job.getChildrenValues()).length;
    },
    { ...options, concurrency: CONCURRENCY },
  );
  roots.on('error', tell);
  await roots.waitUntilReady();
}

if (name === 'decider') {
  const decisions = new Worker('decide', (job) => script.decide(Proposal.parse(job.data)), {
    ...options,
    concurrency: CONCURRENCY,
  });
  decisions.on('error', tell);
  await decisions.waitUntilReady();
}

if (name === 'voter') {
  const votes = new Worker('vote', (job) => job.getChildrenValues(), { ...options, concurrency: CONCURRENCY });
  votes.on('error', tell);
  await votes.waitUntilReady();
}

serve(app);
