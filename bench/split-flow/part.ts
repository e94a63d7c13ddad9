/**
 * One of the four processes of `bench/split-flow.ts`, by its name. Each does what the service of that name does, as barely as BullMQ
 * lets it: no policy, no log, no metrics; and no record, but where a run is asked to have them (`records.ts`).
 *
 *     node part.ts NAME REDIS_URL SANDBOX_URL      the calls of a run as JSON in BENCH_CALLS
 */
import { FlowProducer, Queue, QueueEvents, WaitingChildrenError, Worker, type ConnectionOptions } from 'bullmq';
import express from 'express';
import { z } from 'zod';
import { serve } from '../accepting/serve.ts';
import { Calls, Proposal, straightLine } from '../straight-line.ts';
import { splitRecords } from './records.ts';

/** As many at a time as ours take. */
const CONCURRENCY = 100;
/** Kept as long as ours are. */
const FORGOTTEN = { removeOnComplete: { age: 60 * 60 }, removeOnFail: { age: 60 * 60 } } as const;
const Asked = z.object({ space: z.string(), records: z.boolean() });
const RootData = Asked.extend({ step: z.enum(['fetch', 'gather']) });
/** `run`: the run whose records are kept; null: none are. */
const ChildData = z.object({ run: z.string().nullable(), proposal: z.string() });
const DecideData = ChildData.extend({ text: Proposal });

const [name = '', url = '', sandboxUrl = ''] = process.argv.slice(2);
const connection: ConnectionOptions = { url, maxRetriesPerRequest: null };
const options = { connection, prefix: 'split' };
const script = straightLine(sandboxUrl, Calls.parse(JSON.parse(process.env['BENCH_CALLS'] ?? '')));

// Without a listener a worker may stop at an error.
const tell = (error: Error): void => void process.stderr.write(`${name}: ${error.message}\n`);
const app = express();
const records = splitRecords(url, tell);

if (name === 'gateway') {
  const queue = new Queue('run', options);
  const events = new QueueEvents('run', options);
  events.setMaxListeners(2 * CONCURRENCY);
  queue.on('error', tell);
  events.on('error', tell);
  await Promise.all([queue, events].map((part) => part.waitUntilReady()));
  app.use(express.json());
  app.post('/run', async (request, response) => {
    const asked = Asked.parse(request.body);
    const adding = queue.add('run', { ...asked, step: 'fetch' }, FORGOTTEN);
    const [job] = await Promise.all([adding, asked.records ? records.accepted(asked.space) : null]);
    const decided: unknown = await job.waitUntilFinished(events);
    if (asked.records) await records.told(asked.space);
    response.json({ decided });
  });
}

if (name === 'fetcher') {
  const flow = new FlowProducer(options);
  flow.on('error', tell);
  const roots = new Worker(
    'run',
    async (job, token = '') => {
      const { space, step, records: keeps } = RootData.parse(job.data);
      const run = keeps ? space : null;
      if (step === 'fetch') {
        if (keeps) await records.opening(space);
        const proposals = await script.fetch(space);
        if (keeps) await records.opened(space);
        const parent = { id: job.id ?? '', queue: job.queueQualifiedName };
        await flow.addBulk(
          proposals.map((text) => ({
            name: 'vote',
            queueName: 'vote',
            data: { run, proposal: text.id },
            opts: { parent, failParentOnFailure: true, ...FORGOTTEN },
            children: [
              {
                name: 'decide',
                queueName: 'decide',
                data: { run, proposal: text.id, text },
                opts: { failParentOnFailure: true, ...FORGOTTEN },
              },
            ],
          })),
        );
        await job.updateData({ space, records: keeps, step: 'gather' });
      }
      if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
      if (keeps) await records.ended(space);
      return Object.keys(await job.getChildrenValues()).length;
    },
    { ...options, concurrency: CONCURRENCY },
  );
  roots.on('error', tell);
  await roots.waitUntilReady();
}

if (name === 'decider') {
  const decisions = new Worker(
    'decide',
    async (job) => {
      const { run, proposal, text } = DecideData.parse(job.data);
      if (run !== null) await records.deciding(run, proposal);
      const decided = await script.decide(text);
      if (run !== null) await records.decided(run, proposal);
      return decided;
    },
    { ...options, concurrency: CONCURRENCY },
  );
  decisions.on('error', tell);
  await decisions.waitUntilReady();
}

if (name === 'voter') {
  const votes = new Worker(
    'vote',
    async (job) => {
      const { run, proposal } = ChildData.parse(job.data);
      if (run !== null) await records.settled(run, proposal);
      return await job.getChildrenValues();
    },
    { ...options, concurrency: CONCURRENCY },
  );
  votes.on('error', tell);
  await votes.waitUntilReady();
}

serve(app);
