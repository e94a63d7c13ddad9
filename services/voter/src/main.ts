/** Composition root of the voter service, the only process that holds a key. */
import { isLive, parseConfig, redisUrl } from '@quorum/shared/config';
import { configOrExit, runService } from '@quorum/shared/lifecycle';
import { createLogger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { claimMode } from '@quorum/shared/mode';
import { startProbe } from '@quorum/shared/probe';
import { createRecords } from '@quorum/shared/records';
import { connectPatient, requireDurableRedis } from '@quorum/shared/redis';
import { readKeyFile } from '@quorum/shared/secret-file';
import { filePreferenceStore } from '@quorum/shared/store-file';
import { createTransitions } from '@quorum/shared/transitions';
import { createHub } from '@quorum/snapshot/hub';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { VoterConfig } from './config.ts';
import { loadLicences } from './signers.ts';
import { startVoter } from './worker.ts';

const SECOND_MS = 1_000;
const DAY_S = 24 * 60 * 60;

const config = configOrExit(() => parseConfig(VoterConfig, process.env));
const log = createLogger('voter', config.LOG_LEVEL);

await runService({
  log,
  shutdownTimeoutS: config.SHUTDOWN_TIMEOUT_S,
  async start(stack) {
    const metrics = createMetrics('voter');
    const live = isLive(config.SNAPSHOT_SEQUENCER_URL);
    const licences = await loadLicences(config.SIGNERS_FILE, { live, allowMainKey: config.ALLOW_MAIN_KEY });
    const deciderKey = readKeyFile(config.DECIDER_MAC_KEY_FILE);
    const voterKey = readKeyFile(config.VOTER_MAC_KEY_FILE);

    const redis = connectPatient(redisUrl(config), log);
    stack.add('redis', async () => redis.disconnect());
    await requireDurableRedis(redis, { live, allowLossy: config.ALLOW_LOSSY_REDIS, log });
    await claimMode(redis, live ? 'live' : 'sandbox');

    const records = createRecords(redis);
    for (const { owner, voter, kind, allowedSpaces } of licences.values()) {
      await records.announceSigner(owner, { voter, kind, allowed_spaces: [...allowedSpaces] });
      log.info({ owner, voter, kind, spaces: allowedSpaces.length }, 'signer announced');
    }

    const worker = startVoter({
      connection: redis,
      concurrency: config.CONCURRENCY,
      lockS: config.JOB_LOCK_S,
      deps: {
        hub: createHub({
          url: config.SNAPSHOT_HUB_URL,
          apiKey: config.SNAPSHOT_API_KEY,
          timeoutMs: config.PROPOSAL_FETCH_TIMEOUT * SECOND_MS,
        }),
        sequencer: createSequencer({
          url: config.SNAPSHOT_SEQUENCER_URL,
          timeoutMs: config.VOTE_EXECUTION_TIMEOUT * SECOND_MS,
        }),
        records,
        transitions: createTransitions(redis),
        preferences: filePreferenceStore(config.PREFERENCES_DIR, {
          confidence_threshold: config.DEFAULT_CONFIDENCE_THRESHOLD,
          max_proposals_per_run: config.MAX_PROPOSALS_PER_RUN,
        }),
        licences,
        deciderKey,
        voterKey,
        settings: {
          minTimeToVoteS: config.MIN_TIME_TO_VOTE_S,
          backdateS: config.VOTE_BACKDATE_S,
          retryWindowS: config.VOTE_RETRY_WINDOW_S,
          aliasValidS: config.ALIAS_VALID_DAYS * DAY_S,
        },
        metrics,
        log,
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
