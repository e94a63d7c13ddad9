/**
 * The least that can accept a run: express reads the JSON, a job is added to a queue, 202. No keys, no limits, no records, no log.
 * The job is the gateway's own: its name, payload, options and id.
 *
 *     node bare-server.ts REDIS_URL
 */
import { randomUUID } from 'node:crypto';
import { JOBS, jobOptions } from '@quorum/shared/jobs';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import { serve } from './serve.ts';

const connection = new Redis(process.argv[2] ?? '', { maxRetriesPerRequest: null });
const { queue: name } = JOBS['agent-run'];
const queue = new Queue(name, { connection, prefix: BULL_PREFIX, skipVersionCheck: true });
/** As the gateway's are that the benchmark starts. */
const options = jobOptions('agent-run', { maxRetryAttempts: 3, retryDelayS: 5 });

const app = express();
app.use(express.json());
app.post('/agent-run', async (_request, response) => {
  const id = randomUUID();
  await queue.add('agent-run', { request_id: id, run_id: id, step: 'fetch' }, { ...options, jobId: id });
  response.status(202).json({ run_id: id, status: 'queued', joined: false });
});

serve(app);
