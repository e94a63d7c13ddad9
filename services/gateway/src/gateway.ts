/** The gateway put together: Redis, queues, application, server, opened in this order and closed in reverse. */
import { createApiKeys } from '@quorum/shared/api-keys';
import { connectFailFast, firstAttempt } from '@quorum/shared/redis';
import { redisUrl } from '@quorum/shared/config';
import type { RetrySettings } from '@quorum/shared/jobs';
import type { Stack } from '@quorum/shared/lifecycle';
import type { LiveConfig } from '@quorum/shared/live-config';
import type { Logger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import { createRecords } from '@quorum/shared/records';
import { readKeyFile, readSecretFile } from '@quorum/shared/secret-file';
import { createTransitions } from '@quorum/shared/transitions';
import { createWatches } from '@quorum/shared/watches';
import { createAccess } from './access.ts';
import { createApp } from './app.ts';
import type { GatewayConfig } from './config.ts';
import { openQueues } from './queues.ts';
import { listen } from './server.ts';

/**
 * Starts to serve, with Redis or without: while it is away requests are answered 503, and they succeed again by themselves
 * once it is back. Throws where a secret file or the address cannot be used.
 */
export async function startGateway(
  config: LiveConfig<typeof GatewayConfig>,
  log: Logger,
  stack: Stack,
): Promise<{ url: string }> {
  const { fixed, now } = config;
  const limitMs = (): number => now().ENQUEUE_TIMEOUT_MS;
  const fileKey = fixed.API_KEY_FILE === undefined ? null : readSecretFile(fixed.API_KEY_FILE);
  const macKey = fixed.GATEWAY_MAC_KEY_FILE === undefined ? null : readKeyFile(fixed.GATEWAY_MAC_KEY_FILE);

  const redis = connectFailFast(redisUrl(fixed), log, limitMs());
  stack.add('redis', async () => redis.disconnect());
  const retries = (): RetrySettings => ({
    maxRetryAttempts: now().MAX_RETRY_ATTEMPTS,
    retryDelayS: now().RETRY_DELAY_SECONDS,
  });
  const queues = openQueues({ connection: redis, retries, limitMs, log });
  stack.add('queues', () => queues.close());

  const metrics = createMetrics('gateway');
  const app = createApp({
    access: createAccess({
      owner: fixed.OWNER_ID,
      fileKey,
      apiKeys: macKey === null ? null : createApiKeys(redis, macKey),
      allowAnonymous: fixed.ALLOW_ANONYMOUS,
      metrics,
      log,
    }),
    queues,
    limitMs,
    log,
    records: createRecords(redis),
    transitions: createTransitions(redis),
    watches: createWatches(redis),
    preferenceDefaults: () => preferenceDefaults(now()),
    preferences: openPreferences(fixed, { redis, log, metrics, defaults: () => preferenceDefaults(now()) }),
    metrics,
    allowedHosts: fixed.ALLOWED_HOSTS,
  });
  const server = await listen(app, fixed.HOST, fixed.PORT);
  stack.add('http server', () => server.close());
  const fresh = config.keepFresh({
    log,
    metrics,
    onApplied() {
      log.level = now().LOG_LEVEL;
      redis.options.commandTimeout = limitMs();
    },
  });
  stack.add('settings', fresh.close);

  // So that a caller who was told that it runs is not answered 503 while the connection is still being made, however long a
  // busy machine takes over that.
  await firstAttempt(redis);
  await queues.ready().catch((error: unknown) => log.warn({ err: error }, 'started without redis'));
  return { url: server.url };
}
