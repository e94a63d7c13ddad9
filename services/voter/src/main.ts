/** The voter service, the only process that holds a key. Here its parts are put together, and nothing else. */
import { isLive } from '@quorum/shared/config';
import { upstreamId } from '@quorum/shared/ids';
import { claimMode } from '@quorum/shared/mode';
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import { requireDurableRedis } from '@quorum/shared/redis';
import { readKeyFile } from '@quorum/shared/secret-file';
import { serviceConfig } from '@quorum/shared/service-config';
import { createGate, type Gate } from '@quorum/shared/upstream-gate';
import { runWorkerService } from '@quorum/shared/worker-service';
import { createHub, type Hub } from '@quorum/snapshot/hub';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { announceAliasEnds, announceSigners } from './announce.ts';
import { VoterConfig } from './config.ts';
import { loadLicences } from './signers.ts';
import type { VoteJobDeps } from './vote-deps.ts';
import { startVoter } from './worker.ts';

const SECOND_MS = 1_000;
const DAY_S = 24 * 60 * 60;
/** For what is asked at the start, before there is a run whose settings could say. */
const FIRST_ASK_S = 10;
const config = serviceConfig('voter', VoterConfig);
const { fixed } = config;
const aliasValidS = fixed.ALIAS_VALID_DAYS * DAY_S;

const hubOf = (timeoutS: number, gate: Gate): Hub =>
  createHub({
    url: fixed.SNAPSHOT_HUB_URL,
    apiKey: fixed.SNAPSHOT_API_KEY,
    timeoutMs: timeoutS * SECOND_MS,
    around: gate.pass,
  });

await runWorkerService({
  config,
  async start(parts) {
    const { connection, records, log } = parts;
    const live = isLive(fixed.SNAPSHOT_SEQUENCER_URL);
    const licences = await loadLicences(fixed, live);
    await requireDurableRedis(connection, { live, allowLossy: fixed.ALLOW_LOSSY_REDIS, log });
    await claimMode(connection, live ? 'live' : 'sandbox');
    await announceSigners(licences, parts);
    const gate = createGate(connection, upstreamId(fixed.SNAPSHOT_HUB_URL, fixed.SNAPSHOT_API_KEY), 'hub');
    const deps: VoteJobDeps = {
      ...parts,
      preferences: openPreferences(fixed, {
        ...parts,
        redis: connection,
        defaults: () => preferenceDefaults(config.now()),
      }),
      licences,
      deciderKey: readKeyFile(fixed.DECIDER_MAC_KEY_FILE),
      voterKey: readKeyFile(fixed.VOTER_MAC_KEY_FILE),
      async termsOf(run) {
        const kept = await config.forRun(run, records);
        return {
          hub: hubOf(kept.PROPOSAL_FETCH_TIMEOUT, gate),
          sequencer: createSequencer({
            url: fixed.SNAPSHOT_SEQUENCER_URL,
            timeoutMs: kept.VOTE_EXECUTION_TIMEOUT * SECOND_MS,
          }),
          settings: {
            minTimeToVoteS: kept.MIN_TIME_TO_VOTE_S,
            backdateS: fixed.VOTE_BACKDATE_S,
            retryWindowS: kept.VOTE_RETRY_WINDOW_S,
            aliasValidS,
          },
        };
      },
      now: Date.now,
    };
    const worker = startVoter({ ...parts, deps });
    const closing = new AbortController();
    // Not waited for: a hub that is down keeps nobody from starting.
    const asking = { ...parts, hub: hubOf(FIRST_ASK_S, gate), settings: { aliasValidS } };
    const announcing = announceAliasEnds(licences, asking, closing.signal);
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
