/** The fetcher: opens and closes runs. Here its parts are put together, and nothing else. */
import { createAppointments } from '@quorum/shared/appointments';
import { createHubCache } from '@quorum/shared/hub-cache';
import { KEEP_NOTHING } from '@quorum/shared/live-config';
import { lookAtPreferences } from '@quorum/shared/preferences-look';
import { newRunId, upstreamId } from '@quorum/shared/ids';
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import type { Records, RunRecord } from '@quorum/shared/records';
import { serviceConfig } from '@quorum/shared/service-config';
import { aroundHub } from '@quorum/shared/trace-upstream';
import { createGate, gateShutMs } from '@quorum/shared/upstream-gate';
import { PING_MS } from '@quorum/shared/upstream-watch';
import { createWatches } from '@quorum/shared/watches';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createHub } from '@quorum/snapshot/hub';
import { FetcherConfig } from './config.ts';
import { Listing } from './listing.ts';
import { startFetcher } from './worker.ts';

const SECOND_MS = 1_000;
const config = serviceConfig('fetcher', FetcherConfig);
const { fixed } = config;

await runWorkerService({
  config,
  async start(parts) {
    const { connection, records, log, heart } = parts;
    const upstream = upstreamId(fixed.SNAPSHOT_HUB_URL, fixed.SNAPSHOT_API_KEY);
    const { pass } = createGate(connection, upstream, 'hub', parts.metrics);
    const hubOf = (timeoutMs: number) =>
      createHub({
        url: fixed.SNAPSHOT_HUB_URL,
        apiKey: fixed.SNAPSHOT_API_KEY,
        timeoutMs,
        around: aroundHub(fixed.SNAPSHOT_HUB_URL, pass),
        onExchange: heart.onExchange,
      });
    heart.watch({
      upstream: 'hub',
      id: upstream,
      ping: () => hubOf(PING_MS).ping(),
      shutForMs: () => gateShutMs(connection, upstream),
    });
    heart.vouch('preferences', () => lookAtPreferences(fixed));
    if (fixed.PREFERENCES_STORE === 'file') heart.keepsFilesIn(fixed.PREFERENCES_DIR);
    async function termsOf(run: Pick<RunRecord, 'runId' | 'settings'>, pins: Pick<Records, 'pinSettings'>) {
      const kept = await config.forRun(run, pins);
      return {
        hub: hubOf(kept.PROPOSAL_FETCH_TIMEOUT * SECOND_MS),
        minTimeToVoteS: kept.MIN_TIME_TO_VOTE_S,
        deadlineLeadS: kept.DEADLINE_LEAD_S,
        retries: { maxRetryAttempts: kept.MAX_RETRY_ATTEMPTS, retryDelayS: kept.RETRY_DELAY_SECONDS },
      };
    }
    return startFetcher({
      ...parts,
      deps: {
        ...parts,
        cache: createHubCache({ redis: connection, upstream, schema: Listing, log }),
        preferences: openPreferences(fixed, {
          ...parts,
          redis: connection,
          defaults: () => preferenceDefaults(config.now()),
        }),
        appointments: createAppointments(connection),
        watches: createWatches(connection),
        termsOf: (run) => termsOf(run, records),
        termsNow: () => termsOf({ runId: newRunId(), settings: new Map() }, KEEP_NOTHING),
        keeps: () => ({ service: config.service, settings: config.toKeep() }),
        openRunsMost: () => config.now().OPEN_RUNS_MAX,
        now: Date.now,
      },
    });
  },
});
