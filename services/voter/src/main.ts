/** The voter service, the only process that holds a key. Here its parts are put together, and nothing else. */
import { isLive, parseConfig } from '@quorum/shared/config';
import { configOrExit } from '@quorum/shared/lifecycle';
import { claimMode } from '@quorum/shared/mode';
import { openPreferences } from '@quorum/shared/open-preferences';
import { requireDurableRedis } from '@quorum/shared/redis';
import { readKeyFile } from '@quorum/shared/secret-file';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createHub } from '@quorum/snapshot/hub';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { announceAliasEnds, announceSigners } from './announce.ts';
import { VoterConfig } from './config.ts';
import { loadLicences } from './signers.ts';
import type { VoteDeps } from './vote-deps.ts';
import { startVoter } from './worker.ts';

const SECOND_MS = 1_000;
const DAY_S = 24 * 60 * 60;
const config = configOrExit(() => parseConfig(VoterConfig, process.env));

await runWorkerService({
  name: 'voter',
  config,
  async start(parts) {
    const { connection, log } = parts;
    const live = isLive(config.SNAPSHOT_SEQUENCER_URL);
    const licences = await loadLicences(config, live);
    await requireDurableRedis(connection, { live, allowLossy: config.ALLOW_LOSSY_REDIS, log });
    await claimMode(connection, live ? 'live' : 'sandbox');
    await announceSigners(licences, parts);
    const deps: VoteDeps = {
      ...parts,
      hub: createHub({
        url: config.SNAPSHOT_HUB_URL,
        apiKey: config.SNAPSHOT_API_KEY,
        timeoutMs: config.PROPOSAL_FETCH_TIMEOUT * SECOND_MS,
      }),
      sequencer: createSequencer({
        url: config.SNAPSHOT_SEQUENCER_URL,
        timeoutMs: config.VOTE_EXECUTION_TIMEOUT * SECOND_MS,
      }),
      preferences: openPreferences(config, { ...parts, redis: connection }),
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
    };
    const worker = startVoter({ ...parts, deps });
    const closing = new AbortController();
    // Not waited for: a hub that is down keeps nobody from starting.
    const announcing = announceAliasEnds(licences, deps, closing.signal);
    return {
      ...worker,
      async close(deadlineMs) {
        closing.abort();
        await worker.close(deadlineMs);
        await announcing;
      },
    };
  },
});
