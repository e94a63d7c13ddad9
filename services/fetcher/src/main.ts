/** The fetcher: opens and closes runs. Here its parts are put together, and nothing else. */
import { serviceConfig } from '@quorum/shared/service-config';
import { filePreferenceStore } from '@quorum/shared/store-file';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createHub } from '@quorum/snapshot/hub';
import { FetcherConfig } from './config.ts';
import { startFetcher } from './worker.ts';

const SECOND_MS = 1_000;
const config = serviceConfig('fetcher', FetcherConfig);
const { fixed } = config;

await runWorkerService({
  config,
  start: async (parts) =>
    startFetcher({
      ...parts,
      deps: {
        ...parts,
        preferences: {
          load: (owner) =>
            filePreferenceStore(fixed.PREFERENCES_DIR, {
              confidence_threshold: config.now().DEFAULT_CONFIDENCE_THRESHOLD,
              max_proposals_per_run: config.now().MAX_PROPOSALS_PER_RUN,
            }).load(owner),
        },
        async termsOf(run) {
          const kept = await config.forRun(run, parts.records);
          return {
            hub: createHub({
              url: fixed.SNAPSHOT_HUB_URL,
              apiKey: fixed.SNAPSHOT_API_KEY,
              timeoutMs: kept.PROPOSAL_FETCH_TIMEOUT * SECOND_MS,
            }),
            minTimeToVoteS: kept.MIN_TIME_TO_VOTE_S,
            deadlineLeadS: kept.DEADLINE_LEAD_S,
            retries: { maxRetryAttempts: kept.MAX_RETRY_ATTEMPTS, retryDelayS: kept.RETRY_DELAY_SECONDS },
          };
        },
        now: Date.now,
      },
    }),
});
