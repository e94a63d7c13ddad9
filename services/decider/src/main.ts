/** The decider: takes `decide` jobs, asks models, records decisions. Here its parts are put together, and nothing else. */
import { parseConfig, redisUrl } from '@quorum/shared/config';
import { configOrExit, runService } from '@quorum/shared/lifecycle';
import { createLogger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { startProbe } from '@quorum/shared/probe';
import { createRecords } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import { readKeyFile } from '@quorum/shared/secret-file';
import { createModelClient } from './ask.ts';
import { DeciderConfig } from './config.ts';
import { createModelMetrics } from './model-metrics.ts';
import { startDecideWorker } from './worker.ts';

const SECOND_MS = 1_000;
const config = configOrExit(() => parseConfig(DeciderConfig, process.env));
const log = createLogger('decider', config.LOG_LEVEL);

await runService({
  log,
  shutdownTimeoutS: config.SHUTDOWN_TIMEOUT_S,
  async start(stack) {
    const key = readKeyFile(config.DECIDER_MAC_KEY_FILE);
    const metrics = createMetrics('decider');
    const redis = connectPatient(redisUrl(config), log);
    stack.add('redis', async () => redis.disconnect());
    const worker = startDecideWorker({
      connection: redis,
      concurrency: config.CONCURRENCY,
      lockS: config.JOB_LOCK_S,
      log,
      metrics,
      deps: {
        records: createRecords(redis),
        client: createModelClient({ baseUrl: config.OPENAI_BASE_URL, apiKey: config.OPENAI_API_KEY }),
        timeoutMs: config.MODEL_TIMEOUT_S * SECOND_MS,
        prices: config.MODEL_PRICES ?? {},
        metrics: createModelMetrics(metrics.registry),
        settings: {
          models: config.DECIDER_MODELS,
          samples: config.DECIDER_SAMPLES,
          maxBodyChars: config.DECIDER_MAX_BODY_CHARS,
        },
        key,
        now: Date.now,
      },
    });
    // Half of the time for jobs under way, the other half for handing back what did not end.
    stack.add('worker', () => worker.close((config.SHUTDOWN_TIMEOUT_S * SECOND_MS) / 2));
    const probe = await startProbe({
      host: config.HOST,
      port: config.METRICS_PORT,
      registry: metrics.registry,
      ready: async () => worker.isRunning() && redis.status === 'ready',
    });
    stack.add('probe', () => probe.close());
    return { url: probe.url };
  },
});
