/** The voter service, the only process that holds a key. Here its parts are put together, and nothing else. */
import { existsSync } from 'node:fs';
import { createAppointments } from '@quorum/shared/appointments';
import { createAuditChain } from '@quorum/shared/audit-chain';
import { isLive } from '@quorum/shared/config';
import { upstreamId } from '@quorum/shared/ids';
import { KEEP_NOTHING } from '@quorum/shared/live-config';
import { claimMode } from '@quorum/shared/mode';
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import { requireDurableRedis } from '@quorum/shared/redis';
import { createSendAllowance } from '@quorum/shared/send-allowance';
import { readKeyFile } from '@quorum/shared/secret-file';
import { serviceConfig } from '@quorum/shared/service-config';
import { createTransitions } from '@quorum/shared/transitions';
import { aroundHub, tracedSequencer } from '@quorum/shared/trace-upstream';
import { createGate, gateShutMs, type Gate } from '@quorum/shared/upstream-gate';
import { PING_MS } from '@quorum/shared/upstream-watch';
import { runWorkerService } from '@quorum/shared/worker-service';
import { countWritten } from '@quorum/shared/written';
import type { OnExchange } from '@quorum/snapshot/exchange';
import { createHub, type Hub } from '@quorum/snapshot/hub';
import { createSequencer, pingSequencer } from '@quorum/snapshot/sequencer';
import { announceAliasEnds, announceSigners } from './announce.ts';
import { VoterConfig } from './config.ts';
import { openQueues } from './queues.ts';
import { loadSealing } from './secret-choice.ts';
import { isDry } from './held.ts';
import { lookAtSigners } from './signer-look.ts';
import { loadLicences } from './signers.ts';
import type { VoteJobDeps } from './vote-deps.ts';
import { measureVoter } from './voter-metrics.ts';
import { startVoter } from './worker.ts';

const SECOND_MS = 1_000;
const DAY_S = 24 * 60 * 60;
/** For what is asked at the start, before there is a run whose settings could say. */
const FIRST_ASK_S = 10;
const config = serviceConfig('voter', VoterConfig);
const { fixed } = config;
const aliasValidS = fixed.ALIAS_VALID_DAYS * DAY_S;

const hubOf = (timeoutS: number, gate: Gate, onExchange: OnExchange): Hub =>
  createHub({
    url: fixed.SNAPSHOT_HUB_URL,
    apiKey: fixed.SNAPSHOT_API_KEY,
    timeoutMs: timeoutS * SECOND_MS,
    around: aroundHub(fixed.SNAPSHOT_HUB_URL, gate.pass),
    onExchange,
  });

await runWorkerService({
  config,
  async start(parts) {
    const { connection, records, log, heart } = parts;
    const { onExchange } = heart;
    const live = isLive(fixed.SNAPSHOT_SEQUENCER_URL);
    const licences = await loadLicences(fixed, live);
    const voterKey = readKeyFile(fixed.VOTER_MAC_KEY_FILE);
    const sealing = await loadSealing(fixed.SHUTTER_EON_PUBLIC_KEY, voterKey);
    await requireDurableRedis(connection, { live, allowLossy: fixed.ALLOW_LOSSY_REDIS, log });
    await claimMode(connection, live ? 'live' : 'sandbox');
    await announceSigners(licences, parts);
    const hubId = upstreamId(fixed.SNAPSHOT_HUB_URL, fixed.SNAPSHOT_API_KEY);
    const sequencerId = upstreamId(fixed.SNAPSHOT_SEQUENCER_URL, undefined);
    const gate = createGate(connection, hubId, 'hub', parts.metrics);
    const sequencerAt = (timeoutMs: number) => ({ url: fixed.SNAPSHOT_SEQUENCER_URL, timeoutMs, onExchange });
    heart.watch({
      upstream: 'hub',
      id: hubId,
      ping: () => hubOf(PING_MS / SECOND_MS, gate, onExchange).ping(),
      shutForMs: () => gateShutMs(connection, hubId),
    });
    heart.watch({
      upstream: 'sequencer',
      id: sequencerId,
      ping: () => pingSequencer(sequencerAt(PING_MS)),
      shutForMs: () => gateShutMs(connection, sequencerId),
    });
    heart.vouch('signer', () => lookAtSigners(licences, { records, now: Date.now }));
    // Where the key was changed: the audit chain was sealed with the one before, and goes on.
    const oldKeyFile = `${fixed.VOTER_MAC_KEY_FILE}.previous`;
    const queues = openQueues({
      connection,
      retries: () => ({
        maxRetryAttempts: config.now().MAX_RETRY_ATTEMPTS,
        retryDelayS: config.now().RETRY_DELAY_SECONDS,
      }),
      log,
      now: Date.now,
    });
    const deps: VoteJobDeps = {
      ...parts,
      transitions: createTransitions(connection, voterKey, countWritten(parts.metrics)),
      auditChain: createAuditChain(connection),
      appointments: createAppointments(connection),
      preferences: openPreferences(fixed, {
        ...parts,
        redis: connection,
        defaults: () => preferenceDefaults(config.now()),
      }),
      licences,
      deciderKey: readKeyFile(fixed.DECIDER_MAC_KEY_FILE),
      allowance: createSendAllowance(connection, sequencerId, () => config.now().SEQUENCER_SENDS_PER_MINUTE),
      voterKey,
      sealing,
      oldVoterKeys: existsSync(oldKeyFile) ? [readKeyFile(oldKeyFile, 'given')] : [],
      answerKey: readKeyFile(fixed.HOLD_MAC_KEY_FILE),
      holdJobs: queues.holdJobs,
      sweeps: queues.sweeps,
      notify: queues.notify,
      async termsOf(run) {
        // What a run keeps is how votes are cast; a dry run casts none.
        const kept = await config.forRun(run, isDry(run) ? KEEP_NOTHING : records);
        return {
          hub: hubOf(kept.PROPOSAL_FETCH_TIMEOUT, gate, onExchange),
          sequencer: tracedSequencer(
            fixed.SNAPSHOT_SEQUENCER_URL,
            createSequencer(sequencerAt(kept.VOTE_EXECUTION_TIMEOUT * SECOND_MS)),
          ),
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
    measureVoter(deps);
    const worker = startVoter({ ...parts, deps });
    const closing = new AbortController();
    // Not waited for: a hub that is down keeps nobody from starting, and a Redis that is away nobody from ending. What it does not get
    // to write down the next start does.
    const asking = {
      ...parts,
      appointments: deps.appointments,
      hub: hubOf(FIRST_ASK_S, gate, onExchange),
      settings: { aliasValidS },
      notify: queues.notify,
      now: Date.now,
    };
    void announceAliasEnds(licences, asking, closing.signal);
    return {
      ...worker,
      async close(deadlineMs) {
        closing.abort();
        await worker.close(deadlineMs);
        await queues.close();
      },
    };
  },
});
