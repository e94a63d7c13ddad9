/** Composition root of the fetcher. */
import { parseConfig, redisUrl } from '@quorum/shared/config';
import { configOrExit, runService } from '@quorum/shared/lifecycle';
import { createLogger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { startProbe } from '@quorum/shared/probe';
import { createRecords } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import { filePreferenceStore } from '@quorum/shared/store-file';
import { createTransitions } from '@quorum/shared/transitions';
import { createHub } from '@quorum/snapshot/hub';
import { FetcherConfig } from './config.ts';
import { startFetcher } from './worker.ts';

const SECOND_MS = 1_000;

const config = configOrExit(() => parseConfig(FetcherConfig, process.env));
const log = createLogger('fetcher', config.LOG_LEVEL);

await runService({
  log,
  shutdownTimeoutS: config.SHUTDOWN_TIMEOUT_S,
  async start(stack) {
    const metrics = createMetrics('fetcher');
    const redis = connectPatient(redisUrl(config), log);
    stack.add('redis', async () => redis.disconnect());

    const worker = startFetcher({
      connection: redis,
      concurrency: config.CONCURRENCY,
      lockS: config.JOB_LOCK_S,
      log,
      metrics,
      deps: {
        hub: createHub({
          url: config.SNAPSHOT_HUB_URL,
          apiKey: config.SNAPSHOT_API_KEY,
          timeoutMs: config.PROPOSAL_FETCH_TIMEOUT * SECOND_MS,
        }),
        records: createRecords(redis),
        transitions: createTransitions(redis),
        preferences: filePreferenceStore(config.PREFERENCES_DIR, {
          confidence_threshold: config.DEFAULT_CONFIDENCE_THRESHOLD,
          max_proposals_per_run: config.MAX_PROPOSALS_PER_RUN,
        }),
        metrics,
        log,
        minTimeToVoteS: config.MIN_TIME_TO_VOTE_S,
        deadlineLeadS: config.DEADLINE_LEAD_S,
        retries: { maxRetryAttempts: config.MAX_RETRY_ATTEMPTS, retryDelayS: config.RETRY_DELAY_SECONDS },
        now: Date.now,
      },
    });
    stack.add('worker', () => worker.close((config.SHUTDOWN_TIMEOUT_S * SECOND_MS) / 2));

    const probe = await startProbe({
      host: config.HOST,
      port: config.METRICS_PORT,
      registry: metrics.registry,
      ready: async () => worker.isRunning() && redis.status === 'ready',
    });
    stack.add('probe', probe.close);
    return { url: probe.url };
  },
});
