/** The decider: takes `decide` jobs, asks models, records decisions. Here its parts are put together, and nothing else. */
import { readKeyFile } from '@quorum/shared/secret-file';
import { serviceConfig } from '@quorum/shared/service-config';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createModelClient } from './ask.ts';
import { DeciderConfig } from './config.ts';
import { createModelMetrics } from './model-metrics.ts';
import { startDecideWorker } from './worker.ts';

const SECOND_MS = 1_000;
const config = serviceConfig('decider', DeciderConfig);
const { fixed } = config;

await runWorkerService({
  config,
  start: async (parts) =>
    startDecideWorker({
      ...parts,
      deps: {
        records: parts.records,
        client: createModelClient({ baseUrl: fixed.OPENAI_BASE_URL, apiKey: fixed.OPENAI_API_KEY }),
        metrics: createModelMetrics(parts.metrics.registry),
        async termsOf(run) {
          const kept = await config.forRun(run, parts.records);
          return {
            timeoutMs: kept.MODEL_TIMEOUT_S * SECOND_MS,
            prices: kept.MODEL_PRICES ?? {},
            settings: {
              models: kept.DECIDER_MODELS,
              samples: kept.DECIDER_SAMPLES,
              maxBodyChars: kept.DECIDER_MAX_BODY_CHARS,
            },
          };
        },
        key: readKeyFile(fixed.DECIDER_MAC_KEY_FILE),
        now: Date.now,
      },
    }),
});
