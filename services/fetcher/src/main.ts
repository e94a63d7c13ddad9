/** The fetcher: opens and closes runs. Here its parts are put together, and nothing else. */
import { parseConfig } from '@quorum/shared/config';
import { configOrExit } from '@quorum/shared/lifecycle';
import { openPreferences } from '@quorum/shared/open-preferences';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createHub } from '@quorum/snapshot/hub';
import { FetcherConfig } from './config.ts';
import { startFetcher } from './worker.ts';

const SECOND_MS = 1_000;
const config = configOrExit(() => parseConfig(FetcherConfig, process.env));

await runWorkerService({
  name: 'fetcher',
  config,
  start: async (parts) =>
    startFetcher({
      ...parts,
      deps: {
        ...parts,
        hub: createHub({
          url: config.SNAPSHOT_HUB_URL,
          apiKey: config.SNAPSHOT_API_KEY,
          timeoutMs: config.PROPOSAL_FETCH_TIMEOUT * SECOND_MS,
        }),
        preferences: openPreferences(config, { ...parts, redis: parts.connection }),
        minTimeToVoteS: config.MIN_TIME_TO_VOTE_S,
        deadlineLeadS: config.DEADLINE_LEAD_S,
        retries: { maxRetryAttempts: config.MAX_RETRY_ATTEMPTS, retryDelayS: config.RETRY_DELAY_SECONDS },
        now: Date.now,
      },
    }),
});
