/** The fetcher: opens and closes runs. Here its parts are put together, and nothing else. */
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import { serviceConfig } from '@quorum/shared/service-config';
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
        preferences: openPreferences(fixed, {
          ...parts,
          redis: parts.connection,
          defaults: () => preferenceDefaults(config.now()),
        }),
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
