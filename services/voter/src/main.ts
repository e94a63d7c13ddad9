/** The voter service, the only process that holds a key. Here its parts are put together, and nothing else. */
import { isLive } from '@quorum/shared/config';
import { claimMode } from '@quorum/shared/mode';
import { requireDurableRedis } from '@quorum/shared/redis';
import { readKeyFile } from '@quorum/shared/secret-file';
import { serviceConfig } from '@quorum/shared/service-config';
import { filePreferenceStore } from '@quorum/shared/store-file';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createHub } from '@quorum/snapshot/hub';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { VoterConfig } from './config.ts';
import { loadLicences } from './signers.ts';
import { startVoter } from './worker.ts';

const SECOND_MS = 1_000;
const DAY_S = 24 * 60 * 60;
const config = serviceConfig('voter', VoterConfig);
const { fixed } = config;

await runWorkerService({
  config,
  async start(parts) {
    const { connection, records, log } = parts;
    const live = isLive(fixed.SNAPSHOT_SEQUENCER_URL);
    const licences = await loadLicences(fixed.SIGNERS_FILE, { live, allowMainKey: fixed.ALLOW_MAIN_KEY });
    await requireDurableRedis(connection, { live, allowLossy: fixed.ALLOW_LOSSY_REDIS, log });
    await claimMode(connection, live ? 'live' : 'sandbox');
    for (const { owner, voter, kind, allowedSpaces } of licences.values()) {
      await records.announceSigner(owner, { voter, kind, allowed_spaces: [...allowedSpaces] });
      log.info({ owner, voter, kind, spaces: allowedSpaces.length }, 'signer announced');
    }
    return startVoter({
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
        licences,
        deciderKey: readKeyFile(fixed.DECIDER_MAC_KEY_FILE),
        voterKey: readKeyFile(fixed.VOTER_MAC_KEY_FILE),
        async termsOf(run) {
          const kept = await config.forRun(run, records);
          return {
            hub: createHub({
              url: fixed.SNAPSHOT_HUB_URL,
              apiKey: fixed.SNAPSHOT_API_KEY,
              timeoutMs: kept.PROPOSAL_FETCH_TIMEOUT * SECOND_MS,
            }),
            sequencer: createSequencer({
              url: fixed.SNAPSHOT_SEQUENCER_URL,
              timeoutMs: kept.VOTE_EXECUTION_TIMEOUT * SECOND_MS,
            }),
            settings: {
              minTimeToVoteS: kept.MIN_TIME_TO_VOTE_S,
              backdateS: fixed.VOTE_BACKDATE_S,
              retryWindowS: kept.VOTE_RETRY_WINDOW_S,
              aliasValidS: fixed.ALIAS_VALID_DAYS * DAY_S,
            },
          };
        },
        now: Date.now,
      },
    });
  },
});
