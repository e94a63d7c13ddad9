/** The gateway put together: Redis, queues, the worker of notices, application, server, opened in this order and closed in reverse. */
import { createApiKeys } from '@quorum/shared/api-keys';
import { createAuditChain } from '@quorum/shared/audit-chain';
import { createDeliveries } from '@quorum/shared/deliveries';
import { connectFailFast, connectPatient, firstAttempt } from '@quorum/shared/redis';
import { redisUrl } from '@quorum/shared/config';
import { foldQueues } from '@quorum/shared/health';
import { createHeart } from '@quorum/shared/heart';
import type { RetrySettings } from '@quorum/shared/jobs';
import type { Stack } from '@quorum/shared/lifecycle';
import type { LiveConfig } from '@quorum/shared/live-config';
import type { Logger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import { readHealth } from '@quorum/shared/read-health';
import { createRecords } from '@quorum/shared/records';
import { readKeyFile, readSecretFile } from '@quorum/shared/secret-file';
import { openTraces, TRACES_CLOSE_MS } from '@quorum/shared/traces';
import { createTransitions } from '@quorum/shared/transitions';
import { readVoting } from '@quorum/shared/voting';
import { createWatches } from '@quorum/shared/watches';
import { countWritten } from '@quorum/shared/written';
import { createAccess } from './access.ts';
import { createApp } from './app.ts';
import { createBoardSessions } from './board-sessions.ts';
import type { GatewayConfig } from './config.ts';
import { createEventStreams, type EventStreamLimits } from './event-streams.ts';
import { measureFleet } from './fleet-metrics.ts';
import { createHoldList } from './hold-list.ts';
import { createLimits, type LimitSettings } from './limits.ts';
import { lookAtOwnPreferences } from './preferences-look.ts';
import { createQueueLook } from './queue-look.ts';
import { openQueues } from './queues.ts';
import { createRunList } from './run-list.ts';
import { createRunWaits } from './run-waits.ts';
import { createRunWatch } from './run-watch.ts';
import { listen } from './server.ts';
import { createStartRun } from './start-run.ts';
import { measureDeliveries } from './webhook/delivery-metrics.ts';
import { openNotifier, webhookSetting } from './webhook/open.ts';
import { createWebhooks } from './webhook/webhooks.ts';

const SECOND_MS = 1_000;
/** However long a request may wait for Redis: who asks for health wants to know soon. */
const HEALTH_MS = 1.5 * SECOND_MS;

/**
 * Starts to serve, with Redis or without: while it is away requests are answered 503, and they succeed again by themselves
 * once it is back. Throws where a secret file or the address cannot be used.
 * @param tracesOf opens its traces; for whoever wants to have them elsewhere than at a collector.
 */
export async function startGateway(
  config: LiveConfig<typeof GatewayConfig>,
  log: Logger,
  stack: Stack,
  tracesOf: typeof openTraces = openTraces,
): Promise<{ url: string }> {
  const { fixed, now } = config;
  const limitMs = (): number => now().ENQUEUE_TIMEOUT_MS;
  const fileKey = fixed.API_KEY_FILE === undefined ? null : readSecretFile(fixed.API_KEY_FILE);
  const macKey = fixed.GATEWAY_MAC_KEY_FILE === undefined ? null : readKeyFile(fixed.GATEWAY_MAC_KEY_FILE);
  const answerKey = fixed.HOLD_MAC_KEY_FILE === undefined ? null : readKeyFile(fixed.HOLD_MAC_KEY_FILE);

  const traces = await tracesOf('gateway', fixed, log);
  if (traces !== null) stack.add('traces', () => traces.close(TRACES_CLOSE_MS));
  const redis = connectFailFast(redisUrl(fixed), log, limitMs);
  stack.add('redis', async () => redis.disconnect());
  const retries = (): RetrySettings => ({
    maxRetryAttempts: now().MAX_RETRY_ATTEMPTS,
    retryDelayS: now().RETRY_DELAY_SECONDS,
  });
  const queues = openQueues({ connection: redis, retries, limitMs, log });
  stack.add('queues', () => queues.close());

  const metrics = createMetrics('gateway');
  const runWatch = createRunWatch(redis, log);
  stack.add('watching of runs', async () => runWatch.close());
  const eventLimits = (): EventStreamLimits => ({
    heartbeatS: now().EVENTS_HEARTBEAT_S,
    maxClients: now().EVENTS_MAX_CLIENTS,
  });
  const eventStreams = createEventStreams(eventLimits, metrics.registry);
  const runWaits = createRunWaits(redis, () => eventLimits().maxClients, log);
  const setting = webhookSetting(fixed);
  const patient = connectPatient(redisUrl(fixed), log);
  stack.add('redis of notices', async () => patient.disconnect());
  const deliveries = createDeliveries(redis);
  // Measured on the connection that fails fast: who asks for metrics must not wait for a Redis that is away.
  const deliveryMetrics = measureDeliveries(metrics, deliveries);
  const notifier = openNotifier({ connection: patient, fixed, macKey, setting, metrics, deliveryMetrics, traces, log });
  stack.add('notices', () => notifier.close((fixed.SHUTDOWN_TIMEOUT_S * SECOND_MS) / 2));
  const preferences = openPreferences(fixed, { redis, log, metrics, defaults: () => preferenceDefaults(now()) });
  const queueLook = createQueueLook(queues);
  const heart = createHeart({
    service: 'gateway',
    redis,
    log,
    settings: () => ({ everyS: now().HEARTBEAT_S, pingS: 0 }),
    working: () => notifier.isRunning(),
  });
  // It remembers what it sees: each beat is a look.
  heart.vouch('queues', async () => foldQueues(await queueLook.look()));
  heart.vouch('preferences', () => lookAtOwnPreferences(fixed, preferences));
  if (fixed.PREFERENCES_STORE === 'file') heart.keepsFilesIn(fixed.PREFERENCES_DIR);
  const limits = createLimits({ redis, settings: () => limitSettings(now()), limitMs, metrics });
  const sessions = createBoardSessions(redis);
  const records = createRecords(redis);
  measureFleet({ redis, metrics, queues, records, now: Date.now });
  const app = createApp({
    access: createAccess({
      owner: fixed.OWNER_ID,
      fileKey,
      apiKeys: macKey === null ? null : createApiKeys(redis, macKey),
      allowAnonymous: fixed.ALLOW_ANONYMOUS,
      limits,
      sessions,
      metrics,
      log,
    }),
    startRun: createStartRun(redis, queues),
    queues,
    limitMs,
    log,
    records,
    runList: createRunList(redis, records),
    holdList: createHoldList(redis, records),
    auditChain: createAuditChain(redis),
    runWatch,
    runWaits,
    eventStreams,
    transitions: createTransitions(redis, null, countWritten(metrics)),
    watches: createWatches(redis),
    answerKey,
    votingOf: (owner) => readVoting(redis, owner),
    webhooks: createWebhooks({ redis, macKey, setting, metrics, log }),
    deliveries,
    allowPrivateWebhooks: fixed.WEBHOOK_ALLOW_PRIVATE,
    preferenceDefaults: () => preferenceDefaults(now()),
    preferences,
    health: () => readHealth({ redis, withinMs: Math.min(HEALTH_MS, limitMs()), queues: queueLook.look }),
    metrics,
    traces,
    allowedHosts: fixed.ALLOWED_HOSTS,
    corsOrigins: () => now().CORS_ORIGINS,
    trustProxy: fixed.TRUST_PROXY,
    sessions,
  });
  heart.start();
  stack.add('heartbeat', heart.stop);
  const server = await listen(app, fixed.HOST, fixed.PORT);
  stack.add('http server', () => server.close((fixed.SHUTDOWN_TIMEOUT_S * SECOND_MS) / 3));
  // Before the server, which waits for its answers to end.
  stack.add('event streams', async () => eventStreams.close());
  stack.add('waiting requests', async () => runWaits.close());
  const fresh = config.keepFresh({
    log,
    metrics,
    onApplied() {
      log.level = now().LOG_LEVEL;
    },
  });
  stack.add('settings', fresh.close);

  // So that a caller who was told that it runs is not answered 503 while the connection is still being made, however long a
  // busy machine takes over that.
  await firstAttempt(redis);
  await queues.ready().catch((error: unknown) => log.warn({ err: error }, 'started without redis'));
  return { url: server.url };
}

function limitSettings(now: ReturnType<LiveConfig<typeof GatewayConfig>['now']>): LimitSettings {
  return {
    windowS: now.RATE_LIMIT_WINDOW_S,
    readsPerOwner: now.RATE_LIMIT_READS_PER_OWNER,
    readsPerAddress: now.RATE_LIMIT_READS_PER_ADDRESS,
    startsPerOwner: now.RATE_LIMIT_STARTS_PER_OWNER,
    startsPerAddress: now.RATE_LIMIT_STARTS_PER_ADDRESS,
    badKeysPerAddress: now.RATE_LIMIT_BAD_KEYS_PER_ADDRESS,
  };
}
