/** The fetcher: opens and closes runs. Here its parts are put together, and nothing else. */
import { parseConfig } from '@quorum/shared/config';
import { createHubCache } from '@quorum/shared/hub-cache';
import { upstreamId } from '@quorum/shared/ids';
import { configOrExit } from '@quorum/shared/lifecycle';
import { filePreferenceStore } from '@quorum/shared/store-file';
import { createGate } from '@quorum/shared/upstream-gate';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createHub } from '@quorum/snapshot/hub';
import { FetcherConfig } from './config.ts';
import { Listing } from './listing.ts';
import { startFetcher } from './worker.ts';

const SECOND_MS = 1_000;
const config = configOrExit(() => parseConfig(FetcherConfig, process.env));

await runWorkerService({
  name: 'fetcher',
  config,
  async start(parts) {
    const { connection, log } = parts;
    const upstream = upstreamId(config.SNAPSHOT_HUB_URL, config.SNAPSHOT_API_KEY);
    return startFetcher({
      ...parts,
      deps: {
        ...parts,
        hub: createHub({
          url: config.SNAPSHOT_HUB_URL,
          apiKey: config.SNAPSHOT_API_KEY,
          timeoutMs: config.PROPOSAL_FETCH_TIMEOUT * SECOND_MS,
          around: createGate(connection, upstream, 'hub').pass,
        }),
        cache: createHubCache({ redis: connection, upstream, schema: Listing, log }),
        preferences: filePreferenceStore(config.PREFERENCES_DIR, {
          confidence_threshold: config.DEFAULT_CONFIDENCE_THRESHOLD,
          max_proposals_per_run: config.MAX_PROPOSALS_PER_RUN,
        }),
        minTimeToVoteS: config.MIN_TIME_TO_VOTE_S,
        deadlineLeadS: config.DEADLINE_LEAD_S,
        retries: { maxRetryAttempts: config.MAX_RETRY_ATTEMPTS, retryDelayS: config.RETRY_DELAY_SECONDS },
        now: Date.now,
      },
    });
  },
});
