/** The decider: takes `decide` jobs, asks models, records decisions. Here its parts are put together, and nothing else. */
import { parseConfig } from '@quorum/shared/config';
import { configOrExit } from '@quorum/shared/lifecycle';
import { readKeyFile } from '@quorum/shared/secret-file';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createModelClient } from './ask.ts';
import { DeciderConfig } from './config.ts';
import { createModelMetrics } from './model-metrics.ts';
import { startDecideWorker } from './worker.ts';

const SECOND_MS = 1_000;
const config = configOrExit(() => parseConfig(DeciderConfig, process.env));

await runWorkerService({
  name: 'decider',
  config,
  start: async (parts) =>
    startDecideWorker({
      ...parts,
      deps: {
        records: parts.records,
        client: createModelClient({ baseUrl: config.OPENAI_BASE_URL, apiKey: config.OPENAI_API_KEY }),
        timeoutMs: config.MODEL_TIMEOUT_S * SECOND_MS,
        prices: config.MODEL_PRICES ?? {},
        metrics: createModelMetrics(parts.metrics.registry),
        settings: {
          models: config.DECIDER_MODELS,
          samples: config.DECIDER_SAMPLES,
          maxBodyChars: config.DECIDER_MAX_BODY_CHARS,
        },
        key: readKeyFile(config.DECIDER_MAC_KEY_FILE),
        now: Date.now,
      },
    }),
});
