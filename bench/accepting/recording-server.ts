/**
 * What stands between the bare server and the gateway: the bare server again, which takes a request out of its budgets, accepts its run
 * and adds its job in the step of Redis that the gateway has for it. What it takes more than the bare one is what is written of a run;
 * what the gateway takes more than this is what it asks of a request, tells it, and logs.
 *
 *     node recording-server.ts REDIS_URL OWNERS
 */
import { newRunId, OwnerId, RequestId } from '@quorum/shared/ids';
import { createLogger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { connectFailFast } from '@quorum/shared/redis';
import { AgentRunRequest } from '@quorum/shared/run';
import express from 'express';
import { createLimits } from '../../services/gateway/src/limits.ts';
import { openQueues } from '../../services/gateway/src/queues.ts';
import { createStartRun } from '../../services/gateway/src/start-run.ts';
import { serve } from './serve.ts';

const [, , redisUrl = '', owners = '1'] = process.argv;
const NEVER_REACHED = 1_000_000;
const limitMs = (): number => 10_000;
const log = createLogger('recording-server', 'silent');
const redis = connectFailFast(redisUrl, log, limitMs);
const queues = openQueues({
  connection: redis,
  retries: () => ({ maxRetryAttempts: 3, retryDelayS: 5 }),
  limitMs,
  log,
});
const settings = {
  windowS: 60,
  readsPerOwner: NEVER_REACHED,
  readsPerAddress: NEVER_REACHED,
  startsPerOwner: NEVER_REACHED,
  startsPerAddress: NEVER_REACHED,
  badKeysPerAddress: NEVER_REACHED,
};
const limits = createLimits({ redis, settings: () => settings, limitMs, metrics: createMetrics('recording-server') });
const start = createStartRun(redis, queues);
await queues.ready();

let asked = 0;
const app = express();
app.use(express.json());
app.post('/agent-run', async (request, response) => {
  const { space_id: space, dry_run: dryRun } = AgentRunRequest.parse(request.body);
  const [runId, owner] = [newRunId(), OwnerId.parse(`owner-${asked % Number(owners)}`)];
  asked += 1;
  await start(limits.payment(request, owner), {
    runId,
    requestId: RequestId.parse(runId),
    owner,
    space,
    dryRun,
    idempotency: null,
    nowMs: Date.now(),
  });
  response.status(202).json({ run_id: runId, status: 'queued', joined: false });
});

serve(app);
