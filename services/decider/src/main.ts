/** The decider: takes `decide` jobs, asks models, records decisions. Here its parts are put together, and nothing else. */
import { newRunId, upstreamId, type UpstreamId } from '@quorum/shared/ids';
import { KEEP_NOTHING } from '@quorum/shared/live-config';
import { readKeyFile } from '@quorum/shared/secret-file';
import { serviceConfig } from '@quorum/shared/service-config';
import { createGate, gateShutMs, type Gate } from '@quorum/shared/upstream-gate';
import { PING_MS } from '@quorum/shared/upstream-watch';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createBudget, microsOf, type Caps } from '@quorum/shared/budget';
import { createAnswerBook } from './answers.ts';
import { createArchive } from './archive.ts';
import { createModelClient } from './ask.ts';
import { measureBudget } from './budget-metrics.ts';
import { DeciderConfig } from './config.ts';
import { pingModel } from './model-exchange.ts';
import { createModelMetrics } from './model-metrics.ts';
import { startDecideWorker } from './worker.ts';

const SECOND_MS = 1_000;
const config = serviceConfig('decider', DeciderConfig);
const { fixed } = config;

/** The models that a run which begins now would ask. */
const modelsNow = async (): Promise<readonly string[]> =>
  (await config.forRun({ runId: newRunId(), settings: new Map() }, KEEP_NOTHING)).DECIDER_MODELS;

/** As they are now: who lowers a cap means at once. */
function caps(): Caps {
  const now = config.now();
  return {
    run: microsOf(now.BUDGET_USD_PER_RUN),
    owner_day: microsOf(now.BUDGET_USD_PER_OWNER_DAY),
    day: microsOf(now.BUDGET_USD_PER_DAY),
  };
}

await runWorkerService({
  config,
  async start(parts) {
    const { connection: redis, log, heart } = parts;
    const { security } = parts.metrics;
    const key = readKeyFile(fixed.DECIDER_MAC_KEY_FILE);
    const metrics = createModelMetrics(parts.metrics.registry);
    const idOf = (model?: string): UpstreamId => upstreamId(fixed.OPENAI_BASE_URL, fixed.OPENAI_API_KEY, model);
    // One for each model that is named: those who ask together share a look at it.
    const gates = new Map<string, Gate>();
    const gateOf = (model: string): Gate => {
      const gate = gates.get(model) ?? createGate(redis, idOf(model), 'model', parts.metrics);
      gates.set(model, gate);
      return gate;
    };
    const client = createModelClient({
      baseUrl: fixed.OPENAI_BASE_URL,
      apiKey: fixed.OPENAI_API_KEY,
      extras: fixed.OPENAI_EXTRAS,
      onExchange: heart.onExchange,
    });
    heart.watch({
      upstream: 'model',
      id: idOf(),
      ping: async () => pingModel(client, (await modelsNow())[0] ?? '', PING_MS),
      // Each of them must answer.
      shutForMs: async () =>
        Math.max(0, ...(await Promise.all((await modelsNow()).map((model) => gateShutMs(redis, idOf(model)))))),
    });
    heart.keepsFilesIn(fixed.EVIDENCE_ARCHIVE_DIR);
    const budget = createBudget(redis);
    measureBudget(parts.metrics.registry, { budget, caps, now: Date.now });
    return startDecideWorker({
      ...parts,
      deps: {
        records: parts.records,
        client,
        gateOf,
        metrics,
        security,
        answers: createAnswerBook({ redis, key, security, log }),
        archive: createArchive({ folder: fixed.EVIDENCE_ARCHIVE_DIR, metrics, log, now: Date.now }),
        budget,
        caps,
        async termsOf(run) {
          const kept = await config.forRun(run, parts.records);
          return {
            timeoutMs: kept.MODEL_TIMEOUT_S * SECOND_MS,
            prices: kept.MODEL_PRICES ?? {},
            minTimeToVoteS: kept.MIN_TIME_TO_VOTE_S,
            settings: {
              models: kept.DECIDER_MODELS,
              fallbackModels: kept.DECIDER_FALLBACK_MODELS,
              samples: kept.DECIDER_SAMPLES,
              maxBodyTokens: kept.DECIDER_MAX_BODY_TOKENS,
              maxOutputTokens: kept.DECIDER_MAX_OUTPUT_TOKENS,
              secondReading: kept.DECIDER_SECOND_READING,
            },
          };
        },
        keeps: () => ({ service: config.service, settings: config.toKeep() }),
        key,
        now: Date.now,
      },
    });
  },
});
