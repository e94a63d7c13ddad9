/** The gateway put together: Redis, queues, application, server, opened in this order and closed in reverse. */
import { createApiKeys } from '@quorum/shared/api-keys';
import { connectFailFast, firstAttempt } from '@quorum/shared/redis';
import { redisUrl } from '@quorum/shared/config';
import type { Stack } from '@quorum/shared/lifecycle';
import type { Logger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import { createRecords } from '@quorum/shared/records';
import { readKeyFile, readSecretFile } from '@quorum/shared/secret-file';
import { createTransitions } from '@quorum/shared/transitions';
import { createAccess } from './access.ts';
import { createApp } from './app.ts';
import type { GatewayConfig } from './config.ts';
import { openQueues } from './queues.ts';
import { listen } from './server.ts';

/**
 * Starts to serve, with Redis or without: while it is away requests are answered 503, and they succeed again by themselves
 * once it is back. Throws where a secret file or the address cannot be used.
 */
export async function startGateway(config: GatewayConfig, log: Logger, stack: Stack): Promise<{ url: string }> {
  const limitMs = config.ENQUEUE_TIMEOUT_MS;
  const { API_KEY_FILE, GATEWAY_MAC_KEY_FILE } = config;
  const fileKey = API_KEY_FILE === undefined ? null : readSecretFile(API_KEY_FILE);
  const macKey = GATEWAY_MAC_KEY_FILE === undefined ? null : readKeyFile(GATEWAY_MAC_KEY_FILE);

  const redis = connectFailFast(redisUrl(config), log, limitMs);
  stack.add('redis', async () => redis.disconnect());
  const retries = { maxRetryAttempts: config.MAX_RETRY_ATTEMPTS, retryDelayS: config.RETRY_DELAY_SECONDS };
  const queues = openQueues({ connection: redis, retries, limitMs, log });
  stack.add('queues', () => queues.close());

  const metrics = createMetrics('gateway');
  const app = createApp({
    access: createAccess({
      owner: config.OWNER_ID,
      fileKey,
      apiKeys: macKey === null ? null : createApiKeys(redis, macKey),
      allowAnonymous: config.ALLOW_ANONYMOUS,
      metrics,
      log,
    }),
    queues,
    limitMs,
    log,
    records: createRecords(redis),
    transitions: createTransitions(redis),
    preferenceDefaults: preferenceDefaults(config),
    preferences: openPreferences(config, { redis, log, metrics }),
    metrics,
    allowedHosts: config.ALLOWED_HOSTS,
  });
  const server = await listen(app, config.HOST, config.PORT);
  stack.add('http server', () => server.close());

  // So that a caller who was told that it runs is not answered 503 while the connection is still being made, however long a
  // busy machine takes over that.
  await firstAttempt(redis);
  await queues.ready().catch((error: unknown) => log.warn({ err: error }, 'started without redis'));
  return { url: server.url };
}
