/** The voter service, the only process that holds a key. Here its parts are put together, and nothing else. */
import { isLive, parseConfig } from '@quorum/shared/config';
import { upstreamId } from '@quorum/shared/ids';
import { configOrExit } from '@quorum/shared/lifecycle';
import { claimMode } from '@quorum/shared/mode';
import { requireDurableRedis } from '@quorum/shared/redis';
import { readKeyFile } from '@quorum/shared/secret-file';
import { filePreferenceStore } from '@quorum/shared/store-file';
import { createGate } from '@quorum/shared/upstream-gate';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createHub } from '@quorum/snapshot/hub';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { VoterConfig } from './config.ts';
import { loadLicences } from './signers.ts';
import { startVoter } from './worker.ts';

const SECOND_MS = 1_000;
const DAY_S = 24 * 60 * 60;
const config = configOrExit(() => parseConfig(VoterConfig, process.env));

await runWorkerService({
  name: 'voter',
  config,
  async start(parts) {
    const { connection, records, log } = parts;
    const live = isLive(config.SNAPSHOT_SEQUENCER_URL);
    const licences = await loadLicences(config.SIGNERS_FILE, { live, allowMainKey: config.ALLOW_MAIN_KEY });
    await requireDurableRedis(connection, { live, allowLossy: config.ALLOW_LOSSY_REDIS, log });
    await claimMode(connection, live ? 'live' : 'sandbox');
    for (const { owner, voter, kind, allowedSpaces } of licences.values()) {
      await records.announceSigner(owner, { voter, kind, allowed_spaces: [...allowedSpaces] });
      log.info({ owner, voter, kind, spaces: allowedSpaces.length }, 'signer announced');
    }
    return startVoter({
      ...parts,
      deps: {
        ...parts,
        hub: createHub({
          url: config.SNAPSHOT_HUB_URL,
          apiKey: config.SNAPSHOT_API_KEY,
          timeoutMs: config.PROPOSAL_FETCH_TIMEOUT * SECOND_MS,
          around: createGate(connection, upstreamId(config.SNAPSHOT_HUB_URL, config.SNAPSHOT_API_KEY), 'hub').pass,
        }),
        sequencer: createSequencer({
          url: config.SNAPSHOT_SEQUENCER_URL,
          timeoutMs: config.VOTE_EXECUTION_TIMEOUT * SECOND_MS,
        }),
        preferences: filePreferenceStore(config.PREFERENCES_DIR, {
          confidence_threshold: config.DEFAULT_CONFIDENCE_THRESHOLD,
          max_proposals_per_run: config.MAX_PROPOSALS_PER_RUN,
        }),
        licences,
        deciderKey: readKeyFile(config.DECIDER_MAC_KEY_FILE),
        voterKey: readKeyFile(config.VOTER_MAC_KEY_FILE),
        settings: {
          minTimeToVoteS: config.MIN_TIME_TO_VOTE_S,
          backdateS: config.VOTE_BACKDATE_S,
          retryWindowS: config.VOTE_RETRY_WINDOW_S,
          aliasValidS: config.ALIAS_VALID_DAYS * DAY_S,
        },
        now: Date.now,
      },
    });
  },
});
